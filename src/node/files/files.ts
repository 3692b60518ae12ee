/** The shared filesystem behind the API: any node answers for any workflow's volume. */
import type {
  AttributeChange,
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
  VersionAt,
} from "../../api/file-port.ts";
import type { InodeAttribute } from "../../api/inode-port.ts";
import type { CallOptions } from "../../api/ports.ts";
import { treeError } from "../../scheduler/tree/errors.ts";
import type { Found } from "../../scheduler/tree/reads.ts";
import type { FileRow } from "../../scheduler/tree/rows.ts";
import { attributeBytes, attributesView, isUsers } from "./attribute-views.ts";
import { begun } from "./begun.ts";
import { type DownloadDeps, readFile, readFiles } from "./download.ts";
import type { FileCalls } from "./file-calls.ts";
import { entryView, fileView } from "./file-views.ts";
import { FOLDER_MODE } from "./folder-mode.ts";
import { findVersion } from "./history.ts";
import { namingFile } from "./named-loss.ts";
import { putTree } from "./put-tree.ts";
import { archiveOf } from "./tree-archive.ts";
import { readPage } from "./tree-pages.ts";
import { type FileCall, pathOf, type TreeReader } from "./tree-reader.ts";
import { putFile } from "./upload.ts";

export class Files implements FilePort {
  readonly #calls: FileCalls;
  readonly #reader: TreeReader;

  constructor(calls: FileCalls) {
    this.#calls = calls;
    this.#reader = calls.reader;
  }

  async put(
    input: FilePut,
    bytes: AsyncIterable<Uint8Array>,
    options: CallOptions,
  ): Promise<FilePutAnswer> {
    const call = await this.#calls.begin(input.workflow, options);
    return putFile(this.#calls.uploadDeps(), input, { call, bytes, signal: options.signal });
  }

  async open(at: VersionAt, options: CallOptions): Promise<OpenFile> {
    const call = await this.#calls.begin(at.workflow, options);
    const path = pathOf(at.path);
    const found = await this.#find(call, at);
    const { row } = found;
    if (row.kind !== "fs-file") throw treeError("FS_IS_DIRECTORY", "it is a folder", { path });
    return {
      view: fileView(path, found),
      read: (range) => {
        return begun(namingFile(path, readFile(this.#downloadDeps(), row, { call, range })));
      },
    };
  }

  async putTree(
    input: TreePut,
    archive: AsyncIterable<Uint8Array>,
    options: CallOptions,
  ): Promise<TreePutAnswer> {
    const call = await this.#calls.begin(input.workflow, options);
    const deps = { ...this.#calls.uploadDeps(), contents: this.#calls.contents };
    return putTree(deps, input, { call, archive, signal: options.signal });
  }

  async openTree(at: FileAt, options: CallOptions): Promise<AsyncIterable<Uint8Array>> {
    const call = await this.#calls.begin(at.workflow, options);
    const path = pathOf(at.path);
    const found = await this.#find(call, at);
    if (found.row.kind !== "fs-directory") {
      throw treeError("FS_NOT_DIRECTORY", "it is not a folder", { path });
    }
    const deps = {
      page: (directory: number, how: { after: string | undefined; limit: number }) =>
        readPage(this.#reader, call, { directory, ...how }),
      read: (row: FileRow) =>
        readFile(this.#downloadDeps(), row, { call, range: { from: 0, to: row.bytes } }),
      readTogether: (rows: readonly FileRow[]) => readFiles(this.#downloadDeps(), rows, call),
    };
    return begun(archiveOf(deps, found));
  }

  async stat(
    at: VersionAt & { readonly follow: boolean },
    options: CallOptions,
  ): Promise<FileView> {
    const call = await this.#calls.begin(at.workflow, options);
    const path = pathOf(at.path);
    return fileView(path, await this.#find(call, at));
  }

  async list(
    at: FileAt & { readonly limit: number; readonly after: string | undefined },
    options: CallOptions,
  ): Promise<FileList> {
    const call = await this.#calls.begin(at.workflow, options);
    const path = pathOf(at.path);
    const { inode: directory, row } = await this.#find(call, at);
    if (row.kind !== "fs-directory") {
      throw treeError("FS_NOT_DIRECTORY", "it is not a folder", { path });
    }
    const { limit, after } = at;
    const { entries, next } = await readPage(this.#reader, call, { directory, limit, after });
    const shown = entries.map(({ name, ...found }) => entryView(name, found));
    return { path: `/${path}`, entries: shown, next: next ?? null };
  }

  async mkdir(
    at: FileAt & { readonly parents: boolean },
    options: CallOptions,
  ): Promise<FileChange> {
    const call = await this.#calls.begin(at.workflow, options);
    const { parents } = at;
    const place = await this.#reader.place(call, pathOf(at.path), { parents });
    return this.#calls.command(call, { kind: "fs-mkdir", place, mode: FOLDER_MODE, parents });
  }

  async remove(
    at: FileAt & { readonly recursive: boolean },
    options: CallOptions,
  ): Promise<FileChange> {
    const call = await this.#calls.begin(at.workflow, options);
    const path = pathOf(at.path);
    const found: Found = await this.#reader.find(call, path, { follow: false });
    const place = await this.#reader.place(call, path);
    if (at.recursive) return this.#calls.command(call, { kind: "fs-remove", place });
    return this.#calls.command(
      call,
      found.row.kind === "fs-directory"
        ? { kind: "fs-rmdir", place }
        : { kind: "fs-unlink", places: [place] },
    );
  }

  async rename(move: Parameters<FilePort["rename"]>[0], options: CallOptions): Promise<FileChange> {
    const call = await this.#calls.begin(move.workflow, options);
    const { exclusive, parents } = move;
    const from = await this.#reader.place(call, pathOf(move.from));
    const to = await this.#reader.place(call, pathOf(move.to), { parents });
    const over = exclusive ? "exclusive" : "posix";
    const moves = [{ from, to, keep: undefined }];
    return this.#calls.command(call, { kind: "fs-rename", moves, over, parents });
  }

  async publish(
    move: Parameters<FilePort["publish"]>[0],
    options: CallOptions,
  ): Promise<FileChange> {
    const call = await this.#calls.begin(move.workflow, options);
    const from = await this.#reader.place(call, pathOf(move.from));
    const to = await this.#reader.place(call, pathOf(move.to), { parents: true });
    const moves = [{ from, to, keep: undefined }];
    return this.#calls.command(call, { kind: "fs-rename", moves, over: "tree", parents: true });
  }

  async link(move: Parameters<FilePort["link"]>[0], options: CallOptions): Promise<FileChange> {
    const call = await this.#calls.begin(move.workflow, options);
    const from = await this.#reader.place(call, pathOf(move.from));
    const to = await this.#reader.place(call, pathOf(move.to));
    return this.#calls.command(call, { kind: "fs-link", from, to });
  }

  async symlink(
    at: FileAt & { readonly target: string },
    options: CallOptions,
  ): Promise<FileChange> {
    const call = await this.#calls.begin(at.workflow, options);
    const place = await this.#reader.place(call, pathOf(at.path));
    return this.#calls.command(call, { kind: "fs-symlink", place, target: at.target });
  }

  async attributes(
    at: FileAt,
    options: CallOptions,
  ): Promise<{ readonly attributes: readonly InodeAttribute[] }> {
    const call = await this.#calls.begin(at.workflow, options);
    const { row } = await this.#find(call, at);
    return { attributes: attributesView(row).filter(({ name }) => isUsers(name)) };
  }

  async setAttribute(change: AttributeChange, options: CallOptions): Promise<FileChange> {
    const { name, over } = change;
    if (!isUsers(name)) {
      throw treeError("FS_NAME_INVALID", "the name of an attribute begins with user.", {
        path: name,
      });
    }
    const call = await this.#calls.begin(change.workflow, options);
    const { inode } = await this.#find(call, change);
    const place = { from: inode, path: "" };
    const value = attributeBytes(change.value);
    return this.#calls.command(call, { kind: "fs-attribute", place, name, value, over });
  }

  /** What a path leads to, in the volume or in a snapshot, or led to. @throws {TreeError} */
  async #find(call: FileCall, at: VersionAt & { readonly follow?: boolean }): Promise<Found> {
    const { version } = at;
    if (version !== undefined) {
      return findVersion(this.#reader, call, { path: pathOf(at.path), version });
    }
    const from = await this.#calls.top(call, at.snapshot);
    const { follow = true } = at;
    return this.#reader.find(call, pathOf(at.path), { follow, from });
  }

  #downloadDeps(): DownloadDeps {
    const { contents } = this.#calls;
    return { reader: this.#reader, contents, ...this.#calls.sources() };
  }
}
