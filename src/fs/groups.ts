/** The values of each key together, out of any number of sorted pieces. */
import type { GroupPart } from "../handlers/ports.ts";
import { assert } from "../std/assert.ts";
import type { Dataset, Piece } from "../wire/dataset.ts";
import type { RecordCursor } from "../wire/pairs.ts";
import { uncached } from "./block-cache.ts";
import { checkStopped } from "./errors.ts";
import type { SortedPairs } from "./external-sort.ts";
import {
  INLINE_PER_READER,
  type MergePart,
  MergeTree,
  type MergeTreeOptions,
} from "./merge-tree.ts";
import { largestBlock, openPiece, readManifest } from "./run-source.ts";

/** A batch of groups ends when it has so many bytes or values: bounds what is handed on at a time. */
export const BATCH_BYTES = 256 * 1024;
export const BATCH_RECORDS = 4096;

/**
 * Groups in the order of keys; the values of a key in the order of `inputs`, then of the piece. A
 * batch is not empty; only its last part may be continued in the next batch.
 * @throws {JobxError} `FS_BLOCK_MISSING`, `FS_BLOCK_DAMAGED`, `FS_RUN_MISMATCH`, `FS_RUN_NOT_SORTED`,
 * `RUN_MALFORMED`, `PAIRS_MALFORMED`, `FS_DISK_FULL`, `FS_IO`, `FS_STOPPED`.
 */
export async function* readGroups(
  inputs: AsyncIterable<Dataset>,
  options: MergeTreeOptions,
): AsyncGenerator<readonly GroupPart[]> {
  const tree = new MergeTree(options);
  try {
    for await (const dataset of inputs) {
      checkStopped(options.signal);
      for (const piece of dataset) await addPiece(tree, { piece, options });
    }
    yield* groupsOf(await tree.open(), options.signal);
  } finally {
    await tree.remove();
  }
}

async function addPiece(
  tree: MergeTree,
  task: { readonly piece: Piece; readonly options: MergeTreeOptions },
): Promise<void> {
  const { piece, options } = task;
  assert(piece.order === "key", "only pieces in the order of keys are merged");
  if (piece.count === 0) return;
  const blocks = uncached(options.store);
  await tree.add({
    memoryBytes:
      piece.kind === "inline"
        ? piece.bytes.length
        : largestBlock(await readManifest(blocks, piece)),
    readers: piece.kind === "inline" ? 1 / INLINE_PER_READER : 1,
    open: () => openPiece(blocks, { piece, first: 0 }),
    remove: nothingToRemove,
  } satisfies MergePart);
}

async function nothingToRemove(): Promise<void> {}

/** As `readGroups`, of pairs that are in the order of keys already and in one part. */
export async function* groupsOf(
  pairs: SortedPairs,
  signal: AbortSignal | undefined,
): AsyncGenerator<readonly GroupPart[]> {
  const batch = new GroupBatch();
  for (let top = pairs.top; top !== undefined; top = pairs.top) {
    const { cursor } = top;
    const sameKey = batch.holdsKeyOf(cursor);
    if (!sameKey) batch.endGroup({ last: true });
    if (batch.full) {
      // The next value of the key is at hand, so that no part is ever empty.
      if (sameKey) batch.endGroup({ last: false });
      yield batch.take();
      checkStopped(signal);
    }
    batch.add(cursor);
    if (pairs.step()) continue;
    checkStopped(signal);
    await pairs.refill();
  }
  batch.endGroup({ last: true });
  const rest = batch.take();
  if (rest.length > 0) yield rest;
}

/** Collects the values of the key at hand, and the groups before it. */
class GroupBatch {
  #parts: GroupPart[] = [];
  #key: Uint8Array | undefined;
  #values: Uint8Array[] = [];
  #bytes = 0;
  #records = 0;

  get full(): boolean {
    return this.#bytes >= BATCH_BYTES || this.#records >= BATCH_RECORDS;
  }

  holdsKeyOf(cursor: RecordCursor): boolean {
    return this.#key !== undefined && cursor.keyEquals(this.#key);
  }

  add(cursor: RecordCursor): void {
    this.#key ??= cursor.key();
    this.#values.push(cursor.value());
    this.#bytes += cursor.recordEnd - cursor.recordStart;
    this.#records++;
  }

  /** Makes a part of the values at hand; when it is not the last, the key goes on. */
  endGroup(end: { readonly last: boolean }): void {
    if (this.#key === undefined) return;
    this.#parts.push({ key: this.#key, values: this.#values, last: end.last });
    this.#values = [];
    if (end.last) this.#key = undefined;
  }

  take(): readonly GroupPart[] {
    const parts = this.#parts;
    this.#parts = [];
    this.#bytes = 0;
    this.#records = 0;
    return parts;
  }
}
