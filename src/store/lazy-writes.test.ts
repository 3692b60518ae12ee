/** Writes of applied rows that wait for others. */
import { describe, expect, test } from "vitest";
import { FakeDisk } from "../../test/lib/fake-disk.ts";
import { FakeTimers } from "../../test/lib/fake-timers.ts";
import { seededRandom } from "../std/random.ts";
import { STATE_MEMTABLE_BYTES } from "./limits.ts";
import { openStateStore } from "./state-open.ts";
import type { StateStore } from "./state-store.ts";

const VALUE = new TextEncoder().encode("v");

describe("lazy writes", () => {
  async function lazy(): Promise<{
    readonly store: StateStore;
    readonly timers: FakeTimers;
    readonly ended: string[];
    readonly write: (index: number) => void;
  }> {
    const timers = new FakeTimers();
    const disk = new FakeDisk({ random: seededRandom(1) });
    const { store } = await openStateStore({
      disk,
      storeId: "s1",
      create: true,
      cacheBytes: 1 << 20,
      memtableBytes: STATE_MEMTABLE_BYTES,
      timers,
    });
    await store.createGroup("a", { index: 0, term: 0, note: new Uint8Array() });
    const ended: string[] = [];
    const write = (index: number): void => {
      const change = { puts: [{ key: `k${index}`, value: VALUE }], deletes: [], index, term: 1 };
      store.write("a", change).then(
        () => ended.push(`${index}`),
        () => ended.push(`${index} failed`),
      );
    };
    return { store, timers, ended, write };
  }

  test("what is applied within a while becomes one batch, and is seen before", async () => {
    const { store, timers, ended, write } = await lazy();
    write(1);
    await timers.advance(4);
    write(2);
    await timers.advance(5);
    expect(ended).toEqual([]);
    expect(await store.getMany("a", ["k2"])).toEqual([VALUE]);
    expect(store.applied("a")?.index).toBe(0);
    await timers.advance(1);
    expect(ended).toEqual(["1", "2"]);
    expect(timers.count).toBe(0);
  });

  test("a scan, a checkpoint and the end do not wait for the while, and lose nothing", async () => {
    const { store, ended, write } = await lazy();
    write(1);
    const page = await store.scan("a", { prefix: "", limit: 9, bytesMax: 1 << 20 });
    expect(page.rows).toEqual([{ key: "k1", value: VALUE }]);
    write(2);
    expect((await store.checkpoint()).get("a")).toBe(2);
    write(3);
    await store.close();
    expect(ended).toEqual(["1", "2", "3"]);
  });

  test("many of them are written without waiting for time", async () => {
    const { ended, write, timers } = await lazy();
    for (let index = 1; index <= 128; index++) write(index);
    await timers.advance(0);
    expect(ended).toHaveLength(128);
  });
});
