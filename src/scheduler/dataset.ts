/**
 * What handlers produce: streams of pairs, kept inline when small, else as runs in the block store.
 * Only these descriptions travel through consensus; the pairs of a run never do.
 */
import { assert } from "../std/assert.ts";

/** Content id: `sha256` in lower-case hex of the block's bytes, 64 characters. */
export type Cid = string;

/** A libp2p peer id; names a node for ever. */
export type NodeId = string;

/** How the pairs of a piece are ordered: by canonical key bytes, or as the handler yielded them. */
export type PairOrder = "key" | "yield";

/** Pairs small enough to live in the replicated state. */
export interface InlinePiece {
  readonly kind: "inline";
  /** Records in the format of `wire/pairs.ts`; at most `INLINE_BYTES_MAX`. */
  readonly bytes: Uint8Array;
  readonly count: number;
  readonly order: PairOrder;
}

/** Pairs in the block store: the CID is that of the run's manifest block, which lists its data blocks. */
export interface RunPiece {
  readonly kind: "run";
  readonly cid: Cid;
  /** Bytes of all data blocks, without the manifest. */
  readonly bytes: number;
  readonly count: number;
  readonly order: PairOrder;
  /** Nodes that had synced the whole run when it was recorded. Others may hold it as well. */
  readonly holders: readonly NodeId[];
}

/** One stretch of pairs of a dataset. */
export type Piece = InlinePiece | RunPiece;

/** A dataset is its pieces, one after the other; `order: "key"` holds within a piece, not across. */
export type Dataset = readonly Piece[];

/** A stretch of one piece: pairs `first` to `first + count - 1` in its order. */
export interface PieceSlice {
  readonly piece: Piece;
  readonly first: number;
  readonly count: number;
}

/** All pairs of a dataset. */
export function wholeSlices(dataset: Dataset): readonly PieceSlice[] {
  return dataset.map((piece) => ({ piece, first: 0, count: piece.count }));
}

/** `count` pairs of a dataset from number `from` on. */
export function slicesOf(dataset: Dataset, from: number, count: number): readonly PieceSlice[] {
  const slices: PieceSlice[] = [];
  let first = from;
  let left = count;
  for (const piece of dataset) {
    if (left > 0 && first < piece.count) {
      const taken = Math.min(left, piece.count - first);
      slices.push({ piece, first, count: taken });
      left -= taken;
    }
    first = Math.max(0, first - piece.count);
  }
  assert(left === 0, "a child has a pair in its parent's dataset");
  return slices;
}

/** Largest inline piece: keeps log entries small, and most results of small jobs out of the block store. */
export const INLINE_BYTES_MAX = 4096;

/**
 * Inline bytes of a whole result, all of its parts together; further parts are runs. With a description
 * of a run for each other part it stays well below what an entry of the log may have.
 */
export const RESULT_INLINE_BYTES_MAX: number = 256 * 1024;

/** Number of pairs in all pieces. */
export function datasetCount(dataset: Dataset): number {
  return dataset.reduce((sum, piece) => sum + piece.count, 0);
}

/** Bytes of the records in all pieces. */
export function datasetBytes(dataset: Dataset): number {
  return dataset.reduce((sum, piece) => {
    return sum + (piece.kind === "inline" ? piece.bytes.length : piece.bytes);
  }, 0);
}
