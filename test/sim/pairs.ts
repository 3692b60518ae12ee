/** Pairs and datasets as the simulated handlers make and read them. */
import { partitionOf } from "../../src/fs/partition.ts";
import { compareBytes } from "../../src/std/bytes.ts";
import { decodeKey, encodeKey, type OrderedKey } from "../../src/std/ordered-key.ts";
import {
  type Dataset,
  INLINE_BYTES_MAX,
  type PairOrder,
  type Piece,
} from "../../src/wire/dataset.ts";
import { decodePairs, encodePairs, type Pair, recordLength } from "../../src/wire/pairs.ts";

/** A key and a value as handlers see them. */
export type KeyValue = readonly [key: OrderedKey, value: unknown];

const encoder = new TextEncoder();
const decoder = new TextDecoder();

export function toRecord([key, value]: KeyValue): Pair {
  return { key: encodeKey(key), value: encoder.encode(JSON.stringify(value)) };
}

export function fromRecord({ key, value }: Pair): KeyValue {
  const parsed: unknown = JSON.parse(decoder.decode(value));
  return [decodeKey(key), parsed];
}

export function pairsOfBytes(bytes: Uint8Array): readonly KeyValue[] {
  return decodePairs(bytes).map(fromRecord);
}

/** In the order of keys; pairs with equal keys stay in their order. */
export function sortPairs(pairs: readonly KeyValue[]): readonly KeyValue[] {
  return pairs
    .map((pair) => ({ pair, key: encodeKey(pair[0]) }))
    .sort((a, b) => compareBytes(a.key, b.key))
    .map(({ pair }) => pair);
}

/** Sorted pairs with the values of each key together. */
export function groupPairs(
  pairs: readonly KeyValue[],
): readonly (readonly [key: OrderedKey, values: readonly unknown[]])[] {
  const groups: { bytes: Uint8Array; key: OrderedKey; values: unknown[] }[] = [];
  for (const [key, value] of sortPairs(pairs)) {
    const bytes = encodeKey(key);
    const last = groups.at(-1);
    if (last !== undefined && compareBytes(last.bytes, bytes) === 0) last.values.push(value);
    else groups.push({ bytes, key, values: [value] });
  }
  return groups.map(({ key, values }) => [key, values]);
}

/** The pairs whose keys belong to one of `parts` parts. */
export function pairsOfPart(
  pairs: readonly KeyValue[],
  part: number,
  parts: number,
): readonly KeyValue[] {
  return pairs.filter(([key]) => partitionOf(encodeKey(key), parts) === part);
}

/** Cuts pairs into pieces; `store` takes those that become runs. */
export async function toDataset(
  pairs: readonly KeyValue[],
  options: {
    readonly order: PairOrder;
    /** Bytes of a piece at most. */
    readonly pieceBytesMax: number;
    /** Makes a run of the bytes; undefined when the piece is to stay inline. */
    readonly store: (bytes: Uint8Array) => Promise<{ cid: string; holder: string } | undefined>;
  },
): Promise<Dataset> {
  const { order, pieceBytesMax, store } = options;
  const pieces: Piece[] = [];
  let batch: Pair[] = [];
  let bytes = 0;
  const end = async (): Promise<void> => {
    if (batch.length === 0) return;
    const encoded = encodePairs(batch);
    const count = batch.length;
    const run = await store(encoded);
    if (run === undefined) pieces.push({ kind: "inline", bytes: encoded, count, order });
    else {
      const { cid, holder } = run;
      pieces.push({ kind: "run", cid, bytes: encoded.length, count, order, holders: [holder] });
    }
    batch = [];
    bytes = 0;
  };
  for (const pair of pairs) {
    const record = toRecord(pair);
    const length = recordLength(record);
    if (bytes + length > Math.min(pieceBytesMax, INLINE_BYTES_MAX)) await end();
    batch.push(record);
    bytes += length;
  }
  await end();
  return pieces;
}

/** One inline piece, in the order given. */
export function inlineDataset(pairs: readonly KeyValue[], order: PairOrder): Dataset {
  const bytes = encodePairs(pairs.map(toRecord));
  return pairs.length === 0 ? [] : [{ kind: "inline", bytes, count: pairs.length, order }];
}
