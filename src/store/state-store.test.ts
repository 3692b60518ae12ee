/**
 * The state store against a plain map per group, on a disk that loses what disks lose: after a
 * crash a group's rows are exactly those of some applied index, not below the newest checkpoint.
 */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { FakeDisk } from "../../test/lib/fake-disk.ts";
import {
  ALL,
  bytes,
  fresh,
  open,
  row,
  rowsOf,
  START,
  text,
} from "../../test/lib/state-store-kit.ts";
import { addHash64, HASH64_ZERO, type Hash64, hash64 } from "../std/hash64.ts";
import { seededRandom } from "../std/random.ts";

function shown(model: ReadonlyMap<string, string>): string[] {
  return [...model].sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, value]) => `${key}=${value}`);
}

function hashOf(model: ReadonlyMap<string, string>): Hash64 {
  let sum = HASH64_ZERO;
  for (const [key, value] of model) sum = addHash64(sum, hash64(key, bytes(value)));
  return sum;
}

const rowKey = fc.string({ unit: fc.constantFrom("a", "b", "\u00ff"), minLength: 1, maxLength: 2 });
const change = fc.record({
  kind: fc.constant("write" as const),
  group: fc.constantFrom("a", "b"),
  puts: fc.dictionary(rowKey, fc.string({ unit: fc.constantFrom("x", "y"), maxLength: 300 }), {
    maxKeys: 4,
  }),
  deletes: fc.array(rowKey, { maxLength: 2 }),
  /** Whether the writer says which keys are new. */
  knows: fc.boolean(),
  wait: fc.boolean(),
});
const step = fc.oneof(
  { weight: 8, arbitrary: change },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant("checkpoint" as const), wait: fc.boolean() }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("read" as const) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant("crash" as const),
      how: fc.constantFrom("power" as const, "process" as const),
    }),
  },
);

test("whatever happens, a group's rows and hash are those of its applied index, which no checkpoint outlives", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { maxLength: 40 }),
      fc.nat(),
      fc.constantFrom(0, 800, 1 << 20),
      async (steps, seed, cacheBytes) => {
        const memtableBytes = 1500;
        const random = seededRandom(seed);
        // A flush of the background takes a while, so that a crash finds a rotated log.
        const disk = new FakeDisk({
          random,
          memtableBytes: { log: memtableBytes, state: memtableBytes },
          delay: async (at) => {
            const turns = at.kind === "flush" ? 40 : Math.floor(random.next() * 4);
            for (let turn = 0; turn < turns; turn++) await Promise.resolve();
          },
        });
        let { store } = await open(disk, { create: true, cacheBytes, memtableBytes });
        /** Per group, the rows as of every applied index. */
        const history = new Map<string, Map<string, string>[]>();
        const durable = new Map<string, number>();
        for (const group of ["a", "b"]) {
          await store.createGroup(group, START);
          history.set(group, [new Map<string, string>()]);
        }
        await store.checkpoint();
        for (const one of steps) {
          switch (one.kind) {
            case "write": {
              const states = history.get(one.group) ?? [];
              const model = new Map<string, string>(states.at(-1));
              const puts = Object.entries(one.puts).map(([key, value]) => row(key, value));
              const deletes = [...new Set(one.deletes)].filter((key) => !(key in one.puts));
              const keys = [...puts.map(({ key }) => key), ...deletes];
              const unheard = new Set(keys.filter((key) => one.knows && !model.has(key)));
              for (const { key, value } of puts) model.set(key, text(value) ?? "");
              for (const key of deletes) model.delete(key);
              const index = states.length;
              states.push(model);
              const written = store.write(one.group, {
                puts,
                deletes,
                fresh: unheard,
                index,
                term: 1,
              });
              const peeked = store.peekMany(
                one.group,
                puts.map(({ key }) => key),
              );
              if (peeked !== undefined)
                expect(peeked.map(text)).toEqual(puts.map(({ value }) => text(value)));
              if (one.wait) expect(await written).toEqual(hashOf(model));
              break;
            }
            case "read":
              for (const [group, states] of history) {
                const model = states.at(-1) ?? new Map<string, string>();
                expect(await rowsOf(store, group)).toEqual(shown(model));
                const keys = ["a", "b", "aa", "\u00ff", "b\u00ff"];
                const values = await store.getMany(group, keys);
                expect(values.map(text)).toEqual(keys.map((key) => model.get(key)));
              }
              break;
            case "checkpoint": {
              const end = store.checkpoint();
              if (!one.wait) void end;
              else for (const [group, index] of await end) durable.set(group, index);
              break;
            }
            case "crash": {
              disk.crash(one.how);
              const reopened = await open(disk, { cacheBytes, memtableBytes });
              expect(reopened.report.damagedAll).toBeUndefined();
              expect(reopened.report.damaged).toEqual([]);
              store = reopened.store;
              for (const [group, states] of history) {
                const applied = store.applied(group);
                const index = applied?.index ?? -1;
                expect(index).toBeGreaterThanOrEqual(durable.get(group) ?? 0);
                states.length = index + 1;
                const model = states.at(-1) ?? new Map<string, string>();
                expect(await rowsOf(store, group)).toEqual(shown(model));
                expect(applied?.hash).toEqual(hashOf(model));
              }
              break;
            }
          }
        }
        await store.close();
      },
    ),
    { numRuns: 150 },
  );
});

describe("reading", () => {
  test("peeking answers only when every row is known", async () => {
    const { disk, store } = await fresh();
    await store.write("a", { puts: [row("x", "1")], deletes: ["y"], index: 1, term: 1 });
    expect(store.peekMany("a", ["x", "y"])?.map(text)).toEqual(["1", undefined]);
    expect(store.peekMany("a", ["x", "z"])).toBeUndefined();
    await store.close();
    const { store: again } = await open(disk);
    expect(again.peekMany("a", ["x"])).toBeUndefined();
    expect((await again.getMany("a", ["x", "z"])).map(text)).toEqual(["1", undefined]);
    expect(again.peekMany("a", ["x", "z"])?.map(text)).toEqual(["1", undefined]);
  });

  test("a read that was under way when the row changed does not bring the old value back", async () => {
    let hold: Promise<void> | undefined;
    const disk = new FakeDisk({
      random: seededRandom(1),
      delay: (at) => (at.kind === "read" && hold !== undefined ? hold : Promise.resolve()),
    });
    const first = await open(disk, { create: true });
    await first.store.createGroup("a", START);
    await first.store.write("a", { puts: [row("x", "old")], deletes: [], index: 1, term: 1 });
    await first.store.close();
    const { store } = await open(disk);
    let goOn = (): void => {};
    hold = new Promise((resolve) => {
      goOn = resolve;
    });
    const reading = store.getMany("a", ["x"]);
    const written = store.write("a", { puts: [row("x", "new")], deletes: [], index: 2, term: 1 });
    hold = undefined;
    goOn();
    await written;
    expect((await reading).map(text)).toEqual(["new"]);
    expect(store.peekMany("a", ["x"])?.map(text)).toEqual(["new"]);
  });

  test("a scan stays inside its prefix, from where it is told, in either direction", async () => {
    const { store } = await fresh();
    const puts = ["p", "p\u00ff", "q/1", "q/2", "q/3", "r"].map((key) => row(key, key));
    await store.write("a", { puts, deletes: [], index: 1, term: 1 });
    const keys = async (range: object): Promise<string[]> =>
      (await store.scan("a", { ...ALL, ...range })).rows.map(({ key }) => key);
    expect(await keys({ prefix: "q/" })).toEqual(["q/1", "q/2", "q/3"]);
    expect(await keys({ prefix: "q/", gte: "q/2" })).toEqual(["q/2", "q/3"]);
    expect(await keys({ prefix: "q/", lt: "q/3", reverse: true })).toEqual(["q/2", "q/1"]);
    expect(await keys({ prefix: "q/", gte: "a", lt: "z" })).toEqual(["q/1", "q/2", "q/3"]);
    expect(await keys({ prefix: "p\u00ff" })).toEqual(["p\u00ff"]);
    expect((await store.scan("a", { ...ALL, prefix: "q/", limit: 2 })).more).toBe(true);
  });

  test("a captured state does not change", async () => {
    const { store } = await fresh();
    void store.write("a", { puts: [row("x", "1")], deletes: [], index: 1, term: 1 });
    const capturing = store.capture("a");
    void store.write("a", { puts: [row("x", "2")], deletes: [], index: 2, term: 1 });
    const capture = await capturing;
    await store.checkpoint();
    expect(capture.applied.index).toBe(1);
    expect((await capture.scan(ALL)).rows.map(({ value }) => text(value))).toEqual(["1"]);
    await capture.close();
  });
});

describe("durability", () => {
  test("no power failure finds a gap, however slow flushes are and wherever memtables rotate", async () => {
    let rotations = 0;
    for (let seed = 1; seed <= 60; seed++) {
      const random = seededRandom(seed);
      const memtableBytes = 4000;
      const disk = new FakeDisk({
        random,
        memtableBytes: { log: memtableBytes, state: memtableBytes },
        delay: async (at) => {
          for (let turn = 0; turn < (at.kind === "flush" ? 300 : 1); turn++)
            await Promise.resolve();
        },
      });
      const { store } = await open(disk, { create: true, memtableBytes });
      await store.createGroup("a", START);
      const count = 20 + Math.floor(random.next() * 40);
      for (let index = 1; index <= count; index++) {
        const puts = [row(`k${index}`, "x".repeat(Math.floor(random.next() * 300)))];
        await store.write("a", { puts, deletes: [], index, term: 1 });
        if (random.next() < 0.05) void store.checkpoint();
      }
      rotations += disk.database("state").logCount - 1;
      disk.crash("power");
      const { report } = await open(disk, { memtableBytes });
      expect(report.damagedAll).toBeUndefined();
    }
    expect(rotations).toBeGreaterThan(20);
  });

  test("batches are synced before the memtable can rotate, and not before half of it is full", async () => {
    const { store } = await fresh();
    const synced = store.syncedBatches;
    const large = "x".repeat(64 * 1024);
    let index = 1;
    const some = async (count: number): Promise<void> => {
      for (const end = index + count; index < end; index++)
        await store.write("a", { puts: [row(`k${index}`, large)], deletes: [], index, term: 1 });
    };
    await some(80);
    expect([store.syncedBatches - synced, store.checkpointDue]).toEqual([0, true]);
    await some(40);
    expect(store.syncedBatches - synced).toBeGreaterThan(5);
    await store.checkpoint();
    const after = store.syncedBatches;
    expect(store.checkpointDue).toBe(false);
    await some(10);
    expect(store.syncedBatches).toBe(after);
  });

  test("a replica that comes after one that was destroyed has not lost what that one had applied", async () => {
    const { disk, store } = await fresh();
    await store.createGroup("b", START);
    for (const group of ["a", "b"])
      await store.write(group, { puts: [row("x", "1")], deletes: [], index: 9, term: 1 });
    await store.checkpoint();
    await store.dropGroup("a");
    await store.createGroup("a", START);
    await store.write("a", { puts: [row("x", "1")], deletes: [], index: 2, term: 2 });
    await store.close();
    const again = await open(disk);
    expect(again.report.damaged).toEqual([]);
    expect(again.report.groups.get("a")?.index).toBe(2);
    // Also when it was another process that made the checkpoint.
    await again.store.dropGroup("b");
    await again.store.createGroup("b", START);
    await again.store.close();
    expect((await open(disk)).report.damaged).toEqual([]);
  });

  test("a rotated log that loses its end is noticed", async () => {
    const disk = new FakeDisk({ random: seededRandom(1) });
    const { store } = await open(disk, { create: true });
    await store.createGroup("a", START);
    for (let index = 1; index <= 10; index++)
      await store.write("a", { puts: [row("x", `${index}`)], deletes: [], index, term: 1 });
    const database = disk.database("state");
    database.dropBatch(database.batchesInLogs - 3);
    disk.crash("process");
    const { report, store: reopened } = await open(disk);
    expect(report.damagedAll).toBe("a batch is missing between others");
    await expect(reopened.getMany("a", ["x"])).rejects.toMatchObject({ code: "STORE_DAMAGED" });
  });

  test("a row that changed on disk is damage when it is read, not a value", async () => {
    const { disk, store } = await fresh();
    await store.write("a", {
      puts: [row("x", "1"), row("y", "2")],
      deletes: [],
      index: 1,
      term: 1,
    });
    await store.close();
    const database = disk.database("state");
    const key = database.rows.keyAt(database.rows.position("d/a/")) ?? "";
    const value = database.rows.get(key)?.slice() ?? new Uint8Array();
    value[5] = (value[5] ?? 0) ^ 1;
    database.setRow(key, value);
    const { store: again } = await open(disk);
    expect((await again.getMany("a", ["y"])).map(text)).toEqual(["2"]);
    const damaged = { code: "STORE_DAMAGED" };
    await expect(again.getMany("a", ["x"])).rejects.toMatchObject(damaged);
    await expect(again.scan("a", ALL)).rejects.toMatchObject(damaged);
    expect(again.damageOf("a")).toBe("the checksum of a row does not fit");
  });

  test("an old applied record is noticed, and one that is damaged is pinned to its group", async () => {
    const { disk, store } = await fresh();
    await store.createGroup("b", START);
    const old = disk.database("state").rows.get("a/a");
    await store.write("a", { puts: [row("x", "1")], deletes: [], index: 1, term: 1 });
    await store.close();
    const database = disk.database("state");
    const good = database.rows.get("a/a");
    database.setRow("a/a", old);
    expect((await open(disk)).report.damagedAll).toBe("a group's record is missing or old");
    disk.crash("process");
    database.setRow("a/a", good?.subarray(1));
    const { report } = await open(disk);
    expect([report.damagedAll, report.damaged.map(({ group }) => group)]).toEqual([
      undefined,
      ["a"],
    ]);
    expect([...report.groups.keys()]).toEqual(["b"]);
  });

  test("closing waits for a checkpoint under way", async () => {
    const { disk, store } = await fresh();
    const checkpoint = store.checkpoint();
    await store.close();
    expect([...(await checkpoint)]).toEqual([["a", 0]]);
    expect((await open(disk)).report.damagedAll).toBeUndefined();
  });

  test("a closed store refuses with STORE_CLOSED", async () => {
    const { store } = await fresh();
    await store.close();
    await store.close();
    const closed = { code: "STORE_CLOSED" };
    const one = { puts: [row("x", "1")], deletes: [], index: 1, term: 1 };
    await expect(store.write("a", one)).rejects.toMatchObject(closed);
    await expect(store.getMany("a", ["x"])).rejects.toMatchObject(closed);
    await expect(store.checkpoint()).rejects.toMatchObject(closed);
  });
});
