/**
 * Copies of inline pieces with buffers of their own: a message between threads takes the whole
 * buffer of an array with it, and pieces are often views of large ones.
 */
import { PACKED_BLOCK_BYTES } from "../../fs/packs/format.ts";
import type { Dataset, Outcome, Piece, PieceSlice, Work } from "../../wire/dataset.ts";

/** A dataset that is cheap to send. */
export function compactDataset(dataset: Dataset): Dataset {
  return dataset.some(isView) ? dataset.map(compactPiece) : dataset;
}

/** A unit that is cheap to send. */
export function compactWork(work: Work): Work {
  if (work.kind === "reduce") {
    return work.session.some(isView) ? { ...work, session: compactDataset(work.session) } : work;
  }
  if (work.kind === "list") return { ...work, sources: compactDataset(work.sources) };
  const input = compactSlices(work.input);
  return input === work.input ? work : { ...work, input };
}

/** Slices that are cheap to send. */
export function compactSlices(slices: readonly PieceSlice[]): readonly PieceSlice[] {
  if (!slices.some(({ piece }) => isView(piece))) return slices;
  return slices.map((slice) => ({ ...slice, piece: compactPiece(slice.piece) }));
}

/** An outcome that is cheap to send. */
export function compactOutcome(outcome: Outcome): Outcome {
  switch (outcome.kind) {
    case "mapped":
      return {
        ...outcome,
        children: compactDataset(outcome.children),
        session: compactDataset(outcome.session),
      };
    case "combined":
      return {
        ...outcome,
        pairs: compactDataset(outcome.pairs),
        session: compactDataset(outcome.session),
      };
    case "reduced":
      return {
        ...outcome,
        parts: outcome.parts.map(compactDataset),
        session: compactDataset(outcome.session),
      };
    case "listed":
      return { ...outcome, children: compactDataset(outcome.children) };
    case "failed":
    case "released":
    case "lacking":
      return outcome;
  }
}

/** The bytes in a buffer of their own that may be given away. */
export function ownBytes(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const copy = new Uint8Array(bytes.length);
  copy.set(bytes);
  return copy;
}

/** Blocks with a file of their own are read for each reader anew; of packs the store may keep what it gave. */
export function isReadForOne({ length }: Uint8Array): boolean {
  return length >= PACKED_BLOCK_BYTES;
}

/** Whether they are all of their buffer, which threads do not share. */
export function hasOwnBuffer(bytes: Uint8Array): bytes is Uint8Array<ArrayBuffer> {
  return bytes.buffer instanceof ArrayBuffer && bytes.buffer.byteLength === bytes.length;
}

function compactPiece(piece: Piece): Piece {
  return piece.kind === "inline" && isView(piece)
    ? { ...piece, bytes: ownBytes(piece.bytes) }
    : piece;
}

function isView(piece: Piece): boolean {
  return piece.kind === "inline" && piece.bytes.buffer.byteLength !== piece.bytes.length;
}
