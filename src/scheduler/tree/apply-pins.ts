/**
 * R25: uploads. A pin says that somebody puts blocks which nothing names yet; it lapses unless it is renewed.
 * The list of a large file is staged under it, part by part, and its blocks are named from then on.
 */
import { assert } from "../../std/assert.ts";
import { rowOf } from "../apply-kit.ts";
import { readAll } from "../transaction.ts";
import { forEach, type TreeChange } from "./change.ts";
import { FS_PIN_MS_MAX, type TreeCommand } from "./commands.ts";
import { bytesOf, nameBlocks, type Upload, uploadOf } from "./content.ts";
import { treeError } from "./errors.ts";
import { placeOfPinDueKey, treeKeys, treePrefixes } from "./keys.ts";
import {
  type ContentRow,
  PART_BLOCKS_MAX,
  PARTS_MAX,
  PIN_CONTENTS_MAX,
  PINS_MAX,
  type UploadRow,
} from "./rows.ts";

type Command<K extends TreeCommand["kind"]> = Extract<TreeCommand, { readonly kind: K }>;

/**
 * Begins or renews.
 * @throws {TreeError} `FS_PIN_LAPSED` when there is none to renew; `FS_EXISTS` when another holder has begun
 * it; `FS_TOO_MANY_PINS`.
 */
export function pin(change: TreeChange, command: Command<"fs-pin">): void {
  const { how, upload, holder, lastsMs } = command;
  const key = treeKeys.pin(upload);
  const before = how === "renew" ? uploadOf(change, upload).pin : rowOf(change, "fs-pin", key);
  if (before !== undefined && before.holder !== holder) {
    throw treeError("FS_EXISTS", "another holder has an upload of this id");
  }
  if (before === undefined) {
    if (change.volume.pins >= PINS_MAX) {
      throw treeError("FS_TOO_MANY_PINS", `at most ${PINS_MAX} uploads are under way at once`);
    }
    change.count({ pins: 1 });
  } else change.delete(treeKeys.pinDue(before.expiresMs, upload));
  const expiresMs = change.stampMs + Math.min(lastsMs, FS_PIN_MS_MAX);
  change.put(key, { kind: "fs-pin", holder, expiresMs, contents: before?.contents ?? [] });
  change.put(treeKeys.pinDue(expiresMs, upload), { kind: "fs-index" });
}

/** Ends an upload; nothing is wrong if it has ended before. */
export function release(change: TreeChange, { upload }: Command<"fs-release">): void {
  const row = rowOf(change, "fs-pin", treeKeys.pin(upload));
  if (row !== undefined) dropPin(change, { id: upload, pin: row });
}

/** What was renewed since the leader looked stays. */
export function lapse(change: TreeChange, { keys }: Command<"fs-lapse">): void {
  forEach(keys, (key) => {
    if (!key.startsWith(treePrefixes.pinsDue)) return;
    if (rowOf(change, "fs-index", key) === undefined) return;
    const { expiresMs, upload } = placeOfPinDueKey(key);
    if (expiresMs <= change.stampMs) dropPin(change, uploadOf(change, upload));
  });
}

function dropPin(change: TreeChange, { id, pin: row }: Upload): void {
  readAll(change, row.contents.map(treeKeys.content));
  for (const content of row.contents) {
    const key = treeKeys.content(content);
    const staged = rowOf(change, "fs-content", key);
    assert(staged?.upload === id, "a pin keeps what was staged under it");
    change.put(key, { ...staged, upload: undefined });
    change.sweep(treeKeys.sweptContent(content));
  }
  change.delete(treeKeys.pin(id));
  change.delete(treeKeys.pinDue(row.expiresMs, id));
  change.count({ pins: -1 });
}

/**
 * Adds a part to the list of a content, which a commit may name as long as the pin lasts; its number.
 * @throws {TreeError} `FS_PIN_LAPSED`; `FS_CHANGED` when the part is not the next one; `FS_CONTENT_INVALID`;
 * `FS_SEALING_DIFFERS`.
 */
export function stage(change: TreeChange, command: Command<"fs-stage">): number {
  const { part, blocks } = command;
  const upload = uploadOf(change, command.upload);
  readAll(
    change,
    blocks.map(({ cid }) => treeKeys.block(cid)),
  );
  if (blocks.length === 0 || blocks.length > PART_BLOCKS_MAX) {
    throw treeError("FS_CONTENT_INVALID", `a part has 1 to ${PART_BLOCKS_MAX} blocks`);
  }
  const begun = command.content === 0 ? begin(change, upload) : command.content;
  const row = stagedOf(change, upload, begun);
  if (row.parts !== part) throw treeError("FS_CHANGED", `its next part is ${row.parts}`);
  if (part >= PARTS_MAX || row.blocks !== part * PART_BLOCKS_MAX) {
    throw treeError("FS_CONTENT_INVALID", `a list has ${PARTS_MAX} parts, the first ones full`);
  }
  nameBlocks(change, blocks, upload);
  change.insert(treeKeys.part(begun, part), { kind: "fs-part", startBytes: row.bytes, blocks });
  change.put(treeKeys.content(begun), {
    ...row,
    parts: part + 1,
    blocks: row.blocks + blocks.length,
    bytes: row.bytes + bytesOf(blocks),
  });
  return begun;
}

function begin(change: TreeChange, { id, pin: row }: Upload): number {
  if (row.contents.length >= PIN_CONTENTS_MAX) {
    const message = `an upload has staged ${PIN_CONTENTS_MAX} contents: commit some`;
    throw treeError("FS_CONTENT_INVALID", message);
  }
  const content = change.volume.nextContent;
  change.setVolume({ nextContent: content + 1 });
  const next: UploadRow = { ...row, contents: [...row.contents, content] };
  change.put(treeKeys.pin(id), next);
  const empty: ContentRow = {
    kind: "fs-content",
    bytes: 0,
    parts: 0,
    blocks: 0,
    links: 0,
    upload: id,
  };
  change.insert(treeKeys.content(content), empty);
  return content;
}

function stagedOf(change: TreeChange, upload: Upload, content: number): ContentRow {
  const row = rowOf(change, "fs-content", treeKeys.content(content));
  if (row?.upload === upload.id) return row;
  throw treeError("FS_CONTENT_INVALID", "the upload has staged no such content");
}
