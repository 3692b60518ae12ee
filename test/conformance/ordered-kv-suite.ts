/** What every `Disk` and every `OrderedKv` does, the fake one and LevelDB alike. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Disk, KvOperation, OrderedKv, Page } from "../../src/store/ports.ts";

/** How the suite gets a fresh, empty disk, and how it goes away. */
export interface DiskUnderTest {
  readonly disk: Disk;
  readonly dispose: () => Promise<void>;
}

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const put = (key: string, text: string): KvOperation => ({ kind: "put", key, value: bytes(text) });
const del = (key: string): KvOperation => ({ kind: "del", key });
const text = (value: Uint8Array | undefined): string | undefined =>
  value === undefined ? undefined : new TextDecoder().decode(value);
const shown = (page: Page): string[] => page.rows.map((row) => `${row.key}=${text(row.value)}`);
const ALL = { gte: "\u0000", lt: "\u00ff\u00ff\u00ff\u00ff", limit: 1000, bytesMax: 1 << 20 };

async function read(kv: OrderedKv, ...keys: string[]): Promise<(string | undefined)[]> {
  return (await kv.getMany(keys)).map(text);
}

/** Runs the suite against what `create` makes. */
export function orderedKvSuite(create: () => Promise<DiskUnderTest>): void {
  const onDisk = (name: string, run: (disk: Disk) => Promise<void>): void => {
    test(name, async () => {
      const { disk, dispose } = await create();
      try {
        await run(disk);
      } finally {
        await dispose();
      }
    });
  };

  /** The behaviour holds on a new database and on one that was closed and opened again. */
  const onKv = (name: string, run: (kv: OrderedKv) => Promise<void>): void => {
    onDisk(name, async (disk) => {
      const kv = await disk.createKv("log");
      await run(kv);
      await kv.close();
    });
    onDisk(`${name} (reopened)`, async (disk) => {
      await (await disk.createKv("log")).close();
      const kv = await disk.openKv("log");
      await run(kv);
      await kv.close();
    });
  };

  describe("rows", () => {
    onKv("what was written is read, in the order asked for", async (kv) => {
      await kv.write([put("a", "1"), put("b", "2")], { sync: true });
      expect(await read(kv, "b", "none", "a", "b")).toEqual(["2", undefined, "1", "2"]);
    });

    onKv("the last operation on a key in a batch wins", async (kv) => {
      await kv.write([put("a", "1"), put("a", "2"), put("b", "1"), del("b")], { sync: false });
      await kv.write([del("c"), put("c", "3")], { sync: false });
      expect(await read(kv, "a", "b", "c")).toEqual(["2", undefined, "3"]);
    });

    onKv("an empty value is a value", async (kv) => {
      await kv.write([put("a", "")], { sync: true });
      expect(await read(kv, "a")).toEqual([""]);
    });

    onKv("an empty batch and an empty question are harmless", async (kv) => {
      await kv.write([], { sync: true });
      expect(await kv.getMany([])).toEqual([]);
    });

    onKv("keys are ordered by their bytes, up to 0xff", async (kv) => {
      const keys = [
        "a",
        "a\u0000",
        "a\u0001",
        "a\u007f",
        "a\u0080",
        "a\u00ff",
        "a\u00ff\u0000",
        "b",
      ];
      await kv.write(
        [...keys].reverse().map((key) => put(key, "x")),
        { sync: true },
      );
      const page = await kv.scan(ALL);
      expect(page.rows.map((row) => row.key)).toEqual(keys);
      expect(page.more).toBe(false);
    });
  });

  describe("pages", () => {
    onKv("a page is bounded by rows, and the next begins after its last key", async (kv) => {
      await kv.write([put("a", "1"), put("b", "2"), put("c", "3")], { sync: false });
      const first = await kv.scan({ ...ALL, limit: 2 });
      expect([shown(first), first.more]).toEqual([["a=1", "b=2"], true]);
      const second = await kv.scan({ ...ALL, gte: "b\u0000", limit: 2 });
      expect([shown(second), second.more]).toEqual([["c=3"], false]);
    });

    onKv("a page is bounded by bytes but holds at least one row", async (kv) => {
      await kv.write([put("a", "12345"), put("b", "12345"), put("c", "1")], { sync: false });
      expect(shown(await kv.scan({ ...ALL, bytesMax: 1 }))).toEqual(["a=12345"]);
      const page = await kv.scan({ ...ALL, bytesMax: 6 });
      expect([page.rows.length, page.more]).toEqual([2, true]);
    });

    onKv(
      "in reverse the highest comes first; the end is excluded, the start is not",
      async (kv) => {
        await kv.write([put("a", "1"), put("b", "2"), put("c", "3"), put("d", "4")], {
          sync: false,
        });
        const range = { ...ALL, gte: "a", lt: "d", reverse: true };
        expect(shown(await kv.scan(range))).toEqual(["c=3", "b=2", "a=1"]);
        expect(shown(await kv.scan({ ...range, limit: 1 }))).toEqual(["c=3"]);
      },
    );

    onKv("an empty range has no rows and no more", async (kv) => {
      await kv.write([put("a", "1")], { sync: false });
      expect(await kv.scan({ ...ALL, gte: "b" })).toEqual({ rows: [], more: false });
    });
  });

  describe("snapshots", () => {
    onKv("a snapshot shows its moment, whatever comes after", async (kv) => {
      await kv.write([put("a", "1"), put("b", "2")], { sync: false });
      const snapshot = kv.snapshot();
      await kv.write([put("a", "9"), del("b"), put("c", "3")], { sync: true });
      await kv.flush();
      expect((await snapshot.getMany(["a", "b", "c"])).map(text)).toEqual(["1", "2", undefined]);
      expect(shown(await snapshot.scan(ALL))).toEqual(["a=1", "b=2"]);
      await snapshot.close();
      expect(shown(await kv.scan(ALL))).toEqual(["a=9", "c=3"]);
      await expect(snapshot.getMany(["a"])).rejects.toMatchObject({ code: "STORE_CLOSED" });
    });
  });

  describe("life", () => {
    onDisk("what is closed keeps its rows, synced or not, flushed or not", async (disk) => {
      const before = await disk.createKv("state");
      await before.write([put("flushed", "1")], { sync: false });
      await before.flush();
      await before.write([put("synced", "2")], { sync: true });
      await before.write([put("unsynced", "3")], { sync: false });
      await before.close();
      const after = await disk.openKv("state");
      expect(shown(await after.scan(ALL))).toEqual(["flushed=1", "synced=2", "unsynced=3"]);
      await after.close();
    });

    onDisk("a closed database refuses everything with STORE_CLOSED", async (disk) => {
      const kv = await disk.createKv("log");
      await kv.write([put("a", "1")], { sync: false });
      await kv.close();
      await kv.close();
      const closed = { code: "STORE_CLOSED" };
      await expect(kv.write([put("a", "1")], { sync: true })).rejects.toMatchObject(closed);
      await expect(kv.getMany(["a"])).rejects.toMatchObject(closed);
      await expect(kv.scan(ALL)).rejects.toMatchObject(closed);
      await expect(kv.flush()).rejects.toMatchObject(closed);
      expect(() => kv.snapshot()).toThrow(expect.objectContaining(closed));
    });

    onDisk("opening creates nothing, creating does", async (disk) => {
      expect(await disk.hasKv("log")).toBe(false);
      await expect(disk.openKv("log")).rejects.toMatchObject({ code: "STORE_MISSING" });
      expect(await disk.hasKv("log")).toBe(false);
      await (await disk.createKv("log")).close();
      expect(await disk.hasKv("log")).toBe(true);
      expect(await disk.hasKv("state")).toBe(false);
    });

    onDisk("a database is opened once at a time", async (disk) => {
      const kv = await disk.createKv("log");
      await expect(disk.openKv("log")).rejects.toMatchObject({ code: "STORE_LOCKED" });
      await kv.close();
      await (await disk.openKv("log")).close();
    });

    onDisk("creating what exists opens it", async (disk) => {
      const kv = await disk.createKv("log");
      await kv.write([put("a", "1")], { sync: true });
      await kv.close();
      const again = await disk.createKv("log");
      expect(await read(again, "a")).toEqual(["1"]);
      await again.close();
    });
  });

  describe("small files", () => {
    onDisk("a small file is absent, then whole, then replaced", async (disk) => {
      expect(await disk.readSmall("identity")).toBeUndefined();
      await disk.writeSmall("identity", bytes("a long first version"));
      await disk.writeSmall("identity", bytes("short"));
      expect(text(await disk.readSmall("identity"))).toBe("short");
    });

    onDisk("a mark is made with its bytes, once, and written in place", async (disk) => {
      await expect(disk.openMark("MARK")).rejects.toMatchObject({ code: "STORE_MISSING" });
      const mark = await disk.createMark("MARK", new Uint8Array(1024).fill(9));
      const made = await mark.read();
      expect(made.length).toBe(1024);
      expect(made.every((byte) => byte === 9)).toBe(true);
      await mark.write(512, Uint8Array.of(7, 8));
      await mark.close();
      await mark.close();
      const again = await disk.createMark("MARK", new Uint8Array(1024));
      expect([...(await again.read()).subarray(511, 515)]).toEqual([9, 7, 8, 9]);
      await again.close();
    });
  });

  test("any batches leave what a plain map would hold", async () => {
    const key = fc.string({
      unit: fc.constantFrom("a", "b", "\u0000", "\u00ff"),
      minLength: 1,
      maxLength: 3,
    });
    const step = fc.record({
      sync: fc.boolean(),
      flush: fc.boolean(),
      operations: fc.array(
        fc.oneof(
          fc.record({
            kind: fc.constant("put" as const),
            key,
            value: fc.uint8Array({ maxLength: 4 }),
          }),
          fc.record({ kind: fc.constant("del" as const), key }),
        ),
        { maxLength: 6 },
      ),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 8 }), async (steps) => {
        const { disk, dispose } = await create();
        try {
          const kv = await disk.createKv("log");
          const model = new Map<string, string>();
          for (const { operations, sync, flush } of steps) {
            await kv.write(operations, { sync });
            if (flush) await kv.flush();
            for (const operation of operations) {
              if (operation.kind === "put") model.set(operation.key, operation.value.join());
              else model.delete(operation.key);
            }
          }
          const page = await kv.scan(ALL);
          expect(page.rows.map((row) => [row.key, row.value.join()])).toEqual(
            [...model].sort(([a], [b]) => (a < b ? -1 : 1)),
          );
          await kv.close();
        } finally {
          await dispose();
        }
      }),
      { numRuns: 25 },
    );
  });
}
