/** The shared filesystem by the numbers of inodes, as mounts ask for it: any node answers. */
import type { CallOptions } from "../../api/call-options.ts";
import type {
  BlockView,
  InodeAt,
  InodeAttribute,
  InodeChange,
  InodeCommit,
  InodeCommitted,
  InodeList,
  InodePort,
  InodeView,
  NameAt,
  OpenInode,
  PiecesPut,
  VolumeChanges,
  VolumeUse,
} from "../../api/inode-port.ts";
import type { NearPlace, StagedContent } from "../../api/near.ts";
import { rowOf } from "../../scheduler/apply-kit.ts";
import type { Place, TreeCommand } from "../../scheduler/tree/commands.ts";
import { treeError } from "../../scheduler/tree/errors.ts";
import { treeKeys } from "../../scheduler/tree/keys.ts";
import { checkName } from "../../scheduler/tree/names.ts";
import { findEntry, findInode } from "../../scheduler/tree/reading.ts";
import { contentPart, type Found, lookUp, volumeUse } from "../../scheduler/tree/reads.ts";
import type { FileContent } from "../../scheduler/tree/rows.ts";
import { ClusterError } from "../cluster-errors.ts";
import type { NearFolder } from "../near-folder.ts";
import { systemClock } from "../system.ts";
import { attributeBytes, attributesView } from "./attribute-views.ts";
import { begun } from "./begun.ts";
import { readParts } from "./download.ts";
import { EarlyContents } from "./early-contents.ts";
import type { FileCalls } from "./file-calls.ts";
import { InodeCommits, placeOf } from "./inode-commits.ts";
import { blockView, goneView, inodeView } from "./inode-views.ts";
import type { FileCall } from "./tree-reader.ts";
import { CHUNKING, codingOf } from "./upload.ts";

/** Inodes and names of one answer about changes, about. */
const CHANGES_ITEMS = 1024;

/** Contents up to this size are stored before anybody looks whether they will be refused. */
const SMALL_BYTES = 128 << 10;

export class Inodes implements InodePort {
  readonly #calls: FileCalls;
  readonly #freeBytes: () => Promise<number>;
  readonly #near: Pick<NearFolder, "place" | "read" | "pieces"> | undefined;
  readonly #early: EarlyContents;
  readonly #commits: InodeCommits;

  /** `near`: of a node that shares its disk with mounts. */
  constructor(
    calls: FileCalls,
    freeBytes: () => Promise<number>,
    near?: Pick<NearFolder, "place" | "read" | "pieces">,
  ) {
    this.#calls = calls;
    this.#freeBytes = freeBytes;
    this.#near = near;
    this.#early = new EarlyContents(
      () => calls.uploadDeps(),
      () => systemClock.nowMs(),
    );
    this.#commits = new InodeCommits(calls, this.#early);
  }

  async look(
    { workflow, inode, name }: InodeAt & { readonly name: string | undefined },
    options: CallOptions,
  ): Promise<InodeView> {
    const call = await this.#calls.begin(workflow, options);
    const place = name === undefined ? { from: inode, path: "" } : placeOf({ parent: inode, name });
    return inodeView(await this.#find(call, place));
  }

  async list(
    at: InodeAt & { readonly limit: number; readonly after: string | undefined },
    options: CallOptions,
  ): Promise<InodeList> {
    const call = await this.#calls.begin(at.workflow, options);
    const { row } = await this.#find(call, { from: at.inode, path: "" });
    if (row.kind !== "fs-directory") throw treeError("FS_NOT_DIRECTORY", "it is not a folder");
    const { limit, after } = at;
    const page = { directory: at.inode, after, limit };
    const { names, more } = await this.#calls.reader.names(call, page);
    const found = await this.#calls.reader.rows(call, names);
    const entries = found.map(({ name, ...one }) => ({ name, ...inodeView(one) }));
    return { entries, next: more ? (names.at(-1)?.name ?? null) : null };
  }

  async open(
    { workflow, inode, place }: InodeAt & Pick<InodeCommit, "place">,
    options: CallOptions,
  ): Promise<OpenInode> {
    const call = await this.#calls.begin(workflow, options);
    const file = await this.#calls.reader.ask(call, (view) => {
      const row = findInode(view, inode);
      if (row === undefined) throw notThere();
      if (row.kind === "fs-directory") throw treeError("FS_IS_DIRECTORY", "it is a folder");
      if (row.kind === "fs-symlink") throw treeError("FS_NOT_FILE", "it is a symbolic link");
      if (place !== undefined && findEntry(view, place.parent, place.name)?.inode !== inode) {
        throw treeError("FS_CHANGED", "the name leads elsewhere by now", { path: place.name });
      }
      return row;
    });
    return this.#opened(call, inodeView({ inode, row: file }), file.content);
  }

  async blocks(
    at: { readonly workflow: string; readonly list: number; readonly part: number },
    options: CallOptions,
  ): Promise<{ readonly blocks: readonly BlockView[] }> {
    const call = await this.#calls.begin(at.workflow, options);
    const part = await this.#calls.reader.ask(call, (view) => contentPart(view, at.list, at.part));
    if (part === undefined) throw notThere();
    return { blocks: part.blocks.map(blockView) };
  }

  async block(
    { workflow, cid, bytes, plain }: { readonly workflow: string } & BlockView,
    options: CallOptions,
  ): Promise<AsyncIterable<Uint8Array>> {
    const call = await this.#calls.begin(workflow, options);
    const parts = [{ cid, bytes, plain: plain ?? undefined, from: 0, to: bytes }];
    const { contents } = this.#calls;
    return begun(readParts({ contents, ...this.#calls.sources() }, parts, call));
  }

  async commit(
    input: InodeCommit,
    bytes: AsyncIterable<Uint8Array>,
    options: CallOptions,
  ): Promise<InodeCommitted> {
    const call = await this.#calls.begin(input.workflow, options);
    const { inode, place } = input;
    // What would be refused is so before a byte of it is taken; of few bytes the command says it as soon.
    if (place !== undefined) checkName(place.name);
    if (input.bytes === undefined || input.bytes > SMALL_BYTES) {
      if (place === undefined) await this.#find(call, { from: inode, path: "" });
      else await this.#checkFree(call, input, place);
    }
    const { view, folder, content } = await this.#commits.commit(call, input, {
      bytes,
      signal: options.signal,
    });
    return { ...(await this.#opened(call, view, content)), folder };
  }

  async reserve(
    { workflow, count }: { readonly workflow: string; readonly count: number },
    options: CallOptions,
  ): Promise<{ readonly first: number }> {
    const call = await this.#calls.begin(workflow, options);
    const { inode } = await this.#calls.command(call, { kind: "fs-reserve", count });
    return { first: inode };
  }

  async mkdir(at: NameAt & { readonly mode: number }, options: CallOptions): Promise<InodeChange> {
    const { mode } = at;
    const command = { kind: "fs-mkdir", place: placeOf(at), mode, parents: false } as const;
    return this.#change(at.workflow, command, options);
  }

  async symlink(
    at: NameAt & { readonly target: string },
    options: CallOptions,
  ): Promise<InodeChange> {
    const { target } = at;
    return this.#change(at.workflow, { kind: "fs-symlink", place: placeOf(at), target }, options);
  }

  async link(at: NameAt & { readonly inode: number }, options: CallOptions): Promise<InodeChange> {
    const from = { from: at.inode, path: "" };
    return this.#change(at.workflow, { kind: "fs-link", from, to: placeOf(at) }, options);
  }

  async unlink(
    at: NameAt & { readonly folder: boolean },
    options: CallOptions,
  ): Promise<InodeChange> {
    const call = await this.#calls.begin(at.workflow, options);
    const place = placeOf(at);
    const before = await this.#find(call, place);
    await this.#calls.command(
      call,
      at.folder ? { kind: "fs-rmdir", place } : { kind: "fs-unlink", places: [place] },
    );
    return { inode: await this.#left(call, before), replaced: null };
  }

  async rename(
    move: Parameters<InodePort["rename"]>[0],
    options: CallOptions,
  ): Promise<InodeChange> {
    const call = await this.#calls.begin(move.workflow, options);
    const to = placeOf({ parent: move.toParent, name: move.toName });
    const before = await this.#calls.reader.ask(call, (view) => {
      const entry = findEntry(view, move.toParent, move.toName);
      const row = entry === undefined ? undefined : findInode(view, entry.inode);
      return entry === undefined || row === undefined ? undefined : { inode: entry.inode, row };
    });
    const over = move.exclusive ? "exclusive" : "posix";
    const moves = [{ from: placeOf(move), to, keep: undefined }];
    const rename = { kind: "fs-rename", moves, over, parents: false } as const;
    const { inode } = await this.#calls.command(call, rename);
    const inodes = { inode: await this.#view(call, inode) };
    if (before === undefined || before.inode === inode) return { ...inodes, replaced: null };
    return { ...inodes, replaced: await this.#left(call, before) };
  }

  set(
    at: InodeAt & Pick<InodeCommit, "mode" | "mtimeMicros">,
    options: CallOptions,
  ): Promise<InodeChange> {
    const place = { from: at.inode, path: "" };
    const { mode, mtimeMicros } = at;
    const change = { place, expect: { kind: "any" }, mode, mtimeMicros } as const;
    return this.#change(at.workflow, { kind: "fs-attributes", ...change }, options);
  }

  async attributes(
    { workflow, inode }: InodeAt,
    options: CallOptions,
  ): Promise<{ readonly attributes: readonly InodeAttribute[] }> {
    const call = await this.#calls.begin(workflow, options);
    const { row } = await this.#find(call, { from: inode, path: "" });
    return { attributes: attributesView(row) };
  }

  setAttribute(
    at: Parameters<InodePort["setAttribute"]>[0],
    options: CallOptions,
  ): Promise<InodeChange> {
    const place = { from: at.inode, path: "" };
    const value = attributeBytes(at.value);
    const { name, over } = at;
    const command = { kind: "fs-attribute", place, name, value, over } as const;
    return this.#change(at.workflow, command, options);
  }

  async changes(
    { workflow, ...what }: Parameters<InodePort["changes"]>[0],
    options: CallOptions,
  ): Promise<VolumeChanges> {
    const call = await this.#calls.begin(workflow, options);
    return this.#calls.changes(call, { ...what, limit: CHANGES_ITEMS });
  }

  async space(
    { workflow }: { readonly workflow: string },
    options: CallOptions,
  ): Promise<VolumeUse> {
    const call = await this.#calls.begin(workflow, options);
    const { usedBytes, usedInodes, quotaBytes, quotaInodes } = await this.#calls.reader.ask(
      call,
      volumeUse,
    );
    return {
      ...{ usedBytes, usedInodes, freeBytes: await this.#freeBytes() },
      ...{ quotaBytes: quotaBytes ?? null, quotaInodes: quotaInodes ?? null },
    };
  }

  async near(
    { workflow }: { readonly workflow: string },
    options: CallOptions,
  ): Promise<NearPlace | undefined> {
    const call = await this.#calls.begin(workflow, options);
    const volume = await this.#calls.reader.ask(call, volumeUse);
    const { sealing, chunking } = volume;
    // What is written there is not sealed yet, and only the node opens blocks.
    const place = sealing === undefined ? await this.#near?.place() : undefined;
    const codes = codingOf(this.#calls.uploadDeps(), call, volume) !== undefined;
    return place && { ...place, takesPieces: CHUNKING[chunking] === "fixed-1" && !codes };
  }

  async beginUpload(
    { workflow }: { readonly workflow: string },
    options: CallOptions,
  ): Promise<{ readonly upload: string | null }> {
    const call = await this.#calls.begin(workflow, options);
    return { upload: (await this.#early.begin(call)) ?? null };
  }

  async putPieces(
    { workflow, files, ...pieces }: PiecesPut,
    content: AsyncIterable<Uint8Array>,
    options: CallOptions,
  ): Promise<Readonly<Record<string, never>>> {
    const call = await this.#calls.begin(workflow, options);
    const taken = files && (await this.#nearFolder().pieces(files, pieces.bytes));
    await this.#early.put(call, pieces, { content: taken ?? content, signal: options.signal });
    return {};
  }

  async endUpload({
    upload,
  }: {
    readonly upload: string;
  }): Promise<Readonly<Record<string, never>>> {
    this.#early.end(upload);
    return {};
  }

  staged({ staged, from = 0, bytes }: StagedContent): AsyncIterable<Uint8Array> {
    return this.#nearFolder().read(staged, { from, bytes });
  }

  #nearFolder(): Pick<NearFolder, "read" | "pieces"> {
    if (this.#near !== undefined) return this.#near;
    const message = "this node meets no mounts on its disk";
    throw new ClusterError({ code: "API_INPUT_INVALID" }, message);
  }

  /** Puts a command through, and shows the inode that it is about. */
  async #change(
    workflow: string,
    command: TreeCommand,
    options: CallOptions,
  ): Promise<InodeChange> {
    const call = await this.#calls.begin(workflow, options);
    const { inode } = await this.#calls.command(call, command);
    return { inode: await this.#view(call, inode), replaced: null };
  }

  /** Null for one that somebody else has removed meanwhile. */
  #view(call: FileCall, inode: number): Promise<InodeView | null> {
    return this.#calls.reader.ask(call, (view) => {
      const row = findInode(view, inode);
      return row === undefined ? null : inodeView({ inode, row });
    });
  }

  /** What is left of an inode that lost a name. */
  async #left(call: FileCall, before: Found): Promise<InodeView> {
    return (await this.#view(call, before.inode)) ?? goneView(before);
  }

  async #opened(call: FileCall, shown: InodeView, content: FileContent): Promise<OpenInode> {
    if (content.kind === "inline") {
      return { ...shown, blocks: content.blocks.map(blockView), list: null, parts: 0 };
    }
    const { content: list } = content;
    const row = await this.#calls.reader.ask(call, (view) =>
      rowOf(view, "fs-content", treeKeys.content(list)),
    );
    if (row === undefined) throw treeError("FS_CHANGED", "the file was replaced meanwhile");
    return { ...shown, blocks: [], list, parts: row.parts };
  }

  #find(call: FileCall, place: Place): Promise<Found> {
    return this.#calls.reader.ask(call, (view) => lookUp(view, place, { follow: false }));
  }

  /** @throws {TreeError} what a new name is refused with. */
  async #checkFree(
    call: FileCall,
    { inode, exclusive }: InodeCommit,
    { parent, name }: NonNullable<InodeCommit["place"]>,
  ): Promise<void> {
    checkName(name);
    await this.#calls.reader.ask(call, (view) => {
      if (findInode(view, parent)?.kind !== "fs-directory") throw notThere();
      if (findInode(view, inode) !== undefined) {
        throw treeError("FS_CHANGED", "the number of the inode is not free", { path: name });
      }
      const entry = findEntry(view, parent, name);
      if (entry === undefined) return;
      if (exclusive) throw treeError("FS_EXISTS", "it is there already", { path: name });
      if (entry.type === "directory") {
        throw treeError("FS_IS_DIRECTORY", "it is a folder", { path: name });
      }
    });
  }
}

function notThere(): Error {
  return treeError("FS_NOT_FOUND", "there is no such inode");
}
