/** Reads the inputs of units that are run together. */
import type { PieceSlice } from "../wire/dataset.ts";
import { LEAF_BYTES_MAX } from "./leaf-unit.ts";
import type { PairIo, PairRecord } from "./ports.ts";

/**
 * The pairs of each input, in the order of `inputs`; undefined for one that is too large for a batch.
 * Children side by side read one stretch of their parent's run, so they share the reading.
 */
export async function readInputs(
  io: PairIo,
  inputs: readonly (readonly PieceSlice[])[],
): Promise<readonly (readonly PairRecord[] | undefined)[]> {
  const whole = joined(inputs.flat());
  const pairs = await readSome(io, whole, inputs.length * LEAF_BYTES_MAX);
  if (pairs === undefined) return inputs.map(() => undefined);
  let at = 0;
  return inputs.map((slices) => {
    const count = slices.reduce((sum, slice) => sum + slice.count, 0);
    at += count;
    const own = pairs.slice(at - count, at);
    return bytesOf(own) > LEAF_BYTES_MAX ? undefined : own;
  });
}

async function readSome(
  io: PairIo,
  slices: readonly PieceSlice[],
  bytesMax: number,
): Promise<readonly PairRecord[] | undefined> {
  const pairs: PairRecord[] = [];
  let bytes = 0;
  for await (const records of io.read(slices)) {
    bytes += bytesOf(records);
    if (bytes > bytesMax) return undefined;
    pairs.push(...records);
  }
  return pairs;
}

/** The same pairs in fewer slices. */
function joined(slices: readonly PieceSlice[]): readonly PieceSlice[] {
  const found: PieceSlice[] = [];
  for (const slice of slices) {
    const last = found.at(-1);
    const follows = last !== undefined && last.first + last.count === slice.first;
    if (last !== undefined && follows && isSame(last, slice)) {
      found[found.length - 1] = { ...last, count: last.count + slice.count };
    } else found.push(slice);
  }
  return found;
}

function isSame(left: PieceSlice, right: PieceSlice): boolean {
  if (left.piece.kind === "inline" || right.piece.kind === "inline") {
    return left.piece === right.piece;
  }
  return left.piece.cid === right.piece.cid;
}

function bytesOf(records: readonly PairRecord[]): number {
  return records.reduce((sum, { key, value }) => sum + key.length + value.length, 0);
}
