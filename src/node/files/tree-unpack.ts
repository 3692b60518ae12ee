/**
 * Puts the members of an archive below a folder, small ones in batches: while some are stored and copied, the
 * next is read. Names are made in the order of the archive. Whatever needs names of files that came before waits
 * until all before it is there.
 */
import { isJobxError } from "../../api/errors.ts";
import type { TreeCounts } from "../../api/file-port.ts";
import type { TarEntry } from "../../api/tar/tar-entry.ts";
import type { Chunking } from "../../fs/content/chunk.ts";
import type { SealKey } from "../../fs/seal.ts";
import type { FileCommit, Place, TreeCommand } from "../../scheduler/tree/commands.ts";
import { treeError } from "../../scheduler/tree/errors.ts";
import { namesOf } from "../../scheduler/tree/names.ts";
import { type FileContent, ROOT_INODE } from "../../scheduler/tree/rows.ts";
import { assert } from "../../std/assert.ts";
import { gather } from "../../std/gather.ts";
import type { Contents } from "../data-plane/contents.ts";
import { type BlockCopiesDeps, copyBlocks } from "./block-copies.ts";
import { ContentList } from "./content-list.ts";
import { FOLDER_MODE } from "./folder-mode.ts";
import { sideBySide } from "./side-by-side.ts";
import { withStripes } from "./stripe-writer.ts";
import { type BatchMember, SMALL_FILE_BYTES, type SmallFile, TreeBatch } from "./tree-batch.ts";
import { type Coding, storeCopied } from "./upload.ts";

/** Folders whose mode and time are set at the end, since what is put into them changes the time. */
const FOLDERS_KEPT = 10_000;

export interface UnpackDeps extends BlockCopiesDeps {
  readonly contents: Pick<Contents, "store" | "storeFiles">;
  readonly command: (command: TreeCommand) => Promise<{ readonly inode: number }>;
}

/** What a volume asks for, and under which pin blocks are put. */
export interface UnpackOptions {
  readonly upload: string;
  /** The folder below which everything goes. */
  readonly base: number;
  readonly wanted: number;
  readonly chunking: Chunking;
  /** With which blocks are sealed; undefined: not at all. */
  readonly key: SealKey | undefined;
  /** Of files that are put alone. */
  readonly coding: Coding | undefined;
  readonly signal: AbortSignal;
}

/** Batches that are stored and named while another is read, and bytes of their content. */
const BATCHES_AT_ONCE = 4;
const BATCHES_BYTES = 16 * 1024 * 1024;

type Folder = Extract<BatchMember, { readonly kind: "directory" }>;

interface StoredFiles {
  readonly commits: readonly FileCommit[];
  readonly bytes: number;
}

/** The content of a small file, in memory of its own where it did not come whole. */
async function whole(entry: Extract<TarEntry, { readonly kind: "file" }>): Promise<Uint8Array> {
  return entry.content.now() ?? (await gather(entry.content, entry.bytes));
}

/** One archive. Use: `unpack` once; counts and copies are right at any time. */
export class TreeUnpack {
  readonly #deps: UnpackDeps;
  readonly #options: UnpackOptions;
  #batch = new TreeBatch();
  #putting: Promise<void> = Promise.resolve();
  /** Under way, the oldest first. */
  #under: { readonly bytes: number; readonly put: Promise<void> }[] = [];
  #folders: Folder[] = [];
  #counts = { files: 0, directories: 0, links: 0, bytes: 0 };
  #copies: number;

  constructor(deps: UnpackDeps, options: UnpackOptions) {
    this.#deps = deps;
    this.#options = options;
    this.#copies = options.wanted;
  }

  /** What is there by now. */
  get counts(): TreeCounts {
    return { ...this.#counts };
  }

  /** On how many nodes each block is, at least. */
  get copies(): number {
    return this.#copies;
  }

  /** @throws {JobxError} what `entries` throws, and those of blocks and commands; then no batch is under way. */
  async unpack(entries: AsyncIterable<TarEntry>): Promise<void> {
    try {
      for await (const entry of entries) {
        this.#options.signal.throwIfAborted();
        await this.#take(entry);
      }
      await this.#settle();
      await this.#setFolders();
    } finally {
      await this.#putting.catch(() => undefined);
    }
  }

  async #take(entry: TarEntry): Promise<void> {
    // What would be refused is so before its content is taken.
    namesOf(entry.path);
    switch (entry.kind) {
      case "file":
        if (entry.bytes <= SMALL_FILE_BYTES) {
          return this.#add({ ...entry, data: await whole(entry) });
        }
        await this.#settle();
        return this.#putLarge(entry);
      case "directory":
        return this.#add(entry);
      case "symlink":
        return this.#add(entry);
      case "link":
        await this.#settle();
        return this.#link(entry);
    }
  }

  async #add(member: BatchMember): Promise<void> {
    if (this.#batch.take(member)) return;
    await this.#flush();
    this.#batch.take(member);
  }

  /** Begins to put the batch when the one before is there. */
  async #flush(): Promise<void> {
    const { members, bytes } = this.#batch;
    this.#batch = new TreeBatch();
    if (members.length === 0) return;
    for (;;) {
      const [oldest] = this.#under;
      const waiting = this.#under.reduce((sum, batch) => sum + batch.bytes, bytes);
      const hasRoom = this.#under.length < BATCHES_AT_ONCE && waiting <= BATCHES_BYTES;
      if (oldest === undefined || hasRoom) break;
      await oldest.put;
      this.#under.shift();
    }
    this.#putting = this.#put(members, this.#putting);
    this.#under.push({ bytes, put: this.#putting });
    // Whoever waits for it next is told; nobody may.
    this.#putting.catch(() => undefined);
  }

  async #settle(): Promise<void> {
    await this.#flush();
    await this.#putting;
    this.#under = [];
  }

  /** Names are made when those of the batch before are; after a failure of it none. */
  async #put(members: readonly BatchMember[], before: Promise<void>): Promise<void> {
    const stored = this.#storeSmall(members.filter((member) => member.kind === "file"));
    // Told below; until then it may fail beside the batch before.
    stored.catch(() => undefined);
    try {
      await before;
    } catch (error) {
      await stored.catch(() => undefined);
      throw error;
    }
    const folders = members.filter((member) => member.kind === "directory");
    await sideBySide(folders, (folder) => this.#makeFolder(folder));
    await this.#nameSmall(await stored);
    const links = members.filter((member) => member.kind === "symlink");
    await sideBySide(links, ({ path, target }) =>
      this.#name(path, { kind: "fs-symlink", place: this.#place(path), target }),
    );
  }

  async #makeFolder(folder: Folder): Promise<void> {
    const { path, mode } = folder;
    await this.#deps.command({ kind: "fs-mkdir", place: this.#place(path), mode, parents: true });
    // The volume's own root is nobody's copy.
    if (path !== "" || this.#options.base !== ROOT_INODE) this.#folders.push(folder);
    if (path !== "") this.#counts.directories += 1;
    if (this.#folders.length >= FOLDERS_KEPT) await this.#setFolders();
  }

  async #setFolders(): Promise<void> {
    const folders = this.#folders;
    this.#folders = [];
    await sideBySide(folders, async ({ path, mode, mtimeMicros }) => {
      const how = { place: this.#place(path), expect: { kind: "any" }, mode, mtimeMicros } as const;
      await this.#deps.command({ kind: "fs-attributes", ...how });
    });
  }

  /** Durable, and copied. */
  async #storeSmall(files: readonly SmallFile[]): Promise<StoredFiles> {
    const cids: string[] = [];
    const commits: FileCommit[] = [];
    const data = files.map((file) => file.data);
    const bytes = data.reduce((sum, { length }) => sum + length, 0);
    if (files.length === 0) return { commits, bytes };
    for await (const { chunks, root } of this.#deps.contents.storeFiles(data, this.#options)) {
      const file = files[commits.length];
      assert(file !== undefined, "each file is told once");
      cids.push(...chunks.map(({ cid }) => cid));
      commits.push(this.#commit(file, { content: { kind: "inline", blocks: chunks }, root }));
    }
    assert(commits.length === files.length, "all files are told");
    await this.#copy(cids);
    return { commits, bytes };
  }

  async #nameSmall({ commits, bytes }: StoredFiles): Promise<void> {
    if (commits.length === 0) return;
    const { upload } = this.#options;
    await this.#deps.command({ kind: "fs-commit", upload, files: commits, parents: true });
    this.#counts.files += commits.length;
    this.#counts.bytes += bytes;
  }

  async #copy(cids: readonly string[]): Promise<void> {
    const { wanted, signal } = this.#options;
    if (cids.length === 0) return;
    this.#copies = Math.min(this.#copies, await copyBlocks(cids, this.#deps, { wanted, signal }));
  }

  async #putLarge(file: Extract<TarEntry, { readonly kind: "file" }>): Promise<void> {
    const { upload, chunking, key, wanted, signal, coding } = this.#options;
    const { contents, command } = this.#deps;
    const list = new ContentList(upload, async (one) => (await command(one)).inode);
    const windows = contents.store({ bytes: file.content, chunking, key, sha256: false });
    const stored = await storeCopied(this.#deps, { windows, list, wanted, signal, coding });
    const { content, cid, bytes, copies, stripes, tidy } = stored;
    const files = [this.#commit(file, { content, root: cid })];
    const commit = { kind: "fs-commit", upload, files, parents: true } as const;
    await command(withStripes(commit, stripes));
    tidy();
    this.#copies = Math.min(this.#copies, copies);
    this.#counts.files += 1;
    this.#counts.bytes += bytes;
  }

  #commit(
    file: {
      readonly path: string;
      readonly mode: number;
      readonly mtimeMicros: number | undefined;
    },
    { content, root }: { readonly content: FileContent; readonly root: string | undefined },
  ): FileCommit {
    const { path, mode, mtimeMicros } = file;
    const place = this.#place(path);
    const expect = { kind: "any" } as const;
    return { place, expect, mode, mtimeMicros, root, content, keep: undefined };
  }

  async #link({ path, target }: { readonly path: string; readonly target: string }): Promise<void> {
    namesOf(target);
    if (path === target) throw treeError("FS_EXISTS", "a name is no link to itself", { path });
    await this.#name(path, { kind: "fs-link", from: this.#place(target), to: this.#place(path) });
  }

  /** Makes a name; missing folders are made, and a name of a file or link that is there is replaced. */
  async #name(path: string, command: TreeCommand): Promise<void> {
    const { command: put } = this.#deps;
    const above = path.split("/").slice(0, -1).join("/");
    const remedies: Readonly<Record<string, TreeCommand>> = {
      FS_NOT_FOUND: {
        ...{ kind: "fs-mkdir", place: this.#place(above) },
        ...{ mode: FOLDER_MODE, parents: true },
      },
      FS_EXISTS: { kind: "fs-unlink", places: [this.#place(path)] },
    };
    try {
      await put(command);
    } catch (error) {
      const remedy = isJobxError(error) ? remedies[error.code] : undefined;
      if (remedy === undefined) throw error;
      await put(remedy);
      await put(command);
    }
    this.#counts.links += 1;
  }

  #place(path: string): Place {
    return { from: this.#options.base, path };
  }
}
