import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe } from "vitest";
import { seededRandom } from "../../src/std/random.ts";
import { levelDisk } from "../../src/store/level-disk.ts";
import { FakeDisk } from "../lib/fake-disk.ts";
import { orderedKvSuite } from "./ordered-kv-suite.ts";

describe("LevelDB", () => {
  orderedKvSuite(async () => {
    const path = await mkdtemp(join(tmpdir(), "jobx-kv-"));
    return { disk: levelDisk(path), dispose: () => rm(path, { recursive: true }) };
  });
});

describe("the fake disk", () => {
  orderedKvSuite(async () => ({
    disk: new FakeDisk({ random: seededRandom(1) }),
    dispose: async () => {},
  }));
});

describe("the fake disk with tiny memtables", () => {
  orderedKvSuite(async () => ({
    disk: new FakeDisk({ random: seededRandom(1), memtableBytes: { log: 64, state: 64 } }),
    dispose: async () => {},
  }));
});
