/**
 * Damage to the real files of LevelDB: whatever is lost of what was acknowledged shows as damage
 * at opening, never as a log that is silently shorter or older.
 */
import { mkdtemp, readdir, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { Entry } from "../raft/types.ts";
import { seededRandom } from "../std/random.ts";
import { StoreError } from "./errors.ts";
import { levelDisk } from "./level-disk.ts";
import { openLogStore } from "./log-open.ts";
import type { LogReport } from "./log-store-types.ts";

const COUNT = 60;
const CONFIGURATION = {
  voters: [1],
  votersOutgoing: [],
  learners: [],
  learnersNext: [],
  autoLeave: false,
};

let path = "";
beforeEach(async () => {
  path = await mkdtemp(join(tmpdir(), "jobx-damage-"));
});
afterEach(async () => {
  await rm(path, { recursive: true });
});

function entry(index: number): Entry {
  const data = new Uint8Array(100).map((_, at) => (at * 31 + index * 7) & 0xff);
  return { kind: "normal", index, term: 1 + Math.floor(index / 20), data };
}

/** Two groups with `COUNT` entries each; in the write-ahead log, or in a table if `flushed`. */
async function fill(flushed: boolean): Promise<void> {
  const disk = levelDisk(path);
  const { store } = await openLogStore({ disk, storeId: "s", create: true, tailBytesMax: 1 << 20 });
  for (const group of ["a", "b"])
    await store.createReplica({
      group,
      replica: 1,
      configuration: { index: 0, configuration: CONFIGURATION, note: new Uint8Array() },
      start: { index: 0, term: 0 },
    });
  for (let index = 1; index <= COUNT; index++)
    await store.append([
      { group: "a", replica: 1, entries: [entry(index)] },
      { group: "b", replica: 1, entries: [entry(index)] },
    ]);
  if (flushed) await store.checkpoint();
  await store.close();
}

/** What a restart makes of it: a report, or the code of the error that opening ends with. */
async function reopen(): Promise<LogReport | string> {
  try {
    const options = { storeId: "s", create: false, tailBytesMax: 1 << 20 };
    const { store, report } = await openLogStore({ disk: levelDisk(path), ...options });
    await store.close();
    return report;
  } catch (error) {
    if (error instanceof StoreError) return error.code;
    throw error;
  }
}

async function file(ending: string): Promise<string> {
  const sizes: { readonly name: string; readonly size: number }[] = [];
  for (const name of await readdir(join(path, "log")))
    if (name.endsWith(ending))
      sizes.push({ name, size: (await readFile(join(path, "log", name))).length });
  sizes.sort((x, y) => y.size - x.size);
  return join(path, "log", sizes[0]?.name ?? "none");
}

async function flip(name: string, position: number, bit: number): Promise<void> {
  const bytes = await readFile(name);
  bytes[position] = (bytes[position] ?? 0) ^ (1 << bit);
  await writeFile(name, bytes);
}

/** Every group is either whole or called damaged. */
function isHonest(found: LogReport | string): boolean {
  if (typeof found === "string") return found === "STORE_DAMAGED" || found === "STORE_IO";
  const damaged = new Set(found.damaged.map(({ group }) => group));
  return ["a", "b"].every((name) => {
    if (found.damagedAll !== undefined || damaged.has(name)) return true;
    const group = found.groups.find((one) => one.group === name);
    if (group?.lastIndex !== COUNT || group.entries.length !== COUNT) return false;
    return group.entries.every((got, at) => {
      const want = entry(at + 1);
      if (got.kind !== "normal" || want.kind !== "normal") return false;
      return got.term === want.term && Buffer.compare(got.data, want.data) === 0;
    });
  });
}

function isDamaged(found: LogReport | string): boolean {
  return typeof found === "string" || found.damagedAll !== undefined || found.damaged.length > 0;
}

test("undamaged files open without damage", async () => {
  for (const flushed of [false, true]) {
    await fill(flushed);
    const found = await reopen();
    expect([isHonest(found), isDamaged(found)]).toEqual([true, false]);
    await rm(join(path, "log"), { recursive: true });
    await rm(join(path, "MARK"));
  }
});

test("a flipped byte in the middle of the write-ahead log is damage", async () => {
  await fill(false);
  const name = await file(".log");
  const whole = await readFile(name);
  for (const ratio of [0.1, 0.3, 0.5, 0.7, 0.9]) {
    await writeFile(name, whole);
    await flip(name, Math.floor(whole.length * ratio), 3);
    const copy = await snapshotOfDirectory();
    const found = await reopen();
    expect([ratio, isHonest(found), isDamaged(found)]).toEqual([ratio, true, true]);
    await restoreDirectory(copy);
  }
});

test("a write-ahead log that ends too early is damage", async () => {
  await fill(false);
  const name = await file(".log");
  const { length } = await readFile(name);
  const copy = await snapshotOfDirectory();
  for (const cut of [1, 50, 5000, length - 10, length]) {
    await truncate(name, length - cut);
    const found = await reopen();
    expect([cut, isHonest(found), isDamaged(found)]).toEqual([cut, true, true]);
    await restoreDirectory(copy);
  }
});

test("a mark that is empty, cut, too long or blank is damage", async () => {
  await fill(false);
  const whole = await readFile(join(path, "MARK"));
  const longer = Buffer.concat([whole, Buffer.from([0])]);
  for (const wrong of [Buffer.alloc(0), whole.subarray(0, 512), Buffer.alloc(1024), longer]) {
    const copy = await snapshotOfDirectory();
    await writeFile(join(path, "MARK"), wrong);
    const found = await reopen();
    expect(typeof found === "string" ? found : found.damagedAll).toBe("the mark cannot be read");
    await restoreDirectory(copy);
  }
});

test("a batch that was torn before it was acknowledged is not damage", async () => {
  await fill(false);
  // The mark as it was when the last batch had not ended.
  const mark = await readFile(join(path, "MARK"));
  const newest = (mark[6] ?? 0) > (mark[512 + 6] ?? 0) ? 0 : 512;
  mark.fill(0, newest, newest + 32);
  await writeFile(join(path, "MARK"), mark);
  const name = await file(".log");
  const { length } = await readFile(name);
  await truncate(name, length - 5);
  const found = await reopen();
  expect(typeof found === "string" ? found : found.damagedAll).toBeUndefined();
  expect(typeof found === "string" ? [] : found.groups.map(({ lastIndex }) => lastIndex)).toEqual([
    COUNT - 1,
    COUNT - 1,
  ]);
});

test("flipped bits in a table never change or shorten a log unnoticed", async () => {
  await fill(true);
  const name = await file(".ldb");
  const { length } = await readFile(name);
  const copy = await snapshotOfDirectory();
  const random = seededRandom(7);
  let seen = 0;
  for (let trial = 0; trial < 60; trial++) {
    await flip(name, Math.floor(random.next() * length), Math.floor(random.next() * 8));
    const found = await reopen();
    expect([trial, isHonest(found)]).toEqual([trial, true]);
    if (isDamaged(found)) seen++;
    await restoreDirectory(copy);
  }
  // Only the padding of the footer means nothing.
  expect(seen).toBeGreaterThan(57);
});

test("a table that is gone, a database without CURRENT, and no database at all are not made anew", async () => {
  await fill(true);
  const copy = await snapshotOfDirectory();
  await rm(await file(".ldb"));
  expect(await reopen()).toBe("STORE_DAMAGED");
  await restoreDirectory(copy);
  await rm(join(path, "log", "CURRENT"));
  expect(await reopen()).toMatch(/^STORE_(MISSING|DAMAGED)$/);
  await rm(join(path, "log"), { recursive: true });
  expect(await reopen()).toBe("STORE_MISSING");
});

test("a log that is older than its mark, as from a backup, is damage", async () => {
  await fill(false);
  const copy = await snapshotOfDirectory();
  const disk = levelDisk(path);
  const { store } = await openLogStore({ disk, storeId: "s", create: false, tailBytesMax: 100 });
  await store.append([{ group: "a", replica: 1, entries: [entry(COUNT + 1)] }]);
  await store.close();
  await restoreDirectory(copy);
  const found = await reopen();
  expect(typeof found === "string" ? found : found.damagedAll).toBe("the log ends before its mark");
});

type Files = ReadonlyMap<string, Buffer>;

async function snapshotOfDirectory(): Promise<Files> {
  const files = new Map<string, Buffer>();
  for (const name of await readdir(join(path, "log")))
    files.set(name, await readFile(join(path, "log", name)));
  return files;
}

/** Only the database; the mark stays as it is. */
async function restoreDirectory(files: Files): Promise<void> {
  for (const name of await readdir(join(path, "log"))) await rm(join(path, "log", name));
  for (const [name, bytes] of files) await writeFile(join(path, "log", name), bytes);
}
