/** One client's view of a local volume: for tests, and for use without a cluster. */
import { constants, renameSync } from "node:fs";
import { copyFile, type FileHandle, open, statfs, truncate } from "node:fs/promises";
import { systemErrorName } from "../errno.ts";
import { VolumeError, volumeError } from "../errors.ts";
import type {
  AttributeChange,
  Attributes,
  Commit,
  Committed,
  DirectoryPage,
  HoldId,
  InodeId,
  NewInode,
  OpenedFile,
  Place,
  Renamed,
  Volume,
  VolumeChange,
  VolumeSpace,
} from "../ports.ts";
import { ChangeQueue } from "./local-changes.ts";
import {
  changed,
  directoryRow,
  entered,
  linked,
  nameLost,
  renamed,
  rowAt,
  unlinked,
} from "./local-names.ts";
import type { InodeRow, RowChange } from "./local-records.ts";
import { LOCAL_ROOT, type LocalTree } from "./local-tree.ts";

/** Bytes of the names and values of an inode's extended attributes, as on ext4. */
export const XATTR_BYTES_MAX = 4096;

/** What `statfs` tells of files: no more than rows that fit into memory. */
const FILES = 10_000_000;

const EMPTY = "empty";

/** Keeps a content readable; its file is opened at the first read. */
interface Hold {
  readonly content: string | undefined;
  file: Promise<FileHandle> | undefined;
}

export class LocalVolume implements Volume {
  readonly dataBytesMax = 0;
  readonly root = LOCAL_ROOT;
  readonly #tree: LocalTree;
  readonly #wallNs: () => bigint;
  readonly #holds = new Map<HoldId, Hold>();
  readonly #queue = new ChangeQueue();
  #lastHold = 0;

  constructor(tree: LocalTree, wallNs: () => bigint) {
    this.#tree = tree;
    this.#wallNs = wallNs;
    tree.listen((changes, origin) => {
      if (origin !== this) for (const change of changes) this.#tell(change);
    });
  }

  async lookup(place: Place): Promise<Attributes> {
    return attributesOf(rowAt(this.#tree, place));
  }

  async getattr(inode: InodeId): Promise<Attributes> {
    return attributesOf(this.#tree.row(inode));
  }

  async setattr(inode: InodeId, change: AttributeChange): Promise<Attributes> {
    const { bytes } = change;
    const before = this.#tree.row(inode);
    if (bytes !== undefined && before.kind !== "file") {
      throw volumeError("VOLUME_IS_DIRECTORY", "only files have a size to set");
    }
    const content = bytes === undefined ? undefined : await this.#resized(before, bytes);
    // It may have changed while its content was copied.
    const row = this.#tree.row(inode);
    const nowNs = this.#wallNs();
    const next: InodeRow = {
      ...row,
      mode: change.mode ?? row.mode,
      uid: change.uid ?? row.uid,
      gid: change.gid ?? row.gid,
      mtimeNs: change.mtimeNs ?? (bytes === undefined ? row.mtimeNs : nowNs),
      bytes: bytes ?? row.bytes,
      content: bytes === undefined ? row.content : content,
      ctimeNs: nowNs,
    };
    this.#change([changed(next)]);
    return attributesOf(next);
  }

  async list(
    directory: InodeId,
    { after, limit }: { readonly after: string | undefined; readonly limit: number },
  ): Promise<DirectoryPage> {
    directoryRow(this.#tree, directory);
    const names = this.#tree.names(directory);
    const from = after === undefined ? 0 : firstAfter(names, after);
    const page = names.slice(from, from + limit);
    const entries = page.flatMap((name) => {
      const inode = this.#tree.entry(directory, name);
      return inode === undefined ? [] : [{ name, attributes: attributesOf(this.#tree.row(inode)) }];
    });
    return { entries, more: from + limit < names.length };
  }

  async readlink(inode: InodeId): Promise<string> {
    const { target } = this.#tree.row(inode);
    if (target !== undefined) return target;
    throw new VolumeError({ code: "VOLUME_INVALID", reason: "no symlink" }, "no symlink");
  }

  async mkdir(place: Place, made: NewInode): Promise<Attributes> {
    return this.#enter(place, { ...this.#newRow("directory", made), links: 2 });
  }

  async symlink(place: Place, target: string, made: NewInode): Promise<Attributes> {
    const bytes = Buffer.byteLength(target);
    return this.#enter(place, { ...this.#newRow("symlink", made), target, bytes });
  }

  async link(inode: InodeId, place: Place): Promise<Attributes> {
    this.#change(linked(this.#tree, inode, { place, nowNs: this.#wallNs() }));
    return attributesOf(this.#tree.row(inode));
  }

  async unlink(place: Place): Promise<Attributes> {
    const row = rowAt(this.#tree, place);
    this.#change(unlinked(this.#tree, place, { nowNs: this.#wallNs(), isDirectory: false }));
    return this.#left(row);
  }

  async rmdir(place: Place): Promise<void> {
    this.#change(unlinked(this.#tree, place, { nowNs: this.#wallNs(), isDirectory: true }));
  }

  async rename(
    from: Place,
    to: Place,
    { replace }: { readonly replace: boolean },
  ): Promise<Renamed> {
    const moved = rowAt(this.#tree, from).inode;
    const target = this.#tree.entry(to.parent, to.name);
    const replaced = target === undefined ? undefined : this.#tree.row(target);
    const changes = renamed(this.#tree, { from, to }, { nowNs: this.#wallNs(), replace });
    if (changes === undefined) return { moved, replaced: undefined };
    this.#change(changes);
    return { moved, replaced: replaced === undefined ? undefined : this.#left(replaced) };
  }

  async open(inode: InodeId, expected: Place | undefined): Promise<OpenedFile> {
    if (expected !== undefined && this.#tree.entry(expected.parent, expected.name) !== inode) {
      throw volumeError("VOLUME_STALE", "another has the name by now");
    }
    const row = this.#tree.row(inode);
    if (row.kind !== "file") throw volumeError("VOLUME_IS_DIRECTORY", "no file");
    return { attributes: attributesOf(row), hold: this.#hold(row.content) };
  }

  async read(
    hold: HoldId,
    { at, length }: { readonly at: number; readonly length: number },
  ): Promise<Uint8Array> {
    const held = this.#holds.get(hold);
    if (held === undefined) throw volumeError("VOLUME_STALE", "the content is not held");
    if (held.content === undefined) return new Uint8Array(0);
    held.file ??= open(this.#tree.contentPath(held.content), "r");
    const file = await held.file;
    const data = Buffer.allocUnsafe(length);
    const { bytesRead } = await file.read(data, 0, length, at);
    return data.subarray(0, bytesRead);
  }

  async close(hold: HoldId): Promise<void> {
    const held = this.#holds.get(hold);
    if (held === undefined) return;
    this.#holds.delete(hold);
    if (held.content !== undefined) this.#tree.drop(held.content);
    await (await held.file?.catch(() => undefined))?.close();
  }

  async reserve(count: number): Promise<readonly InodeId[]> {
    return this.#tree.reserve(count, this);
  }

  wantsPieces(): Promise<boolean> {
    return Promise.resolve(false);
  }

  /** What is written is moved here: there is nothing to be done before. */
  beginEarly(): Promise<undefined> {
    return Promise.resolve(undefined);
  }

  async commit(commit: Commit): Promise<Committed> {
    if (commit.place === undefined) this.#tree.row(commit.inode);
    const { content, taken } = await this.#store(commit);
    try {
      this.#change(this.#committed(commit, content));
    } catch (error) {
      if (content !== undefined) {
        // Nothing refers to it: a use that begins and ends removes it.
        if (taken) renameSync(this.#tree.contentPath(content), commit.path);
        this.#tree.hold(content);
        this.#tree.drop(content);
      }
      throw error;
    }
    if (commit.reason === "fsync") this.#tree.sync();
    const attributes = attributesOf(this.#tree.row(commit.inode));
    return { attributes, taken, hold: this.#hold(content) };
  }

  async getxattr(inode: InodeId, name: string): Promise<Uint8Array> {
    const [, value] = this.#tree.row(inode).xattrs.find(([known]) => known === name) ?? [];
    if (value === undefined) throw noAttribute();
    return Buffer.from(value, "base64");
  }

  async setxattr(
    inode: InodeId,
    attribute: {
      readonly name: string;
      readonly value: Uint8Array;
      readonly mode: "set" | "create" | "replace";
    },
  ): Promise<void> {
    const { name, value, mode } = attribute;
    const row = this.#tree.row(inode);
    const others = row.xattrs.filter(([known]) => known !== name);
    const isThere = others.length < row.xattrs.length;
    if (mode === "create" && isThere) throw volumeError("VOLUME_ATTRIBUTE_EXISTS", "it is there");
    if (mode === "replace" && !isThere) throw noAttribute();
    const text = Buffer.from(value).toString("base64");
    const xattrs = [...others, [name, text] as const];
    const bytes = xattrs.reduce((sum, [key, kept]) => sum + key.length + (kept.length * 3) / 4, 0);
    if (bytes > XATTR_BYTES_MAX) {
      throw volumeError("VOLUME_ATTRIBUTE_TOO_LARGE", "more than 4 KiB of attributes");
    }
    this.#change([changed({ ...row, xattrs, ctimeNs: this.#wallNs() })]);
  }

  async listxattr(inode: InodeId): Promise<readonly string[]> {
    return this.#tree.row(inode).xattrs.map(([name]) => name);
  }

  async removexattr(inode: InodeId, name: string): Promise<void> {
    const row = this.#tree.row(inode);
    const xattrs = row.xattrs.filter(([known]) => known !== name);
    if (xattrs.length === row.xattrs.length) throw noAttribute();
    this.#change([changed({ ...row, xattrs, ctimeNs: this.#wallNs() })]);
  }

  async statfs(): Promise<VolumeSpace> {
    const disk = await statfs(this.#tree.contentDirectory);
    const free = Math.min(disk.bavail * disk.bsize, this.#tree.bytesMax - this.#tree.bytes);
    const bytesTotal = Math.min(disk.blocks * disk.bsize, this.#tree.bytesMax);
    const filesFree = Math.max(0, FILES - this.#tree.files);
    return { bytesTotal, bytesFree: Math.max(0, free), filesTotal: FILES, filesFree };
  }

  /** Names that others change here are told of at once, but nobody waits until they are. */
  trustedMs(): number {
    return Number.POSITIVE_INFINITY;
  }

  changes(signal: AbortSignal): AsyncIterable<VolumeChange> {
    return this.#queue.read(signal);
  }

  #tell(change: RowChange): void {
    if (change.kind === "reserved") return;
    const { inode } = change;
    if (change.kind === "entry") {
      this.#queue.push({ kind: "entry", parent: change.parent, name: change.name });
    } else if (change.row !== undefined) {
      const content = change.row.kind === "file" ? (change.row.content ?? EMPTY) : undefined;
      this.#queue.push({ kind: "inode", inode: change.inode, content });
    } else if (inode !== undefined) {
      this.#queue.push({ kind: "inode", inode, content: undefined });
    }
  }

  #change(changes: readonly RowChange[]): void {
    this.#tree.change(changes, this);
  }

  #enter(place: Place, row: InodeRow): Attributes {
    this.#change(entered(this.#tree, place, row));
    return attributesOf(this.#tree.row(row.inode));
  }

  #newRow(kind: "directory" | "symlink", { mode, uid, gid }: NewInode): InodeRow {
    const [inode] = this.#tree.reserve(1, this);
    if (inode === undefined) throw volumeError("VOLUME_FULL", "no more ids");
    return emptyRow({ inode, kind, mode, uid, gid, nowNs: this.#wallNs() });
  }

  #hold(content: string | undefined): HoldId {
    this.#lastHold += 1;
    const hold = String(this.#lastHold);
    if (content !== undefined) this.#tree.hold(content);
    this.#holds.set(hold, { content, file: undefined });
    return hold;
  }

  /** What is left of an inode that lost a name. */
  #left(before: InodeRow): Attributes {
    const { inode } = before;
    return attributesOf(this.#tree.has(inode) ? this.#tree.row(inode) : { ...before, links: 0 });
  }

  /** The content gets a place of its own; empty content needs none. */
  async #store({ path, bytes, mayTake, reason }: Commit): Promise<{
    readonly content: string | undefined;
    readonly taken: boolean;
  }> {
    if (bytes === 0) return { content: undefined, taken: false };
    const content = this.#tree.newContent();
    const target = this.#tree.contentPath(content);
    const taken = mayTake && moved(path, target);
    if (!taken) await copyFile(path, target, constants.COPYFILE_FICLONE);
    if (reason === "fsync") {
      await using file = await open(target, "r");
      await file.datasync();
    }
    return { content, taken };
  }

  #committed(commit: Commit, content: string | undefined): readonly RowChange[] {
    const { inode, place, bytes, attributes } = commit;
    const nowNs = this.#wallNs();
    const { mtimeNs, mode = 0o600, uid = 0, gid = 0 } = attributes;
    if (place === undefined) {
      const row = this.#tree.row(inode);
      const next = { ...row, mode: attributes.mode ?? row.mode, bytes, content, mtimeNs };
      return [changed({ ...next, ctimeNs: nowNs })];
    }
    const made = emptyRow({ inode, kind: "file", mode, uid, gid, nowNs });
    const row = { ...made, bytes, content, mtimeNs };
    const there = this.#tree.entry(place.parent, place.name);
    if (there === undefined || place.exclusive) return entered(this.#tree, place, row);
    // Somebody else made a file of that name meanwhile: who closes last has it.
    const other = this.#tree.row(there);
    if (other.kind === "directory") throw volumeError("VOLUME_IS_DIRECTORY", "a directory");
    return [
      { kind: "inode", inode, row },
      { kind: "entry", parent: place.parent, name: place.name, inode },
      nameLost(other, nowNs),
    ];
  }

  /** Content of another size; the old one is left as it is. */
  async #resized(row: InodeRow, bytes: number): Promise<string | undefined> {
    if (bytes === 0) return undefined;
    if (bytes - row.bytes > this.#tree.bytesMax - this.#tree.bytes) {
      throw volumeError("VOLUME_FULL", "the volume has no room for it");
    }
    const content = this.#tree.newContent();
    const target = this.#tree.contentPath(content);
    if (row.content === undefined) await (await open(target, "wx", 0o600)).close();
    else await copyFile(this.#tree.contentPath(row.content), target, constants.COPYFILE_FICLONE);
    await truncate(target, bytes);
    return content;
  }
}

function attributesOf(row: InodeRow): Attributes {
  const { inode, kind, mode, uid, gid, links, bytes, mtimeNs, ctimeNs } = row;
  const content = kind === "file" ? (row.content ?? EMPTY) : undefined;
  return { inode, kind, mode, uid, gid, links, bytes, mtimeNs, ctimeNs, content };
}

function emptyRow(
  made: Pick<InodeRow, "inode" | "kind" | "mode" | "uid" | "gid"> & { readonly nowNs: bigint },
): InodeRow {
  const { nowNs, ...rest } = made;
  const times = { mtimeNs: nowNs, ctimeNs: nowNs };
  return {
    ...rest,
    ...times,
    links: 1,
    bytes: 0,
    content: undefined,
    target: undefined,
    xattrs: [],
  };
}

/** Index of the first name after `name` in order. */
function firstAfter(names: readonly string[], name: string): number {
  let [low, high] = [0, names.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((names[middle] ?? "") <= name) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** False when the file is on another disk. */
function moved(path: string, target: string): boolean {
  try {
    renameSync(path, target);
    return true;
  } catch (error) {
    if (systemErrorName(error) === "EXDEV") return false;
    throw error;
  }
}

function noAttribute(): VolumeError {
  return volumeError("VOLUME_ATTRIBUTE_MISSING", "no such attribute");
}
