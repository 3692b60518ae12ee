import { expect, test } from "vitest";
import { pairOf } from "../../test/conformance/pair-io-suite.ts";
import { encodePairs, RecordCursor } from "../wire/pairs.ts";
import { BlockBatch } from "./block-batch.ts";
import { DatasetWriter } from "./dataset-writer.ts";

test("a writer that fails at its end has no write under way any more", async () => {
  let release = (): void => undefined;
  const slow = new Promise<void>((resolve) => {
    release = resolve;
  });
  let begun = 0;
  let isWritten = false;
  const batch = new BlockBatch({
    holds: () => Promise.resolve(undefined),
    syncShards: () => Promise.resolve(),
    storeSmall: () => Promise.resolve(),
    linkPlain: () => Promise.reject(new Error("nothing is taken")),
    writePlain: async () => {
      begun += 1;
      if (begun > 1) throw new Error("no room");
      await slow;
      isWritten = true;
    },
  });
  const options = { self: "a", order: "yield", parts: 1 } as const;
  const writer = new DatasetWriter({ ...options, store: { batch: () => batch } });
  const cursor = new RecordCursor(encodePairs([pairOf(1, "v".repeat(90_000))]));
  cursor.next();
  for (let block = 0; block < 2; block++) {
    writer.append(cursor);
    await writer.flush(0);
  }
  writer.append(cursor);
  let isOver = false;
  const failing = expect(writer.finish().finally(() => (isOver = true))).rejects.toThrow("no room");
  await new Promise((resolve) => setImmediate(resolve));
  expect([begun, isOver]).toEqual([2, false]);
  release();
  await failing;
  expect(isWritten).toBe(true);
});
