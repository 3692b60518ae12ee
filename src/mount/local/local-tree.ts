/**
 * A volume on one machine without a cluster: rows in memory and in a journal, contents as files. Several
 * clients (`LocalVolume`) share it in one process. L1: a change is in the journal before it is seen. L2: a
 * content file is never changed, and goes when neither a row nor a hold refers to it.
 */
import { randomUUID } from "node:crypto";
import {
  closeSync,
  existsSync,
  fdatasyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { VolumeError, volumeError } from "../errors.ts";
import type { InodeId } from "../ports.ts";
import {
  changesOfLine,
  changesToLine,
  type InodeRow,
  JOURNAL_HEAD,
  type RowChange,
} from "./local-records.ts";

export const LOCAL_ROOT: InodeId = 1;

/** Changes in one line of a journal that is written anew. */
const LINE_CHANGES = 1_000;

/** Told of each change that was made, with who made it. */
export type TreeListener = (changes: readonly RowChange[], origin: object) => void;

export class LocalTree {
  readonly contentDirectory: string;
  readonly #rows = new Map<InodeId, InodeRow>();
  readonly #entries = new Map<InodeId, Map<string, InodeId>>();
  /** Of directories. */
  readonly #parents = new Map<InodeId, InodeId>();
  /** Names in order, made when somebody lists; gone with the next change. */
  readonly #sorted = new Map<InodeId, readonly string[]>();
  /** Rows and holds that refer to a content. */
  readonly #uses = new Map<string, number>();
  readonly #listeners = new Set<TreeListener>();
  readonly #bytesMax: number;
  readonly #journal: number;
  #last: InodeId = LOCAL_ROOT;
  #bytes = 0;

  /**
   * Opens the volume in `directory`, or makes one there. No other process may have it open.
   * @throws {VolumeError} `VOLUME_DAMAGED` when the journal cannot be read
   */
  constructor(
    directory: string,
    options: { readonly bytesMax?: number; readonly nowNs: bigint; readonly owner: InodeOwner },
  ) {
    this.#bytesMax = options.bytesMax ?? Number.MAX_SAFE_INTEGER;
    this.contentDirectory = join(directory, "content");
    mkdirSync(this.contentDirectory, { recursive: true });
    const path = join(directory, "journal");
    this.#load(path);
    if (!this.#rows.has(LOCAL_ROOT)) {
      const { nowNs, owner } = options;
      this.#apply([{ kind: "inode", inode: LOCAL_ROOT, row: rootRow(nowNs, owner) }]);
    }
    this.#rewrite(path);
    this.#journal = openSync(path, "a");
    for (const name of readdirSync(this.contentDirectory)) {
      if (!this.#uses.has(name)) rmSync(join(this.contentDirectory, name));
    }
  }

  /** Bytes of all files, each counted once. */
  get bytes(): number {
    return this.#bytes;
  }

  get bytesMax(): number {
    return this.#bytesMax;
  }

  get files(): number {
    return this.#rows.size;
  }

  /** @throws {VolumeError} `VOLUME_NOT_FOUND` */
  row(inode: InodeId): InodeRow {
    const row = this.#rows.get(inode);
    if (row === undefined) throw volumeError("VOLUME_NOT_FOUND", "no such inode");
    return row;
  }

  has(inode: InodeId): boolean {
    return this.#rows.has(inode);
  }

  entry(parent: InodeId, name: string): InodeId | undefined {
    return this.#entries.get(parent)?.get(name);
  }

  /** The directory that a directory is in. */
  parentOf(directory: InodeId): InodeId | undefined {
    return this.#parents.get(directory);
  }

  isEmpty(directory: InodeId): boolean {
    return (this.#entries.get(directory)?.size ?? 0) === 0;
  }

  /** Names of a directory in the order of their code units. */
  names(directory: InodeId): readonly string[] {
    const known = this.#sorted.get(directory);
    if (known !== undefined) return known;
    const names = [...(this.#entries.get(directory)?.keys() ?? [])].sort();
    this.#sorted.set(directory, names);
    return names;
  }

  reserve(count: number, origin: object): readonly InodeId[] {
    const first = this.#last + 1;
    this.change([{ kind: "reserved", last: this.#last + count }], origin);
    return Array.from({ length: count }, (_, index) => first + index);
  }

  /**
   * Makes changes that belong together (L1).
   * @throws {VolumeError} `VOLUME_FULL` when the files would have more bytes than they may
   */
  change(changes: readonly RowChange[], origin: object): void {
    const more = changes.reduce((sum, change) => sum + this.#growth(change), 0);
    if (more > 0 && this.#bytes + more > this.#bytesMax) {
      throw volumeError("VOLUME_FULL", "the volume has no room for it");
    }
    writeSync(this.#journal, `${changesToLine(changes)}\n`);
    this.#apply(changes);
    for (const listener of this.#listeners) listener(changes, origin);
  }

  /** What was changed is on the disk when this returns. */
  sync(): void {
    fdatasyncSync(this.#journal);
  }

  /** From now on `listener` is told; there is one for each client, and clients end with the tree. */
  listen(listener: TreeListener): void {
    this.#listeners.add(listener);
  }

  contentPath(content: string): string {
    return join(this.contentDirectory, content);
  }

  newContent(): string {
    return randomUUID();
  }

  /** The content stays readable until `drop` (L2). */
  hold(content: string): void {
    this.#uses.set(content, (this.#uses.get(content) ?? 0) + 1);
  }

  drop(content: string): void {
    const uses = (this.#uses.get(content) ?? 0) - 1;
    if (uses > 0) {
      this.#uses.set(content, uses);
      return;
    }
    this.#uses.delete(content);
    void rm(this.contentPath(content), { force: true });
  }

  close(): void {
    closeSync(this.#journal);
  }

  #growth(change: RowChange): number {
    if (change.kind !== "inode") return 0;
    return (change.row?.bytes ?? 0) - (this.#rows.get(change.inode)?.bytes ?? 0);
  }

  #apply(changes: readonly RowChange[]): void {
    for (const change of changes) {
      switch (change.kind) {
        case "inode":
          this.#applyInode(change.inode, change.row);
          break;
        case "entry":
          this.#applyEntry(change.parent, change.name, change.inode);
          break;
        case "reserved":
          this.#last = Math.max(this.#last, change.last);
          break;
      }
    }
  }

  #applyInode(inode: InodeId, row: InodeRow | undefined): void {
    const before = this.#rows.get(inode);
    this.#bytes += (row?.bytes ?? 0) - (before?.bytes ?? 0);
    this.#last = Math.max(this.#last, inode);
    if (row?.content !== undefined) this.hold(row.content);
    if (row === undefined) this.#rows.delete(inode);
    else this.#rows.set(inode, row);
    if (before?.content !== undefined) this.drop(before.content);
    if (row !== undefined) return;
    this.#entries.delete(inode);
    this.#parents.delete(inode);
  }

  #applyEntry(parent: InodeId, name: string, inode: InodeId | undefined): void {
    this.#sorted.delete(parent);
    const names = this.#entries.get(parent) ?? new Map<string, InodeId>();
    if (inode === undefined) names.delete(name);
    else names.set(name, inode);
    const kind = inode === undefined ? undefined : this.#rows.get(inode)?.kind;
    if (inode !== undefined && kind === "directory") this.#parents.set(inode, parent);
    this.#entries.set(parent, names);
  }

  #load(path: string): void {
    if (!existsSync(path)) return;
    const text = readFileSync(path, "utf8");
    // What follows the last end of a line was being written when the process died.
    const [head, ...lines] = text.slice(0, text.lastIndexOf("\n") + 1).split("\n");
    if (head !== JOURNAL_HEAD) {
      const reason = "it begins otherwise than a journal";
      throw new VolumeError({ code: "VOLUME_DAMAGED", reason }, reason);
    }
    for (const line of lines) if (line !== "") this.#apply(changesOfLine(line));
  }

  /** The journal with nothing in it but what is there now. */
  #rewrite(path: string): void {
    const changes: RowChange[] = [{ kind: "reserved", last: this.#last }];
    for (const [inode, row] of this.#rows) changes.push({ kind: "inode", inode, row });
    for (const [parent, names] of this.#entries) {
      for (const [name, inode] of names) changes.push({ kind: "entry", parent, name, inode });
    }
    const lines = [JOURNAL_HEAD];
    for (let at = 0; at < changes.length; at += LINE_CHANGES) {
      lines.push(changesToLine(changes.slice(at, at + LINE_CHANGES)));
    }
    writeFileSync(`${path}.new`, `${lines.join("\n")}\n`, { flush: true });
    renameSync(`${path}.new`, path);
  }
}

export interface InodeOwner {
  readonly uid: number;
  readonly gid: number;
}

function rootRow(nowNs: bigint, { uid, gid }: InodeOwner): InodeRow {
  return {
    inode: LOCAL_ROOT,
    kind: "directory",
    mode: 0o755,
    uid,
    gid,
    links: 2,
    bytes: 0,
    mtimeNs: nowNs,
    ctimeNs: nowNs,
    content: undefined,
    target: undefined,
    xattrs: [],
  };
}
