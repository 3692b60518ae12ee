/** The bytes of a file: which parts of which blocks, and the blocks from wherever they are. */
import type { FileRange } from "../../api/file-port.ts";
import type { Holders } from "../../fs/file-block-reader.ts";
import type { ChunkPart } from "../../fs/file-blocks.ts";
import { rowOf } from "../../scheduler/apply-kit.ts";
import { treeError } from "../../scheduler/tree/errors.ts";
import { treeKeys } from "../../scheduler/tree/keys.ts";
import { contentPart } from "../../scheduler/tree/reads.ts";
import type { ContentPartRow, FileBlock, FileRow } from "../../scheduler/tree/rows.ts";
import { isJobxError } from "../../std/errors.ts";
import type { Contents } from "../data-plane/contents.ts";
import { type KeySource, keyToOpen } from "./sealing.ts";
import type { StripeFinder } from "./stripe-finder.ts";
import type { FileCall, TreeReader } from "./tree-reader.ts";

/** A run of blocks, and where it begins in the file. */
export interface PlacedBlocks {
  readonly startBytes: number;
  readonly blocks: readonly FileBlock[];
}

/** The parts of blocks that a range of the file is made of. */
export function partsOf(
  { startBytes, blocks }: PlacedBlocks,
  { from, to }: FileRange,
): readonly ChunkPart[] {
  const parts: ChunkPart[] = [];
  let at = startBytes;
  for (const block of blocks) {
    const { bytes } = block;
    const first = Math.max(from - at, 0);
    const last = Math.min(to - at, bytes);
    if (first < last) parts.push({ ...block, from: first, to: last });
    at += bytes;
  }
  return parts;
}

export interface DownloadDeps {
  readonly reader: Pick<TreeReader, "ask">;
  readonly contents: Pick<Contents, "read">;
  readonly holders: () => Holders;
  readonly keys: KeySource;
  readonly stripes: Pick<StripeFinder, "isKnown" | "find" | "forget">;
}

/** Parts of blocks, opened where they are sealed. @throws {JobxError} as `Contents.read`; `FS_KEY_MISSING`. */
export async function* readParts(
  deps: Pick<DownloadDeps, "contents" | "holders" | "keys" | "stripes">,
  parts: readonly ChunkPart[],
  call: FileCall,
): AsyncGenerator<Uint8Array, void, undefined> {
  const { contents, holders, keys, stripes } = deps;
  const key = await keyToOpen(keys, call, parts);
  const isKnown = stripes.isKnown(call.group);
  let told = 0;
  try {
    const placed = isKnown ? await stripes.find(call, parts) : parts;
    for await (const bytes of contents.read(placed, { holders: holders(), key })) {
      told += bytes.length;
      yield bytes;
    }
  } catch (error) {
    // Without a copy anywhere: it may be made from its stripe, where it has one that is not known, or another one.
    if (!isJobxError(error) || !LACKING_CODES.has(error.code)) throw error;
    const rest = partsAfter(parts, told);
    stripes.forget(rest);
    const placed = await stripes.find(call, rest);
    if (isKnown || placed.every(({ stripe }) => stripe === undefined)) throw error;
    yield* contents.read(placed, { holders: holders(), key });
  }
}

const LACKING_CODES: ReadonlySet<string> = new Set(["FS_BLOCK_MISSING", "FS_BLOCK_LOST"]);

/** What is left of parts after so many of their bytes. */
function partsAfter(parts: readonly ChunkPart[], bytes: number): readonly ChunkPart[] {
  let skipped = bytes;
  return parts.flatMap((part) => {
    const skip = Math.min(skipped, part.to - part.from);
    skipped -= skip;
    const from = part.from + skip;
    return from < part.to ? [{ ...part, from }] : [];
  });
}

/** Files that have their lists in their rows, one after the other. @throws {JobxError} as `readParts`. */
export async function* readFiles(
  deps: DownloadDeps,
  files: readonly FileRow[],
  call: FileCall,
): AsyncGenerator<Uint8Array, void, undefined> {
  const parts = files.flatMap(({ content, bytes }) =>
    content.kind === "inline"
      ? partsOf({ startBytes: 0, blocks: content.blocks }, { from: 0, to: bytes })
      : [],
  );
  if (parts.length > 0) yield* readParts(deps, parts, call);
}

/**
 * The bytes of a range, one run of blocks after the other.
 * @throws {JobxError} as `readParts`; {TreeError} `FS_CHANGED` when the file's list is gone meanwhile.
 */
export async function* readFile(
  deps: DownloadDeps,
  file: FileRow,
  how: { readonly call: FileCall; readonly range: FileRange },
): AsyncGenerator<Uint8Array, void, undefined> {
  const { call, range } = how;
  for await (const placed of blockRuns(deps, file, { call, fromBytes: range.from })) {
    if (placed.startBytes >= range.to) return;
    const parts = partsOf(placed, range);
    if (parts.length > 0) yield* readParts(deps, parts, call);
  }
}

/**
 * Runs of a file's blocks, from the one on in which a place is.
 * @throws {TreeError} `FS_CHANGED` when the file's list is gone meanwhile.
 */
export async function* blockRuns(
  { reader }: Pick<DownloadDeps, "reader">,
  { content }: Pick<FileRow, "content">,
  { call, fromBytes }: { readonly call: FileCall; readonly fromBytes: number },
): AsyncGenerator<PlacedBlocks, void, undefined> {
  if (content.kind === "inline") {
    yield { startBytes: 0, blocks: content.blocks };
    return;
  }
  const number = content.content;
  const row = await reader.ask(call, (view) => rowOf(view, "fs-content", treeKeys.content(number)));
  if (row === undefined) throw gone();
  const part = async (at: number): Promise<ContentPartRow> =>
    (await reader.ask(call, (view) => contentPart(view, number, at))) ?? fail();
  // The last part that begins at or before the place: blocks need not be of one size.
  let first = 0;
  for (let beyond = row.parts; beyond - first > 1; ) {
    const middle = Math.floor((first + beyond) / 2);
    if ((await part(middle)).startBytes <= fromBytes) first = middle;
    else beyond = middle;
  }
  for (let at = first; at < row.parts; at++) yield await part(at);
}

function fail(): never {
  throw gone();
}

function gone(): Error {
  return treeError("FS_CHANGED", "the file was replaced while it was read");
}
