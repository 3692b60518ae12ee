import { expect, test } from "vitest";
import { FakeDisk } from "../../test/lib/fake-disk.ts";
import { AT_ONCE } from "../../test/lib/fake-timers.ts";
import { addHash64, hash64 } from "../std/hash64.ts";
import { seededRandom } from "../std/random.ts";
import { openStateStore } from "./state-open.ts";
import type { StateStore } from "./state-store.ts";

const START = { index: 0, term: 0, note: new Uint8Array() };
const ROW = { key: "x", value: Uint8Array.of(1) };
const OTHER = { key: "y", value: Uint8Array.of(2) };

async function opened(): Promise<{ readonly store: StateStore; readonly reads: () => number }> {
  let reads = 0;
  const disk = new FakeDisk({
    random: seededRandom(1),
    delay: async ({ kind }) => {
      if (kind === "read") reads += 1;
    },
  });
  const options = { disk, storeId: "s1", create: true, cacheBytes: 0, timers: AT_ONCE };
  const { store } = await openStateStore(options);
  await store.createGroup("a", START);
  reads = 0;
  return { store, reads: () => reads };
}

test("what is known to be new is not looked up, and the hash is right nevertheless", async () => {
  const { store, reads } = await opened();
  const fresh = new Set(["x", "y"]);
  const hash = await store.write("a", {
    puts: [ROW, OTHER],
    deletes: [],
    fresh,
    index: 1,
    term: 1,
  });
  expect(reads()).toBe(0);
  expect(hash).toEqual(addHash64(hash64("x", ROW.value), hash64("y", OTHER.value)));
  await store.write("a", { puts: [{ ...ROW, key: "z" }], deletes: [], index: 2, term: 1 });
  expect(reads()).toBe(1);
});

test("who takes a row that is there for new is stopped where that is seen", async () => {
  const { store } = await opened();
  const change = { puts: [ROW], deletes: [], term: 1 };
  await store.write("a", { ...change, index: 1 });
  const again = store.write("a", { ...change, fresh: new Set(["x"]), index: 2 });
  await expect(again).rejects.toThrow("not there");
});
