/**
 * What files are made of, and how often each block is named (R25). A block that nothing names has no row;
 * so what nodes ask before they delete one is a single look.
 */
import { assert } from "../../std/assert.ts";
import { rowOf } from "../apply-kit.ts";
import { readAll } from "../transaction.ts";
import type { TreeChange } from "./change.ts";
import { FS_COMMAND_BLOCKS_MAX } from "./commands.ts";
import { treeError } from "./errors.ts";
import { treeKeys } from "./keys.ts";
import {
  type ContentRow,
  type FileBlock,
  type FileContent,
  INODE_BLOCKS_MAX,
  type UploadRow,
} from "./rows.ts";
import { leaveStripes, nameInStripe } from "./stripes.ts";

/** The upload that a command names, if it has a pin. */
export interface Upload {
  readonly id: string;
  readonly pin: UploadRow;
}

/** @throws {TreeError} `FS_PIN_LAPSED` when the upload has none, any more or at all. */
export function uploadOf(change: TreeChange, id: string): Upload {
  const pin = rowOf(change, "fs-pin", treeKeys.pin(id));
  if (pin === undefined) throw lapsed();
  return { id, pin };
}

/**
 * `others`: keys of rows that are wanted too, so that they are not loaded one after the other.
 * @throws {MissingRows} with all that are not in memory.
 * @throws {TreeError} `COMMAND_TOO_LARGE`.
 */
export function blockRuns(
  change: TreeChange,
  contents: readonly FileContent[],
  others: readonly string[] = [],
): void {
  const keys: string[] = [];
  for (const content of contents) {
    if (content.kind === "listed") keys.push(treeKeys.content(content.content));
    else for (const { cid } of content.blocks) keys.push(treeKeys.block(cid));
  }
  if (keys.length > FS_COMMAND_BLOCKS_MAX) {
    throw treeError("COMMAND_TOO_LARGE", `a command names at most ${FS_COMMAND_BLOCKS_MAX} blocks`);
  }
  readAll(change, [...keys, ...others]);
}

/**
 * Names blocks once more.
 * @throws {TreeError} `FS_PIN_LAPSED` for one that nothing names and no pin has kept; `FS_CONTENT_INVALID`
 * for one that is said to have another size than before; `FS_SEALING_DIFFERS`.
 */
export function nameBlocks(
  change: TreeChange,
  blocks: readonly FileBlock[],
  upload: Upload | undefined,
): void {
  const isSealed = change.volume.sealing !== undefined;
  for (const { cid, bytes, plain } of blocks) {
    if ((plain !== undefined) !== isSealed) {
      const message = isSealed ? "the volume takes sealed blocks only" : "the volume does not seal";
      throw treeError("FS_SEALING_DIFFERS", `${message}: put the content once more`);
    }
    const key = treeKeys.block(cid);
    const row = rowOf(change, "fs-block", key);
    if (row === undefined) {
      if (upload === undefined) throw lapsed();
      change.put(key, { kind: "fs-block", bytes, references: 1 });
      continue;
    }
    if (row.bytes !== bytes) {
      throw treeError("FS_CONTENT_INVALID", `the block ${cid} has ${row.bytes} bytes`);
    }
    if (row.references === 0) nameInStripe(change, row);
    change.put(key, { ...row, references: row.references + 1 });
  }
}

/** Names blocks once less. */
export function unnameBlocks(change: TreeChange, blocks: readonly FileBlock[]): void {
  readAll(
    change,
    blocks.map(({ cid }) => treeKeys.block(cid)),
  );
  const left: number[] = [];
  for (const { cid } of blocks) {
    const key = treeKeys.block(cid);
    const row = rowOf(change, "fs-block", key);
    assert(row !== undefined && row.references > 0, "a block that a content names is counted");
    const isLast = row.references === 1;
    if (isLast && row.stripe === undefined) change.delete(key);
    else change.put(key, { ...row, references: row.references - 1 });
    if (isLast && row.stripe !== undefined) left.push(row.stripe);
  }
  leaveStripes(change, left);
}

/**
 * An inode gets the content; its bytes.
 * @throws {TreeError} `FS_CONTENT_INVALID` for a list that is none; `FS_PIN_LAPSED`.
 */
export function takeContent(
  change: TreeChange,
  content: FileContent,
  upload: Upload | undefined,
): number {
  if (content.kind === "inline") {
    if (content.blocks.length > INODE_BLOCKS_MAX) {
      throw treeError("FS_CONTENT_INVALID", "so many blocks are to be staged as a content");
    }
    nameBlocks(change, content.blocks, upload);
    return bytesOf(content.blocks);
  }
  const key = treeKeys.content(content.content);
  const row = rowOf(change, "fs-content", key);
  if (row === undefined) throw lapsed();
  if (row.upload !== undefined) {
    if (row.upload !== upload?.id) throw lapsed();
    unstage(change, upload.id, content.content);
  } else if (row.links === 0) throw lapsed();
  const next: ContentRow = { ...row, upload: undefined, links: row.links + 1 };
  change.put(key, next);
  return row.bytes;
}

/** An inode has the content no more. */
export function leaveContent(change: TreeChange, content: FileContent): void {
  if (content.kind === "inline") {
    unnameBlocks(change, content.blocks);
    return;
  }
  const key = treeKeys.content(content.content);
  const row = rowOf(change, "fs-content", key);
  assert(row !== undefined && row.links > 0, "an inode has linked its content");
  change.put(key, { ...row, links: row.links - 1 });
  if (row.links === 1) change.sweep(treeKeys.sweptContent(content.content));
}

/** Takes a content out of those that an upload has staged. */
function unstage(change: TreeChange, upload: string, content: number): void {
  const key = treeKeys.pin(upload);
  const pin = rowOf(change, "fs-pin", key);
  assert(pin !== undefined, "a staged content has the pin that keeps it");
  change.put(key, { ...pin, contents: pin.contents.filter((one) => one !== content) });
}

/** Bytes of all together. */
export function bytesOf(blocks: readonly FileBlock[]): number {
  return blocks.reduce((sum, { bytes }) => sum + bytes, 0);
}

function lapsed(): Error {
  return treeError("FS_PIN_LAPSED", "no pin keeps what the command names: put it once more");
}
