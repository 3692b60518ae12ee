/** Volumes in memory: enough of a tree for tests of what stands in front of one. */
import { createHash } from "node:crypto";
import type {
  AttributeChange,
  FileAt,
  FileChange,
  FileList,
  FilePort,
  FilePut,
  FilePutAnswer,
  FileRange,
  FileView,
  OpenFile,
  TreePut,
  TreePutAnswer,
} from "../../src/api/file-port.ts";
import type { InodeAttribute } from "../../src/api/inode-port.ts";
import type { CallOptions } from "../../src/api/ports.ts";
import { readTar } from "../../src/api/tar/tar-reader.ts";
import { TAR_END, tarHeader, tarPadding } from "../../src/api/tar/tar-writer.ts";
import { FakeCopies } from "./fake-copies.ts";
import { failure, normal } from "./fake-paths.ts";
import { FakeSecrets } from "./fake-secrets.ts";
import { FakeSnapshots, fakePath } from "./fake-snapshots.ts";
import { FakeVolumes } from "./fake-volumes.ts";
import { MemoryVolume } from "./memory-inodes.ts";

/** Undefined content is a folder. */
interface Node {
  readonly content: Buffer | undefined;
  readonly inode: number;
  readonly revision: number;
}

type Told = (method: string, input: unknown, options: CallOptions) => void;

export class FakeFiles implements FilePort {
  /** Of all workflows, by path. */
  readonly nodes = new Map<string, Node>();
  /** Reading ends with an error after so many bytes. */
  breaksAfter: number | undefined;
  /** A volume by inodes, of all workflows; it has nothing of the one by paths. */
  readonly memory = new MemoryVolume();
  readonly volumes: FakeVolumes;
  readonly snapshots: FakeSnapshots;
  /** Where blocks are; it has nothing of the others. */
  readonly copies: FakeCopies;
  readonly secrets: FakeSecrets;
  readonly #told: Told;
  /** Values by names, by path. */
  readonly #attributes = new Map<string, Map<string, string>>();
  #last = 1;

  constructor(told: Told) {
    this.#told = told;
    this.volumes = new FakeVolumes(told, this);
    this.snapshots = new FakeSnapshots(told, this);
    this.copies = new FakeCopies(told);
    this.secrets = new FakeSecrets(told);
  }

  reset(): void {
    this.nodes.clear();
    this.#attributes.clear();
    this.memory.reset();
    this.volumes.reset();
    this.snapshots.reset();
    this.breaksAfter = undefined;
  }

  async put(
    input: FilePut,
    bytes: AsyncIterable<Uint8Array>,
    options: CallOptions,
  ): Promise<FilePutAnswer> {
    this.#told("files.put", input, options);
    const path = normal(input.path);
    const there = this.nodes.get(path);
    const cid = there?.content === undefined ? undefined : cidOf(there.content);
    const { expect } = input;
    if (expect.kind === "absent" && there !== undefined) throw failure("FS_EXISTS");
    if (expect.kind === "content" && expect.cid !== cid) throw failure("FS_CHANGED");
    if (expect.kind === "present" && there === undefined) throw failure("FS_CHANGED");
    const parts: Uint8Array[] = [];
    for await (const part of bytes) parts.push(part);
    const content = Buffer.concat(parts);
    const digest = createHash("sha256").update(content).digest("hex");
    if (input.sha256 !== undefined && input.sha256 !== digest) throw failure("FS_DIGEST_MISMATCH");
    const { inode, revision } = this.add(path, content);
    const copies = { copies: 2, copiesWanted: 2 };
    return { path, bytes: content.length, cid: cidOf(content), inode, revision, ...copies };
  }

  open(at: FileAt, options: CallOptions): Promise<OpenFile> {
    this.#told("files.open", at, options);
    const path = fakePath(at);
    const { content } = this.#find(path);
    if (content === undefined) throw failure("FS_IS_DIRECTORY");
    const read = (range: FileRange) =>
      Promise.resolve(breaking(content.subarray(range.from, range.to), this.breaksAfter));
    return Promise.resolve({ view: viewOf(path, this.#find(path)), read });
  }

  async putTree(
    input: TreePut,
    archive: AsyncIterable<Uint8Array>,
    options: CallOptions,
  ): Promise<TreePutAnswer> {
    this.#told("files.putTree", input, options);
    const counts = { files: 0, directories: 0, links: 0, bytes: 0 };
    const base = normal(input.path);
    this.add(base, undefined);
    for await (const entry of readTar(archive)) {
      const path = `${base === "/" ? "" : base}/${entry.path}`;
      if (entry.kind === "file") {
        const parts: Uint8Array[] = [];
        for await (const part of entry.content) parts.push(part);
        this.add(path, Buffer.concat(parts));
        counts.files += 1;
        counts.bytes += entry.bytes;
      } else if (entry.kind === "directory" && entry.path !== "") {
        this.add(path, undefined);
        counts.directories += 1;
      }
    }
    return { path: base, ...counts, copies: 2, copiesWanted: 2 };
  }

  openTree(at: FileAt, options: CallOptions): Promise<AsyncIterable<Uint8Array>> {
    this.#told("files.openTree", at, options);
    const base = fakePath(at);
    if (this.#find(base).content !== undefined) throw failure("FS_NOT_DIRECTORY");
    const prefix = base === "/" ? "/" : `${base}/`;
    const below = [...this.nodes].filter(([path]) => path.startsWith(prefix));
    const common = { mode: 0o755, mtimeMicros: 0 };
    const parts = below.flatMap(([whole, { content }]) => {
      const path = whole.slice(prefix.length);
      if (content === undefined) return [tarHeader({ kind: "directory", path, ...common })];
      const head = tarHeader({ kind: "file", path, bytes: content.length, ...common });
      return [head, content, tarPadding(content.length)];
    });
    return Promise.resolve(breaking(Buffer.concat([...parts, TAR_END]), this.breaksAfter));
  }

  stat(at: FileAt, options: CallOptions): Promise<FileView> {
    this.#told("files.stat", at, options);
    return Promise.resolve(viewOf(normal(at.path), this.#find(fakePath(at))));
  }

  list(
    at: FileAt & { readonly limit: number; readonly after: string | undefined },
    options: CallOptions,
  ): Promise<FileList> {
    this.#told("files.list", at, options);
    const path = fakePath(at);
    if (this.#find(path).content !== undefined) throw failure("FS_NOT_DIRECTORY");
    const prefix = path === "/" ? "/" : `${path}/`;
    const names = [...this.nodes.keys()]
      .filter((one) => one.startsWith(prefix) && !one.slice(prefix.length).includes("/"))
      .map((one) => one.slice(prefix.length))
      .filter((name) => name > (at.after ?? ""))
      .sort();
    const page = names.slice(0, at.limit);
    const entries = page.map((name) => {
      const { path: _path, ...shown } = viewOf("", this.#find(prefix + name));
      return { name, ...shown };
    });
    const next = names.length > page.length ? (page.at(-1) ?? null) : null;
    return Promise.resolve({ path, entries, next });
  }

  mkdir(at: FileAt & { readonly parents: boolean }, options: CallOptions): Promise<FileChange> {
    this.#told("files.mkdir", at, options);
    if (this.nodes.has(normal(at.path)) && !at.parents) throw failure("FS_EXISTS");
    return Promise.resolve(this.add(normal(at.path), undefined));
  }

  remove(at: FileAt & { readonly recursive: boolean }, options: CallOptions): Promise<FileChange> {
    this.#told("files.remove", at, options);
    const path = normal(at.path);
    this.#find(path);
    const below = [...this.nodes.keys()].filter((one) => one.startsWith(`${path}/`));
    if (below.length > 0 && !at.recursive) throw failure("FS_NOT_EMPTY");
    for (const one of [path, ...below]) this.nodes.delete(one);
    return Promise.resolve({ inode: 0, revision: this.#next() });
  }

  rename(move: Parameters<FilePort["rename"]>[0], options: CallOptions): Promise<FileChange> {
    this.#told("files.rename", move, options);
    const node = this.#find(normal(move.from));
    if (move.exclusive && this.nodes.has(normal(move.to))) throw failure("FS_EXISTS");
    this.nodes.delete(normal(move.from));
    this.nodes.set(normal(move.to), node);
    return Promise.resolve({ inode: node.inode, revision: this.#next() });
  }

  publish(move: Parameters<FilePort["publish"]>[0], options: CallOptions): Promise<FileChange> {
    this.#told("files.publish", move, options);
    const node = this.#find(normal(move.from));
    this.nodes.delete(normal(move.from));
    this.nodes.set(normal(move.to), node);
    return Promise.resolve({ inode: node.inode, revision: this.#next() });
  }

  link(move: Parameters<FilePort["link"]>[0], options: CallOptions): Promise<FileChange> {
    this.#told("files.link", move, options);
    this.nodes.set(normal(move.to), this.#find(normal(move.from)));
    return Promise.resolve({ inode: 1, revision: this.#next() });
  }

  symlink(at: FileAt & { readonly target: string }, options: CallOptions): Promise<FileChange> {
    this.#told("files.symlink", at, options);
    return Promise.resolve(this.add(normal(at.path), Buffer.from(at.target)));
  }

  attributes(
    at: FileAt,
    options: CallOptions,
  ): Promise<{ readonly attributes: readonly InodeAttribute[] }> {
    this.#told("files.attributes", at, options);
    const found = this.#attributes.get(fakePath(at)) ?? new Map<string, string>();
    return Promise.resolve({ attributes: [...found].map(([name, value]) => ({ name, value })) });
  }

  setAttribute(change: AttributeChange, options: CallOptions): Promise<FileChange> {
    this.#told("files.setAttribute", change, options);
    const path = normal(change.path);
    const { inode } = this.#find(path);
    const known = this.#attributes.get(path) ?? new Map<string, string>();
    this.#attributes.set(path, known);
    const { name, value, over } = change;
    if (over === "absent" && known.has(name)) throw failure("FS_EXISTS");
    if (over === "present" && !known.has(name)) throw failure("FS_ATTRIBUTE_UNKNOWN");
    if (value === null) known.delete(name);
    else known.set(name, value);
    return Promise.resolve({ inode, revision: this.#next() });
  }

  /** A file, or without content a folder. */
  add(path: string, content?: Buffer): Node {
    const node = { content, inode: this.#next(), revision: this.#next() };
    this.nodes.set(path, node);
    return node;
  }

  #find(path: string): Node {
    const node =
      path === "/" ? { content: undefined, inode: 1, revision: 1 } : this.nodes.get(path);
    if (node === undefined) throw failure("FS_NOT_FOUND");
    return node;
  }

  #next(): number {
    this.#last += 1;
    return this.#last;
  }
}

/** Not the id that the content has in a volume; told apart by the bytes alone like that one. */
export function cidOf(content: Buffer): string {
  return `b${createHash("sha256").update(content).digest("hex")}`;
}

async function* breaking(
  content: Buffer,
  after: number | undefined,
): AsyncGenerator<Uint8Array, void, undefined> {
  yield content.subarray(0, after);
  await Promise.resolve();
  if (after !== undefined) throw failure("FS_BLOCK_MISSING");
}

function viewOf(path: string, { content, inode, revision }: Node): FileView {
  const isFile = content !== undefined;
  return {
    ...{ path, inode, revision, mtime: "2026-01-31T08:00:00.000Z", links: 1, target: null },
    type: isFile ? "file" : "directory",
    mode: isFile ? 0o644 : 0o755,
    bytes: content?.length ?? 0,
    cid: isFile ? cidOf(content) : null,
    entries: isFile ? null : 0,
  };
}
