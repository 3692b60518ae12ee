import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import { encodeKey } from "../std/ordered-key.ts";
import { RESULT_INLINE_BYTES_MAX } from "../wire/dataset.ts";
import { BlockStore } from "./block-store.ts";
import { StoredPairIo } from "./pair-io.ts";

const pairs = fc.array(
  fc.record({
    key: fc.oneof(fc.integer(), fc.string(), fc.constant(null)).map(encodeKey),
    value: fc.string({ maxLength: 300 }).map((text) => Buffer.from(JSON.stringify(text))),
  }),
  { maxLength: 40 },
);

test("small outputs are what the sinks make of them, or nothing where those would write a run", async () => {
  const directory = await mkdtemp(join(tmpdir(), "jobx-small-"));
  try {
    const io = new StoredPairIo({ store: await BlockStore.open({ directory }), self: "me" });
    await fc.assert(
      fc.asyncProperty(pairs, fc.constantFrom(1, 2, 5), async (records, parts) => {
        for (const order of ["key", "yield"] as const) {
          const cut = order === "key" ? parts : 1;
          const sink = order === "key" ? io.sorted({ parts: cut }) : io.yielded();
          await sink.add(records);
          const wanted = await sink.finish();
          const inline = wanted.flat().every((piece) => piece.kind === "inline");
          const small = io.small(records, { order, parts: cut });
          expect(small === undefined).toBe(!inline);
          if (small !== undefined) expect(small).toEqual(wanted);
        }
      }),
      { numRuns: 60 },
    );
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
});

test("many parts together have no more inline bytes than a result may have, and the first ones have them", async () => {
  const directory = await mkdtemp(join(tmpdir(), "jobx-small-"));
  try {
    const io = new StoredPairIo({ store: await BlockStore.open({ directory }), self: "me" });
    const value = Buffer.from(JSON.stringify("x".repeat(3_000)));
    const records = Array.from({ length: 600 }, (_, key) => ({ key: encodeKey(key), value }));
    expect(io.small(records, { order: "key", parts: 600 })).toBeUndefined();
    const sink = io.sorted({ parts: 600 });
    await sink.add(records);
    const pieces = (await sink.finish()).flat();
    const inline = pieces.flatMap((piece) => (piece.kind === "inline" ? [piece] : []));
    expect(pieces.reduce((sum, { count }) => sum + count, 0)).toBe(600);
    const bytes = inline.reduce((sum, piece) => sum + piece.bytes.length, 0);
    expect(bytes).toBeLessThanOrEqual(RESULT_INLINE_BYTES_MAX);
    expect(bytes).toBeGreaterThan(RESULT_INLINE_BYTES_MAX - 4096);
    const yielded = io.yielded({ inlineBytes: 100 });
    await yielded.add(records.slice(0, 1));
    expect((await yielded.finish()).flat().map(({ kind }) => kind)).toEqual(["run"]);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
});
