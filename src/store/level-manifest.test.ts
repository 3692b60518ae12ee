import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { levelDisk } from "./level-disk.ts";
import { liveTables, tablesOf } from "./level-manifest.ts";

/** A database whose manifest has added and deleted many tables: longer than a block of it. */
async function withDatabase(run: (place: string) => Promise<void>): Promise<void> {
  const path = await mkdtemp(join(tmpdir(), "jobx-manifest-"));
  try {
    const kv = await levelDisk(path).createKv("state");
    for (let round = 0; round < 40; round++) {
      const operations = [0, 1].map((at) => ({
        kind: "put" as const,
        key: `${"k".repeat(1000)}/${at}/${round}`,
        value: new Uint8Array(100).fill(round),
      }));
      await kv.write(operations, { sync: false });
      await kv.flush();
    }
    await kv.close();
    await run(join(path, "state"));
  } finally {
    await rm(path, { recursive: true });
  }
}

async function manifestOf(place: string): Promise<Uint8Array> {
  return readFile(join(place, (await readFile(join(place, "CURRENT"), "latin1")).trimEnd()));
}

test("the tables that a manifest names are those that LevelDB has left in the directory", async () => {
  await withDatabase(async (place) => {
    const there = (await readdir(place)).filter((name) => name.endsWith(".ldb"));
    const numbers = there.map((name) => Number.parseInt(name, 10)).sort((a, b) => a - b);
    expect((await manifestOf(place)).length).toBeGreaterThan(32 * 1024);
    expect([...((await liveTables(place)) ?? [])].sort((a, b) => a - b)).toEqual(numbers);
  });
});

test("a manifest that is cut off anywhere can be read up to there, and a flipped bit is seen", async () => {
  await withDatabase(async (place) => {
    const manifest = await manifestOf(place);
    for (let trial = 0; trial < 100; trial++) {
      const at = Math.floor((trial / 100) * manifest.length);
      expect([at, tablesOf(manifest.subarray(0, at)) === undefined]).toEqual([at, false]);
    }
    // The last record's length may point beyond the end: then it counts as cut off, as for LevelDB.
    const flipped = manifest.slice();
    flipped[HEADER] = (flipped[HEADER] ?? 0) ^ 1;
    expect(tablesOf(flipped)).toBeUndefined();
  });
});

test("without a manifest nothing is known", async () => {
  expect(await liveTables("/none")).toBeUndefined();
});

/** Where the content of the first record begins. */
const HEADER = 7;
