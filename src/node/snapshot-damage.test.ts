/** A snapshot's rows lie in LevelDB's files, of which a bit may flip while the node is switched off. */
import { cp, mkdtemp, open, readdir, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { AT_ONCE } from "../../test/lib/fake-timers.ts";
import { soleMembership } from "../actors/membership.ts";
import type { RawRow } from "../actors/ports.ts";
import { addHash64, HASH64_ZERO, hash64, hash64Text, sameHash64 } from "../std/hash64.ts";
import { silentLog } from "../std/log.ts";
import { seededRandom } from "../std/random.ts";
import { levelDisk } from "../store/level-disk.ts";
import { NodeStore } from "./node-store.ts";

const GROUP = 3;
const MEMBERS = soleMembership({ replica: 1, node: "b", storeId: "s" });
const OF = { snapshot: "one", index: 11 } as const;
const FLIPS = 12;

/** Several blocks of LevelDB's write-ahead log, which skips what is damaged block by block. */
const ROWS: readonly RawRow[] = Array.from({ length: 160 }, (_, at) => ({
  key: `r/${String(at).padStart(4, "0")}`,
  value: new Uint8Array(1000).fill(at),
}));
/** Short, so that a difference can be printed. */
const textOf = (rows: readonly RawRow[]): readonly string[] =>
  rows.map(({ key, value }) => `${key} ${hash64Text(hash64(key, value))}`);
const HASH = ROWS.reduce((sum, { key, value }) => addHash64(sum, hash64(key, value)), HASH64_ZERO);

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "jobx-snapshot-"));
});

afterEach(() => rm(folder, { recursive: true }));

function openAt(path: string, seed: number): Promise<NodeStore> {
  return NodeStore.open({
    ...{ disk: levelDisk(path, { sync: false }), clusterId: "c", nodeId: "a" },
    ...{ random: seededRandom(seed), timers: AT_ONCE, log: silentLog, replaceable: true },
  });
}

/** A store with as many rows of the snapshot as are given; closed, so that all of it is in files. */
async function received(path: string, rows: readonly RawRow[]): Promise<void> {
  const store = await openAt(path, 1);
  await store.createReplica({ group: GROUP, replica: 2, bootstrap: MEMBERS, founder: false });
  const install = await store.beginInstall(GROUP, OF);
  for (let at = 0; at < rows.length; at += 10) await install.put(rows.slice(at, at + 10));
  if (rows.length < ROWS.length) install.pause();
  else await install.finish({ index: OF.index, term: 1, membership: MEMBERS });
  await store.close();
}

/** Opened once more, what was in the write-ahead log has become a table. */
async function intoTable(path: string): Promise<void> {
  await (await openAt(path, 2)).close();
}

/** The rows of a capture, as another node would be sent them. */
async function sentRows(store: NodeStore): Promise<readonly RawRow[]> {
  const captured = await store.capture(GROUP);
  try {
    const rows: RawRow[] = [];
    for (let last = false; !last; ) {
      const chunk = await captured.chunk(rows.at(-1)?.key, 16 * 1024);
      rows.push(...chunk.rows);
      ({ last } = chunk);
    }
    return rows;
  } finally {
    await captured.close();
  }
}

/**
 * Flips one bit in each of several copies of a store, all over its largest file. @returns how many of them
 * were set aside; the others have all rows as they were sent after `goOn`.
 */
async function harmed(name: RegExp, goOn: (store: NodeStore) => Promise<void>): Promise<number> {
  let aside = 0;
  for (let trial = 0; trial < FLIPS; trial++) {
    const path = join(folder, "copy");
    await cp(join(folder, "sound"), path, { recursive: true });
    await flip(join(path, "state"), name, { part: (trial + 0.5) / FLIPS, bit: trial % 8 });
    const store = await openAt(path, 10 + trial);
    if ((await readdir(path)).includes("damaged-1")) {
      expect(store.replicas()).toEqual([]);
      aside += 1;
    } else {
      await goOn(store);
      expect([trial, textOf(await sentRows(store))]).toEqual([trial, textOf(ROWS)]);
    }
    await store.close();
    await rm(path, { recursive: true });
  }
  return aside;
}

async function flip(
  place: string,
  name: RegExp,
  { part, bit }: { readonly part: number; readonly bit: number },
): Promise<void> {
  const paths = (await readdir(place)).filter((file) => name.test(file));
  const sizes = await Promise.all(paths.map(async (file) => (await stat(join(place, file))).size));
  const largest = paths[sizes.indexOf(Math.max(...sizes))];
  if (largest === undefined) throw new Error(`no file of ${place} is named ${name}`);
  await using file = await open(join(place, largest), "r+");
  const { size } = await file.stat();
  // The file has to hold the rows, or the test would harm something else.
  expect(size).toBeGreaterThan(10_000);
  const byte = Buffer.alloc(1);
  const at = Math.floor(part * size);
  await file.read(byte, 0, 1, at);
  byte[0] = (byte[0] ?? 0) ^ (1 << bit);
  await file.write(byte, 0, 1, at);
}

/** Goes on with the snapshot as a receiver does: the rows that are missing, the hash, the switch. */
async function resume(store: NodeStore): Promise<void> {
  const install = await store.beginInstall(GROUP, OF);
  const { after } = install;
  await install.put(ROWS.filter(({ key }) => after === undefined || key > after));
  expect(sameHash64(install.hash, HASH)).toBe(true);
  await install.finish({ index: OF.index, term: 1, membership: MEMBERS });
}

for (const [files, name, prepare] of [
  ["the write-ahead log", /\.log$/u, () => Promise.resolve()],
  ["a table", /\.ldb$/u, intoTable],
] as const) {
  test(`of a snapshot that is half here no row is lost or changed unseen by a flipped bit in ${files}`, async () => {
    await received(join(folder, "sound"), ROWS.slice(0, 120));
    await prepare(join(folder, "sound"));
    const aside = await harmed(name, resume);
    expect(aside).toBeGreaterThan(FLIPS / 2);
  });

  test(`a snapshot that was taken in is not sent on with a flipped bit in ${files}: the store is set aside`, async () => {
    await received(join(folder, "sound"), ROWS);
    await prepare(join(folder, "sound"));
    expect(await harmed(name, () => Promise.resolve())).toBe(FLIPS);
  });
}
