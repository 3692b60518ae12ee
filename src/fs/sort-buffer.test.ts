import fc from "fast-check";
import { expect, test } from "vitest";
import { compareBytes } from "../std/bytes.ts";
import type { Pair } from "../wire/pairs.ts";
import { mergeSort } from "./merge-sort.ts";
import { partitionOf } from "./partition.ts";
import { radixOrder } from "./radix-sort.ts";
import { SortBuffer } from "./sort-buffer.ts";

/** Few bytes and long beginnings in common, so that ties of every kind come up. */
const key = fc
  .tuple(
    fc.constantFrom(0, 3, 8, 13),
    fc.uint8Array({ max: 1, maxLength: 3 }),
    fc.constantFrom(0, 6),
    fc.uint8Array({ max: 255, maxLength: 2 }),
  )
  .map(([shared, some, more, rest]) =>
    Uint8Array.from([...new Uint8Array(shared).fill(7), ...some, ...new Uint8Array(more), ...rest]),
  );
const keys = fc.oneof(
  fc.array(key, { maxLength: 80 }),
  // All with the same beginning.
  fc.array(
    key.map((rest) => Uint8Array.from([...new Uint8Array(11).fill(9), ...rest])),
    { maxLength: 80 },
  ),
);

/** The keys with their place of arrival as value. */
function pairsOf(list: readonly Uint8Array[]): Pair[] {
  return list.map((each, at) => ({ key: each, value: Uint8Array.of(at) }));
}

function drain(buffer: SortBuffer, parts: number): { part: number; pair: Pair }[] {
  const records = buffer.sorted(parts);
  const all: { part: number; pair: Pair }[] = [];
  for (let cursor = records.next(); cursor !== undefined; cursor = records.next()) {
    const pair = { key: cursor.key().slice(), value: cursor.value().slice() };
    all.push({ part: records.partition, pair });
  }
  return all;
}

test("pairs come out by part, key and arrival, however often the buffer is used", () => {
  const buffer = new SortBuffer({ memoryBytes: 1e6 });
  fc.assert(
    fc.property(keys, fc.constantFrom(1, 2, 5), (list, parts) => {
      buffer.clear();
      for (const pair of pairsOf(list)) buffer.add(pair);
      expect(buffer.count).toBe(list.length);
      const expected = pairsOf(list)
        .map((pair) => ({ part: partitionOf(pair.key, parts), pair }))
        .toSorted(
          (left, right) => left.part - right.part || compareBytes(left.pair.key, right.pair.key),
        );
      expect(drain(buffer, parts)).toEqual(expected);
    }),
    { numRuns: 500 },
  );
});

test("pairs of any size are kept side by side", () => {
  const buffer = new SortBuffer({ memoryBytes: 1e9 });
  for (let round = 0; round < 2; round++) {
    const sizes = [10, 70_000, 900_000, 2_000_000, 5, 1_048_576, 1_048_570, 200_000, 3_000_000, 1];
    const pairs = sizes.map((size, at) => ({
      key: Uint8Array.of(sizes.length - at),
      value: new Uint8Array(size).fill(at),
    }));
    for (const pair of pairs) buffer.add(pair);
    const got = drain(buffer, 1).map(({ pair }) => pair.value);
    const expected = pairs.toReversed().map(({ value }) => value);
    expect(got.map((value, at) => compareBytes(value, expected[at] ?? value))).toEqual(
      sizes.map(() => 0),
    );
    buffer.clear();
  }
});

test("the buffer is full when pairs and their places take its memory", () => {
  const buffer = new SortBuffer({ memoryBytes: 100_000 });
  let count = 0;
  for (; !buffer.full; count++) buffer.add({ key: Uint8Array.of(1), value: Uint8Array.of(2) });
  // Four bytes of pair and 24 of index each.
  expect(count).toBe(Math.ceil(100_000 / 28));
  buffer.release();
  expect([buffer.full, buffer.count]).toEqual([false, 0]);
  buffer.add({ key: Uint8Array.of(1), value: new Uint8Array(100_000) });
  expect(buffer.full).toBe(true);
});

test("sorting by comparison and by bytes keep equal ones in order", () => {
  const number = fc.oneof(fc.nat(3), fc.constantFrom(256, 65_536, 2 ** 31, 2 ** 32 - 1));
  fc.assert(
    fc.property(fc.array(fc.tuple(number, number), { maxLength: 60 }), (list) => {
      const high = Uint32Array.from(list, ([first]) => first);
      const low = Uint32Array.from(list, ([, second]) => second);
      const compare = (left: number, right: number): number =>
        (high[left] ?? 0) - (high[right] ?? 0) || (low[left] ?? 0) - (low[right] ?? 0);
      const expected = list.map((_, at) => at).toSorted(compare);
      expect([...radixOrder({ high, low })]).toEqual(expected);
      expect([...mergeSort(list.length, compare)]).toEqual(expected);
    }),
  );
});
