/**
 * The files of a workflow for the handlers of one attempt: what they write into the workspace of their request is
 * theirs alone until the attempt ends well (R17). All else is as for everybody, at once.
 */
import type {
  AttributeChange,
  FileAt,
  FileChange,
  FileExpectation,
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
import { exists, treeError } from "../../scheduler/tree/errors.ts";
import { checkEmpty, checkFolder } from "./attempt-checks.ts";
import { listSeen } from "./attempt-list.ts";
import { moveSeen, publishSeen } from "./attempt-moves.ts";
import { type AttemptView, folderOf, type Seen } from "./attempt-view.ts";

export class AttemptFiles implements FilePort {
  readonly #view: AttemptView;
  readonly #files: FilePort;

  constructor(view: AttemptView) {
    this.#view = view;
    this.#files = view.below.files;
  }

  async put(
    input: FilePut,
    bytes: AsyncIterable<Uint8Array>,
    options: CallOptions,
  ): Promise<FilePutAnswer> {
    const rel = this.#view.within(input.path);
    if (rel === undefined) return this.#files.put(input, bytes, options);
    const { path } = input;
    await checkFolder(this.#view, { rel, path, parents: input.parents }, options);
    const found = await this.#view.find(rel, options);
    checkExpected(found, input);
    await this.#view.stage(options);
    const { expect } = input;
    const kept: FileExpectation = expect.kind === "absent" ? expect : { kind: "any" };
    const mode = input.mode ?? found?.view.mode;
    const at = { path: this.#view.staged(rel), parents: true, expect: kept, mode };
    const put = await this.#files.put({ ...input, ...at }, bytes, options);
    return { ...put, path: shown(path) };
  }

  async open(at: VersionAt, options: CallOptions): Promise<OpenFile> {
    const rel = this.#within(at);
    if (rel === undefined) return this.#files.open(at, options);
    const seen = await this.#view.findThere(rel, options, true);
    const file = await this.#files.open({ ...at, path: seen.at }, options);
    return { ...file, view: { ...file.view, path: shown(at.path) } };
  }

  async putTree(
    input: TreePut,
    archive: AsyncIterable<Uint8Array>,
    options: CallOptions,
  ): Promise<TreePutAnswer> {
    const rel = this.#view.within(input.path);
    if (rel === undefined) return this.#files.putTree(input, archive, options);
    const { path, atomic } = input;
    await checkFolder(this.#view, { rel, path, parents: true }, options);
    const found = await this.#view.find(rel, options);
    if (found !== undefined && found.view.type !== "directory") {
      throw treeError("FS_NOT_DIRECTORY", "it is not a folder", { path });
    }
    if (atomic && found !== undefined) await checkEmpty(this.#view, { path, rel }, options);
    await this.#view.stage(options);
    const put = await this.#files.putTree(
      { ...input, path: this.#view.staged(rel) },
      archive,
      options,
    );
    return { ...put, path: shown(path) };
  }

  async openTree(at: FileAt, options: CallOptions): Promise<AsyncIterable<Uint8Array>> {
    const rel = this.#within(at);
    const path = rel === undefined ? at.path : await this.#view.whole(rel, options);
    return this.#files.openTree({ ...at, path }, options);
  }

  async stat(
    at: VersionAt & { readonly follow: boolean },
    options: CallOptions,
  ): Promise<FileView> {
    const rel = this.#within(at);
    if (rel === undefined) return this.#files.stat(at, options);
    const { view } = await this.#view.findThere(rel, options, at.follow);
    return { ...view, path: shown(at.path) };
  }

  async list(
    at: FileAt & { readonly limit: number; readonly after: string | undefined },
    options: CallOptions,
  ): Promise<FileList> {
    const rel = this.#within(at);
    if (rel === undefined) return this.#files.list(at, options);
    return listSeen(this.#view, { ...at, path: shown(at.path), rel }, options);
  }

  async mkdir(
    at: FileAt & { readonly parents: boolean },
    options: CallOptions,
  ): Promise<FileChange> {
    const rel = this.#view.within(at.path);
    if (rel === undefined) return this.#files.mkdir(at, options);
    const found = await this.#view.find(rel, options);
    if (found?.view.type === "directory" && at.parents) return changeOf(found);
    if (found !== undefined) throw exists(at.path);
    await checkFolder(this.#view, { ...at, rel }, options);
    await this.#view.stage(options);
    const made = { workflow: at.workflow, path: this.#view.staged(rel), parents: true };
    return this.#files.mkdir(made, options);
  }

  async remove(
    at: FileAt & { readonly recursive: boolean },
    options: CallOptions,
  ): Promise<FileChange> {
    const rel = this.#view.within(at.path);
    if (rel === undefined) return this.#files.remove(at, options);
    if (rel === "") throw treeError("FS_NAME_INVALID", "a workspace goes with its request");
    const seen = await this.#view.findThere(rel, options);
    if (seen.view.type === "directory" && !at.recursive) {
      await checkEmpty(this.#view, { path: at.path, rel }, options);
    }
    const own = await this.#view.findStaged(rel, options);
    const isCommitted = (await this.#view.findCommitted(rel, options)) !== undefined;
    if (isCommitted) this.#view.remove(rel);
    if (own !== undefined) {
      await this.#files.remove({ ...at, path: own.at, recursive: true }, options);
    }
    return { inode: 0, revision: seen.view.revision };
  }

  rename(move: Parameters<FilePort["rename"]>[0], options: CallOptions): Promise<FileChange> {
    return moveSeen(this.#view, move, options);
  }

  publish(move: Parameters<FilePort["publish"]>[0], options: CallOptions): Promise<FileChange> {
    return publishSeen(this.#view, move, options);
  }

  async link(move: Parameters<FilePort["link"]>[0], options: CallOptions): Promise<FileChange> {
    const from = this.#view.within(move.from);
    const to = this.#view.within(move.to);
    if (to !== undefined) await this.#checkNew({ ...move, path: move.to, rel: to }, options);
    if (from !== undefined) await this.#view.copyUp(from, options);
    const paths = {
      from: from === undefined ? move.from : this.#view.staged(from),
      to: to === undefined ? move.to : this.#view.staged(to),
    };
    return this.#files.link({ ...move, ...paths }, options);
  }

  async symlink(
    at: FileAt & { readonly target: string },
    options: CallOptions,
  ): Promise<FileChange> {
    const rel = this.#view.within(at.path);
    if (rel === undefined) return this.#files.symlink(at, options);
    await this.#checkNew({ ...at, rel }, options);
    return this.#files.symlink({ ...at, path: this.#view.staged(rel) }, options);
  }

  async attributes(
    at: FileAt,
    options: CallOptions,
  ): Promise<{ readonly attributes: readonly InodeAttribute[] }> {
    const rel = this.#within(at);
    if (rel === undefined) return this.#files.attributes(at, options);
    const seen = await this.#view.findThere(rel, options, true);
    return this.#files.attributes({ ...at, path: seen.at }, options);
  }

  async setAttribute(change: AttributeChange, options: CallOptions): Promise<FileChange> {
    const rel = this.#within(change);
    if (rel === undefined) return this.#files.setAttribute(change, options);
    await this.#view.findThere(rel, options, true);
    await this.#view.copyUp(rel, options);
    return this.#files.setAttribute({ ...change, path: this.#view.staged(rel) }, options);
  }

  /** Where in the workspace it is; snapshots and kept versions are the same for everybody. */
  #within({ path, snapshot, version }: VersionAt): string | undefined {
    const isOld = snapshot !== undefined || version !== undefined;
    return isOld ? undefined : this.#view.within(path);
  }

  /** Nothing is there, and the folder that it comes into is one in which the attempt writes. */
  async #checkNew(at: FileAt & { readonly rel: string }, options: CallOptions): Promise<void> {
    const { workflow, path, rel } = at;
    await checkFolder(this.#view, { path, rel, parents: false }, options);
    if ((await this.#view.find(rel, options)) !== undefined) throw exists(path);
    await this.#view.stage(options);
    const folder = { workflow, path: this.#view.staged(folderOf(rel)), parents: true };
    await this.#files.mkdir(folder, options);
  }
}

/** @throws {TreeError} `FS_IS_DIRECTORY`, `FS_EXISTS`, `FS_CHANGED`. */
function checkExpected(found: Seen | undefined, { path, expect }: FilePut): void {
  if (found?.view.type === "directory") {
    throw treeError("FS_IS_DIRECTORY", "it is a folder", { path });
  }
  if (expect.kind === "absent" && found !== undefined) throw exists(path);
  const wantsContent = expect.kind === "content" || expect.kind === "present";
  const isOther = expect.kind === "content" && found?.view.cid !== expect.cid;
  if (wantsContent && (found === undefined || isOther)) {
    throw treeError("FS_CHANGED", "it is not what was expected", { path });
  }
}

function changeOf({ view }: Seen): FileChange {
  return { inode: view.inode, revision: view.revision };
}

/** A path as answers tell it. */
export function shown(path: string): string {
  return path.startsWith("/") ? path : `/${path}`;
}
