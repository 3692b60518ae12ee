import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect } from "vitest";
import { type CreatePairIo, pairIoSuite } from "../../test/conformance/pair-io-suite.ts";
import { BlockStore } from "./block-store.ts";
import { type PairIoOptions, StoredPairIo } from "./pair-io.ts";

const directory = await mkdtemp(join(tmpdir(), "jobx-pairs-"));
afterAll(() => rm(directory, { recursive: true }));
const store = await BlockStore.open({ directory });

function onDisk(options: Omit<PairIoOptions, "store" | "self">): CreatePairIo {
  return async () => ({
    io: new StoredPairIo({ ...options, store, self: "node-a" }),
    async [Symbol.asyncDispose]() {
      // Whatever was done, nothing temporary may be left.
      expect(await readdir(store.temporaryDirectory)).toEqual([]);
    },
  });
}

describe("pairs on a disk, with usual bounds", () => {
  pairIoSuite(onDisk({}), { numRuns: 15 });
});

describe("pairs on a disk, with hardly any memory", () => {
  const tiny = {
    sortMemoryBytes: 8192,
    mergeMemoryBytes: 1024 * 1024,
    readersMax: 3,
    runBlocksMax: 2,
  };
  pairIoSuite(onDisk(tiny), { numRuns: 15 });
});
