/** Rows that are not what was written are their group's damage, and nobody else's. */
import { expect, test } from "vitest";
import { FakeDisk, flipped } from "../../test/lib/fake-disk.ts";
import { AT_ONCE } from "../../test/lib/fake-timers.ts";
import { seededRandom } from "../std/random.ts";
import { openStateStore } from "./state-open.ts";
import type { StateStore } from "./state-store.ts";
import type { StateRow } from "./state-store-types.ts";

const START = { index: 0, term: 0, note: new Uint8Array() };
const ALL = { prefix: "", limit: 1000, bytesMax: 1 << 20 };
const row = (key: string, value: string): StateRow => ({
  key,
  value: new TextEncoder().encode(value),
});

async function open(disk: FakeDisk, create: boolean): Promise<StateStore> {
  const options = { disk, storeId: "s", create, cacheBytes: 1 << 20, timers: AT_ONCE };
  return (await openStateStore(options)).store;
}

function flip(disk: FakeDisk, prefix: string): void {
  const database = disk.database("state");
  const key = database.rows.keyAt(database.rows.position(prefix)) ?? "";
  const value = database.rows.get(key) ?? new Uint8Array();
  database.setRow(key, flipped(value, seededRandom(3)));
}

/** Groups `a` and `b` with a row `x` each, opened anew; that of `a` has a bit that flipped. */
async function rotten(): Promise<{
  readonly disk: FakeDisk;
  readonly store: StateStore;
  readonly told: string[];
}> {
  const disk = new FakeDisk({ random: seededRandom(1) });
  const before = await open(disk, true);
  for (const group of ["a", "b"]) {
    await before.createGroup(group, START);
    await before.write(group, { puts: [row("x", "1")], deletes: [], index: 1, term: 1 });
  }
  await before.close();
  flip(disk, "d/a/");
  const store = await open(disk, false);
  const told: string[] = [];
  store.onDamaged((group) => told.push(group));
  return { disk, store, told };
}

test("a row that is written over without having been read fails its group's batch, and no other's", async () => {
  const { disk, store, told } = await rotten();
  const next = { puts: [row("x", "2")], deletes: [], index: 2, term: 1 };
  const [a, b] = await Promise.allSettled([store.write("a", next), store.write("b", next)]);
  expect(a).toMatchObject({ status: "rejected", reason: { code: "STORE_DAMAGED" } });
  expect([b.status, told]).toEqual(["fulfilled", ["a"]]);
  await store.write("b", { ...next, index: 3 });
  await store.close();
  const again = await open(disk, false);
  expect([again.applied("a")?.index, again.applied("b")?.index]).toEqual([1, 3]);
});

test("nothing more is written of a group once its damage was seen, even what does not touch it", async () => {
  const { store, told } = await rotten();
  await expect(store.scan("a", ALL)).rejects.toMatchObject({ code: "STORE_DAMAGED" });
  expect(told).toEqual(["a"]);
  const other = { puts: [row("y", "2")], deletes: [], index: 2, term: 1 };
  await expect(store.write("a", other)).rejects.toMatchObject({ code: "STORE_DAMAGED" });
  expect(store.applied("a")?.index).toBe(1);
});

test("a group that was dropped and made again is sound, with an old capture that is not", async () => {
  const { store, told } = await rotten();
  const capture = await store.capture("a");
  await store.dropGroup("a");
  await store.createGroup("a", START);
  await expect(capture.scan(ALL)).rejects.toMatchObject({ code: "STORE_DAMAGED" });
  await store.write("a", { puts: [row("x", "3")], deletes: [], index: 1, term: 1 });
  expect([told, store.damageOf("a")]).toEqual([[], undefined]);
});
