/** What every `PairIo` does, whether it keeps datasets in memory or on a disk. */
import fc from "fast-check";
import { expect, test } from "vitest";
import type { GroupPart, PairIo, PairRecord, PairSink } from "../../src/handlers/ports.ts";
import { compareBytes, toHex } from "../../src/std/bytes.ts";
import { encodeKey } from "../../src/std/ordered-key.ts";
import { type Dataset, datasetCount, INLINE_BYTES_MAX } from "../../src/wire/dataset.ts";

/** Makes a `PairIo` of its own for one test; it is disposed of when the test ends. */
export type CreatePairIo = () => Promise<{
  readonly io: PairIo;
  readonly [Symbol.asyncDispose]: () => Promise<void>;
}>;

const utf8 = new TextEncoder();

/** A pair of a JSON key and value. */
export function pairOf(key: unknown, value: unknown): PairRecord {
  return { key: encodeKey(key), value: utf8.encode(JSON.stringify(value)) };
}

/** Pairs as text, so that a difference can be read. */
export function shown(records: readonly PairRecord[]): string[] {
  return records.map(({ key, value }) => `${toHex(key)}=${new TextDecoder().decode(value)}`);
}

/** Adds in batches of a few, and finishes. */
export async function fill(
  sink: PairSink,
  records: readonly PairRecord[],
): Promise<readonly Dataset[]> {
  await addAll(sink, records);
  return sink.finish();
}

async function addAll(sink: Pick<PairSink, "add">, records: readonly PairRecord[]): Promise<void> {
  for (let at = 0; at < records.length; at += 7) await sink.add(records.slice(at, at + 7));
}

/** The one dataset of an output with one part. */
export function only(datasets: readonly Dataset[]): Dataset {
  expect(datasets).toHaveLength(1);
  return datasets[0] ?? [];
}

/** Everything that comes, in one array. */
export async function collect<Item>(batches: AsyncIterable<readonly Item[]>): Promise<Item[]> {
  const items: Item[] = [];
  for await (const batch of batches) items.push(...batch);
  return items;
}

/** All pairs of a dataset. */
export async function readAll(io: PairIo, dataset: Dataset): Promise<PairRecord[]> {
  const slices = dataset.map((piece) => ({ piece, first: 0, count: piece.count }));
  return collect(io.read(slices));
}

/** What `readGroups` gives, as `ungrouped`. */
export async function readAllGroups(
  io: PairIo,
  datasets: readonly Dataset[],
): Promise<PairRecord[]> {
  async function* inputs(): AsyncGenerator<Dataset> {
    yield* datasets;
  }
  return ungrouped(await collect(io.readGroups(inputs())));
}

/** Groups taken apart into pairs again; checks how the parts are cut. */
export function ungrouped(parts: readonly GroupPart[]): PairRecord[] {
  let before: GroupPart | undefined;
  for (const part of parts) {
    expect(part.values.length).toBeGreaterThan(0);
    const order = before === undefined ? -1 : compareBytes(before.key, part.key);
    // The same key goes on after an unfinished part, and a greater one comes after a finished one.
    expect(before?.last === false ? order === 0 : order < 0).toBe(true);
    before = part;
  }
  expect(before?.last ?? true).toBe(true);
  return parts.flatMap(({ key, values }) => values.map((value) => ({ key, value })));
}

/** Stable order by key, said directly. */
export function dumbSort(records: readonly PairRecord[]): PairRecord[] {
  return records.toSorted((left, right) => compareBytes(left.key, right.key));
}

const words = fc.array(
  fc.tuple(
    fc.oneof(fc.constantFrom("a", "b", "ab", ""), fc.string({ maxLength: 12 }), fc.integer()),
    fc.oneof(
      fc.nat(9),
      fc.string({ maxLength: 40 }).map((text) => text.repeat(9)),
    ),
  ),
  { maxLength: 300, size: "max" },
);

/** Runs the suite; `numRuns` says how many random outputs each property tries. */
export function pairIoSuite(create: CreatePairIo, options: { readonly numRuns: number }): void {
  const { numRuns } = options;
  sorterSuite(create, options);

  test("an output without pairs is a dataset without pieces for each part", async () => {
    await using made = await create();
    expect(await made.io.yielded().finish()).toEqual([[]]);
    expect(await made.io.sorted({ parts: 3 }).finish()).toEqual([[], [], []]);
    expect(await readAllGroups(made.io, [[], []])).toEqual([]);
  });

  test("a small output is inline, and a large one is not", async () => {
    await using made = await create();
    const value = "x".repeat(INLINE_BYTES_MAX);
    const small = only(await fill(made.io.yielded(), [pairOf("k", 1)]));
    expect(small.map(({ kind }) => kind)).toEqual(["inline"]);
    for (const sink of [made.io.yielded(), made.io.sorted({ parts: 1 })]) {
      const large = only(await fill(sink, [pairOf("k", value)]));
      expect(large.map(({ kind }) => kind)).toEqual(["run"]);
      expect(shown(await readAll(made.io, large))).toEqual(shown([pairOf("k", value)]));
    }
  });

  test("inline pairs take at most the bytes that are allowed", async () => {
    await using made = await create();
    for (let extra = -8; extra < 8; extra++) {
      const value = "x".repeat(INLINE_BYTES_MAX - 16 + extra);
      for (const piece of only(await fill(made.io.yielded(), [pairOf("k", value)]))) {
        if (piece.kind === "inline") expect(piece.bytes.length).toBeLessThanOrEqual(4096);
      }
    }
  });

  test("a yielded output keeps its order", async () => {
    await fc.assert(
      fc.asyncProperty(words, async (list) => {
        await using made = await create();
        const records = list.map(([key, value]) => pairOf(key, value));
        const dataset = only(await fill(made.io.yielded(), records));
        expect(dataset.every(({ order }) => order === "yield")).toBe(true);
        expect(datasetCount(dataset)).toBe(records.length);
        expect(shown(await readAll(made.io, dataset))).toEqual(shown(records));
      }),
      { numRuns },
    );
  });

  test("a sorted output is in the order of keys, and pairs of a key stay in order", async () => {
    await fc.assert(
      fc.asyncProperty(words, async (list) => {
        await using made = await create();
        const records = list.map(([key, value]) => pairOf(key, value));
        const dataset = only(await fill(made.io.sorted({ parts: 1 }), records));
        expect(dataset.every(({ order }) => order === "key")).toBe(true);
        expect(datasetCount(dataset)).toBe(records.length);
        expect(shown(await readAll(made.io, dataset))).toEqual(shown(dumbSort(records)));
      }),
      { numRuns },
    );
  });

  test("each key goes to one part, whoever writes it, and no pair is lost", async () => {
    await fc.assert(
      fc.asyncProperty(words, fc.integer({ min: 2, max: 9 }), async (list, parts) => {
        await using made = await create();
        const records = list.map(([key, value]) => pairOf(key, value));
        const datasets = await fill(made.io.sorted({ parts }), records);
        expect(datasets).toHaveLength(parts);
        const partOf = new Map<string, number>();
        const all: PairRecord[] = [];
        for (const [part, dataset] of datasets.entries()) {
          const pairs = await readAll(made.io, dataset);
          expect(shown(pairs)).toEqual(shown(dumbSort(pairs)));
          all.push(...pairs);
          for (const { key } of pairs) {
            expect(partOf.get(toHex(key)) ?? part).toBe(part);
            partOf.set(toHex(key), part);
          }
        }
        expect(shown(dumbSort(all))).toEqual(shown(dumbSort(records)));
      }),
      { numRuns },
    );
  });

  test("keys go to the parts that their hash says", async () => {
    await using made = await create();
    const keys = ["a", "b", "c", null, 1];
    const datasets = await fill(
      made.io.sorted({ parts: 7 }),
      keys.map((key) => pairOf(key, 0)),
    );
    const found = new Map<string, number>();
    for (const [part, dataset] of datasets.entries()) {
      for (const { key } of await readAll(made.io, dataset)) found.set(toHex(key), part);
    }
    // First 8 bytes of the sha256 of the canonical bytes, modulo 7, from another program.
    expect(keys.map((key) => found.get(toHex(encodeKey(key))))).toEqual(PARTS_OF_SEVEN);
  });

  test("any slices are read, in the order in which they are asked for", async () => {
    await fc.assert(
      fc.asyncProperty(
        words,
        fc.array(fc.tuple(fc.nat(999), fc.nat(999)), { maxLength: 5 }),
        async (list, wanted) => {
          await using made = await create();
          const records = list.map(([key, value]) => pairOf(key, value));
          const dataset = only(await fill(made.io.yielded(), records));
          const slices = dataset.flatMap((piece) =>
            wanted.map(([from, length]) => {
              const first = from % (piece.count + 1);
              return { piece, first, count: length % (piece.count - first + 1) };
            }),
          );
          const got = await collect(made.io.read(slices));
          const pairs = await readAll(made.io, dataset);
          let before = 0;
          const starts = new Map(
            dataset.map((piece) => {
              before += piece.count;
              return [piece, before - piece.count];
            }),
          );
          const expected = slices.flatMap(({ piece, first, count }) => {
            const start = (starts.get(piece) ?? 0) + first;
            return pairs.slice(start, start + count);
          });
          expect(shown(got)).toEqual(shown(expected));
        },
      ),
      { numRuns },
    );
  });

  test("groups have all values of a key, in the order of inputs and pieces", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(words, { maxLength: 12 }), async (lists) => {
        await using made = await create();
        const inputs: Dataset[] = [];
        const records: PairRecord[] = [];
        for (const [input, list] of lists.entries()) {
          const pairs = list.map(([key, value], at) => pairOf(key, [input, at, value]));
          records.push(...pairs);
          inputs.push(only(await fill(made.io.sorted({ parts: 1 }), pairs)));
        }
        expect(shown(await readAllGroups(made.io, inputs))).toEqual(shown(dumbSort(records)));
        // The pieces of one input are merged as if they were inputs of their own.
        const joined = await readAllGroups(made.io, [inputs.flat()]);
        expect(shown(joined)).toEqual(shown(dumbSort(records)));
      }),
      { numRuns },
    );
  });

  test("a key with very many values comes in parts", async () => {
    await using made = await create();
    const records = Array.from({ length: 20_000 }, (_, at) => pairOf(at % 2, at));
    const sink = made.io.sorted({ parts: 1 });
    await sink.add(records);
    const dataset = only(await sink.finish());
    expect(shown(await readAllGroups(made.io, [dataset]))).toEqual(shown(dumbSort(records)));
    const inputs = (async function* (): AsyncGenerator<Dataset> {
      yield dataset;
    })();
    for await (const batch of made.io.readGroups(inputs)) {
      const values = batch.reduce((sum, part) => sum + part.values.length, 0);
      expect(values).toBeLessThanOrEqual(10_000);
    }
  });

  test("pieces that are not in the order of keys are not merged", async () => {
    await using made = await create();
    const dataset = only(await fill(made.io.yielded(), [pairOf("b", 1), pairOf("a", 2)]));
    await expect(readAllGroups(made.io, [dataset])).rejects.toThrow(/order of keys/);
  });

  test("a sink that is discarded takes nothing more", async () => {
    await using made = await create();
    for (const sink of [made.io.yielded(), made.io.sorted({ parts: 2 })]) {
      await sink.add([pairOf("a", 1)]);
      await sink.discard();
      await expect(sink.finish()).rejects.toThrow();
    }
  });

  test("groups may be left before their end", async () => {
    await using made = await create();
    const records = Array.from({ length: 9_000 }, (_, at) => pairOf(at, "value"));
    const dataset = only(await fill(made.io.sorted({ parts: 1 }), records));
    const inputs = (async function* (): AsyncGenerator<Dataset> {
      yield dataset;
    })();
    for await (const batch of made.io.readGroups(inputs)) {
      expect(batch[0]?.key).toEqual(encodeKey(0));
      break;
    }
  });
}

/** What a sorter does; `pairIoSuite` has these tests too. */
function sorterSuite(create: CreatePairIo, options: { readonly numRuns: number }): void {
  const { numRuns } = options;

  test("a sorter gives groups in key order, and values of a key stay in order", async () => {
    await fc.assert(
      fc.asyncProperty(words, async (list) => {
        await using made = await create();
        const records = list.map(([key, value], at) => pairOf(key, [at, value]));
        const sorter = made.io.sorter();
        await addAll(sorter, records);
        const groups = ungrouped(await collect(sorter.groups()));
        await sorter.discard();
        expect(shown(groups)).toEqual(shown(dumbSort(records)));
      }),
      { numRuns },
    );
  });

  test("a sorter without pairs has no groups", async () => {
    await using made = await create();
    const sorter = made.io.sorter();
    expect(await collect(sorter.groups())).toEqual([]);
    await sorter.discard();
  });

  test("what a sorter gave stays as it is while later groups are read", async () => {
    await using made = await create();
    const records = Array.from({ length: 20_000 }, (_, at) => pairOf(at % 3, at));
    const sorter = made.io.sorter();
    await addAll(sorter, records);
    const parts: GroupPart[] = [];
    for await (const batch of sorter.groups()) {
      expect(batch.reduce((sum, part) => sum + part.values.length, 0)).toBeLessThanOrEqual(10_000);
      parts.push(...batch);
    }
    await sorter.discard();
    expect(shown(ungrouped(parts))).toEqual(shown(dumbSort(records)));
  });

  test("a sorter may be discarded at any moment, and again", async () => {
    await using made = await create();
    const records = Array.from({ length: 9_000 }, (_, at) => pairOf(at, "value"));
    const [untouched, filled, unread, left, held, read] = [1, 2, 3, 4, 5, 6].map(() =>
      made.io.sorter(),
    );
    for (const sorter of [filled, unread, left, held, read]) await sorter?.add(records);
    unread?.groups();
    for await (const batch of left?.groups() ?? []) {
      expect(batch[0]?.key).toEqual(encodeKey(0));
      break;
    }
    // Stands in the middle when it is discarded, and then is at its end.
    const reading = held?.groups()[Symbol.asyncIterator]();
    expect((await reading?.next())?.done).toBe(false);
    expect(await collect(read?.groups() ?? none())).toHaveLength(records.length);
    for (const sorter of [untouched, filled, unread, left, held, read]) {
      await sorter?.discard();
      await sorter?.discard();
      await expect(sorter?.add([pairOf("a", 1)])).rejects.toThrow();
    }
    expect((await reading?.next())?.done).toBe(true);
  });

  test("a sorter is read once, and takes nothing after that", async () => {
    await using made = await create();
    const sorter = made.io.sorter();
    await sorter.add([pairOf("a", 1)]);
    const groups = sorter.groups();
    expect(() => sorter.groups()).toThrow();
    await expect(sorter.add([pairOf("a", 1)])).rejects.toThrow();
    expect(await collect(groups)).toHaveLength(1);
    await sorter.discard();
  });

  test("a sorter may be read while another is filled with what it gives", async () => {
    await using made = await create();
    const records = Array.from({ length: 3_000 }, (_, at) => pairOf(at % 700, at));
    const [from, to] = [made.io.sorter(), made.io.sorter()];
    await addAll(from, records);
    for await (const batch of from.groups()) {
      for (const { key, values } of batch) {
        await to.add(values.map((value) => ({ key, value })));
      }
    }
    await from.discard();
    const groups = ungrouped(await collect(to.groups()));
    await to.discard();
    expect(shown(groups)).toEqual(shown(dumbSort(records)));
  });
}

async function* none(): AsyncGenerator<readonly GroupPart[]> {}

const PARTS_OF_SEVEN = [3, 4, 6, 2, 1];
