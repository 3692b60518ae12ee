/** The shared filesystem behind the API: any node answers for any workflow's volume. */
import type { ClusterNode } from "../../actors/cluster-node.ts";
import { heirsAmong } from "../../actors/whom-to-ask.ts";
import type {
  FileAt,
  FileChange,
  FileList,
  FilePort,
  FilePut,
  FilePutAnswer,
  FileView,
  OpenFile,
  TreePut,
  TreePutAnswer,
} from "../../api/file-port.ts";
import type { CallOptions } from "../../api/ports.ts";
import type { Holders } from "../../fs/file-block-reader.ts";
import type { TreeCommand } from "../../scheduler/tree/commands.ts";
import { treeError } from "../../scheduler/tree/errors.ts";
import { treeKeys } from "../../scheduler/tree/keys.ts";
import type { Found } from "../../scheduler/tree/reads.ts";
import type { FileRow, InodeRow } from "../../scheduler/tree/rows.ts";
import { assert } from "../../std/assert.ts";
import type { NodeId } from "../../wire/dataset.ts";
import type { Contents } from "../data-plane/contents.ts";
import { systemTimers } from "../system.ts";
import type { SystemView } from "../system-view.ts";
import type { WorkflowWriter } from "../workflow-writer.ts";
import { type DownloadDeps, readFile } from "./download.ts";
import { entryView, fileView } from "./file-views.ts";
import { FOLDER_MODE } from "./folder-mode.ts";
import { putTree } from "./put-tree.ts";
import { type ArchiveDeps, archiveOf } from "./tree-archive.ts";
import { type FileCall, pathOf, stepDeadline, TreeReader } from "./tree-reader.ts";
import { putFile, type UploadDeps } from "./upload.ts";

export interface FilesDeps {
  readonly node: Pick<ClusterNode, "read" | "caller" | "directory">;
  readonly self: () => NodeId;
  readonly isUp: (node: NodeId) => boolean;
  readonly contents: Contents;
  readonly view: Pick<SystemView, "workflowNamed">;
  readonly writer: Pick<WorkflowWriter, "command">;
}

export class Files implements FilePort {
  readonly #deps: FilesDeps;
  readonly #reader: TreeReader;

  constructor(deps: FilesDeps) {
    this.#deps = deps;
    this.#reader = new TreeReader(deps.node);
  }

  async put(
    input: FilePut,
    bytes: AsyncIterable<Uint8Array>,
    options: CallOptions,
  ): Promise<FilePutAnswer> {
    const call = await this.#call(input.workflow, options);
    return putFile(this.#uploadDeps(), input, { call, bytes, signal: options.signal });
  }

  async open(at: FileAt, options: CallOptions): Promise<OpenFile> {
    const call = await this.#call(at.workflow, options);
    const path = pathOf(at.path);
    const found = await this.#reader.find(call, path);
    const { row } = found;
    if (row.kind !== "fs-file") throw treeError("FS_IS_DIRECTORY", "it is a folder", { path });
    return {
      view: fileView(path, found),
      read: (range) => {
        return begun(readFile(this.#downloadDeps(), row, { call, range }));
      },
    };
  }

  async putTree(
    input: TreePut,
    archive: AsyncIterable<Uint8Array>,
    options: CallOptions,
  ): Promise<TreePutAnswer> {
    const call = await this.#call(input.workflow, options);
    const deps = { ...this.#uploadDeps(), contents: this.#deps.contents };
    return putTree(deps, input, { call, archive, signal: options.signal });
  }

  async openTree(at: FileAt, options: CallOptions): Promise<AsyncIterable<Uint8Array>> {
    const call = await this.#call(at.workflow, options);
    const path = pathOf(at.path);
    const found = await this.#reader.find(call, path);
    if (found.row.kind !== "fs-directory") {
      throw treeError("FS_NOT_DIRECTORY", "it is not a folder", { path });
    }
    const deps = {
      page: (directory: number, how: { after: string | undefined; limit: number }) =>
        this.#page(call, { directory, ...how }),
      read: (row: FileRow) =>
        readFile(this.#downloadDeps(), row, { call, range: { from: 0, to: row.bytes } }),
    };
    return begun(archiveOf(deps, found));
  }

  async stat(at: FileAt & { readonly follow: boolean }, options: CallOptions): Promise<FileView> {
    const call = await this.#call(at.workflow, options);
    const path = pathOf(at.path);
    return fileView(path, await this.#reader.find(call, path, at));
  }

  async list(
    at: FileAt & { readonly limit: number; readonly after: string | undefined },
    options: CallOptions,
  ): Promise<FileList> {
    const call = await this.#call(at.workflow, options);
    const path = pathOf(at.path);
    const { inode: directory, row } = await this.#reader.find(call, path);
    if (row.kind !== "fs-directory") {
      throw treeError("FS_NOT_DIRECTORY", "it is not a folder", { path });
    }
    const { limit, after } = at;
    const { entries, next } = await this.#page(call, { directory, limit, after });
    const shown = entries.map(({ name, ...found }) => entryView(name, found));
    return { path: `/${path}`, entries: shown, next: next ?? null };
  }

  async mkdir(
    at: FileAt & { readonly parents: boolean },
    options: CallOptions,
  ): Promise<FileChange> {
    const call = await this.#call(at.workflow, options);
    const { parents } = at;
    const place = await this.#reader.place(call, pathOf(at.path), { parents });
    return this.#command(call, { kind: "fs-mkdir", place, mode: FOLDER_MODE, parents });
  }

  async remove(
    at: FileAt & { readonly recursive: boolean },
    options: CallOptions,
  ): Promise<FileChange> {
    const call = await this.#call(at.workflow, options);
    const path = pathOf(at.path);
    const found: Found = await this.#reader.find(call, path, { follow: false });
    const place = await this.#reader.place(call, path);
    if (at.recursive) return this.#command(call, { kind: "fs-remove", place });
    return this.#command(
      call,
      found.row.kind === "fs-directory"
        ? { kind: "fs-rmdir", place }
        : { kind: "fs-unlink", places: [place] },
    );
  }

  async rename(move: Parameters<FilePort["rename"]>[0], options: CallOptions): Promise<FileChange> {
    const call = await this.#call(move.workflow, options);
    const { exclusive, parents } = move;
    const from = await this.#reader.place(call, pathOf(move.from));
    const to = await this.#reader.place(call, pathOf(move.to), { parents });
    const over = exclusive ? "exclusive" : "posix";
    const moves = [{ from, to, keep: undefined }];
    return this.#command(call, { kind: "fs-rename", moves, over, parents });
  }

  async link(move: Parameters<FilePort["link"]>[0], options: CallOptions): Promise<FileChange> {
    const call = await this.#call(move.workflow, options);
    const from = await this.#reader.place(call, pathOf(move.from));
    const to = await this.#reader.place(call, pathOf(move.to));
    return this.#command(call, { kind: "fs-link", from, to });
  }

  async symlink(
    at: FileAt & { readonly target: string },
    options: CallOptions,
  ): Promise<FileChange> {
    const call = await this.#call(at.workflow, options);
    const place = await this.#reader.place(call, pathOf(at.path));
    return this.#command(call, { kind: "fs-symlink", place, target: at.target });
  }

  async #call(workflow: string, { deadline }: CallOptions): Promise<FileCall> {
    const { group } = await this.#deps.view.workflowNamed(workflow, { deadline });
    return { group, deadlineMs: deadline.ms };
  }

  /** Names of a folder with what they lead to. */
  async #page(
    call: FileCall,
    of: Parameters<TreeReader["names"]>[1],
  ): ReturnType<ArchiveDeps["page"]> {
    const { names, more } = await this.#reader.names(call, of);
    const { values } = await this.#deps.node.read(
      call.group,
      { keys: names.map(({ inode }) => treeKeys.inode(inode)), follows: true },
      stepDeadline(call).leftMs(),
    );
    const entries = names.flatMap(({ name, inode }, place) => {
      const row = values[place];
      // One that was removed between the two reads is in the folder no more.
      return row !== undefined && isInode(row) ? [{ name, inode, row }] : [];
    });
    return { entries, next: more ? names.at(-1)?.name : undefined };
  }

  #downloadDeps(): DownloadDeps {
    const { contents } = this.#deps;
    return { reader: this.#reader, contents, holders: () => this.#holders() };
  }

  async #command(call: FileCall, command: TreeCommand): Promise<FileChange> {
    const answer = await this.#deps.writer.command(call.group, command, stepDeadline(call));
    assert(answer.kind === "inode", "a change of the tree is answered with its revision");
    const { inode, revision } = answer;
    return { inode, revision };
  }

  #uploadDeps(): UploadDeps {
    const { node, contents, self } = this.#deps;
    return {
      ...{
        self: self(),
        contents,
        caller: node.caller,
        reader: this.#reader,
        timers: systemTimers,
      },
      command: (call, command) => this.#command(call, command),
      others: () => this.#others(),
      sleep: (ms) => new Promise((resolve) => systemTimers.after(ms, resolve)),
    };
  }

  #others(): readonly NodeId[] {
    const { node, self, isUp } = this.#deps;
    return heirsAmong(node.directory.members(), { self: self(), isUp });
  }

  /** Who is being removed still has what it had. */
  #holders(): Holders {
    const { node, self, isUp } = this.#deps;
    const own = self();
    const others = node.directory.members().filter((member) => member.node !== own);
    const up = others.filter((member) => isUp(member.node));
    return { nodes: up.map((member) => member.node), areAll: up.length === others.length };
  }
}

function isInode(row: { readonly kind: string }): row is InodeRow {
  return row.kind === "fs-file" || row.kind === "fs-directory" || row.kind === "fs-symlink";
}

/** Waits for the first slice, so that what cannot be read is refused and not cut off. */
async function begun(
  slices: AsyncGenerator<Uint8Array, void, undefined>,
): Promise<AsyncIterable<Uint8Array>> {
  const waiting = [await slices.next()];
  const next = (): ReturnType<typeof slices.next> => {
    const first = waiting.shift();
    return first === undefined ? slices.next() : Promise.resolve(first);
  };
  // Not a generator: one that nobody has begun to read would not hear that nobody ever will.
  return { [Symbol.asyncIterator]: () => ({ next, return: () => slices.return() }) };
}
