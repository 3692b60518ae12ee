/** What the fake disk loses in a crash, and what it must not. */
import { expect, test } from "vitest";
import { seededRandom } from "../../src/std/random.ts";
import type { OrderedKv } from "../../src/store/ports.ts";
import { FakeDisk } from "./fake-disk.ts";

const ALL = { gte: "\u0000", lt: "\u00ff", limit: 1000, bytesMax: 1 << 20 };
const one = Uint8Array.of(1);

async function put(kv: OrderedKv, key: string, sync: boolean): Promise<void> {
  await kv.write([{ kind: "put", key, value: one }], { sync });
}

async function keysAfterCrash(disk: FakeDisk, kind: "power" | "process"): Promise<string> {
  disk.crash(kind);
  const kv = await disk.openKv("log");
  return (await kv.scan(ALL)).rows.map(({ key }) => key).join("");
}

async function written(seed: number): Promise<FakeDisk> {
  const disk = new FakeDisk({ random: seededRandom(seed) });
  const kv = await disk.createKv("log");
  for (const key of "abc") await put(kv, key, false);
  await put(kv, "d", true);
  for (const key of "efg") await put(kv, key, false);
  return disk;
}

test("power loss keeps what was synced and some first part of the rest, and every such part comes up", async () => {
  const seen = new Set<string>();
  for (let seed = 0; seed < 60; seed++)
    seen.add(await keysAfterCrash(await written(seed), "power"));
  expect([...seen].sort()).toEqual(["abcd", "abcde", "abcdef", "abcdefg"]);
});

test("the end of a process loses nothing that was written", async () => {
  expect(await keysAfterCrash(await written(1), "process")).toBe("abcdefg");
});

test("the same seed loses the same", async () => {
  const twice = await Promise.all([written(9), written(9)]);
  const [first, second] = await Promise.all(twice.map((disk) => keysAfterCrash(disk, "power")));
  expect(first).toBe(second);
});

test("a write under way may have happened or not, and its promise never ends", async () => {
  const seen = new Set<string>();
  let ended = false;
  for (let seed = 0; seed < 40; seed++) {
    const disk = new FakeDisk({ random: seededRandom(seed) });
    const kv = await disk.createKv("log");
    void put(kv, "a", true).then(() => {
      ended = true;
    });
    seen.add(await keysAfterCrash(disk, "power"));
  }
  expect([...seen].sort()).toEqual(["", "a"]);
  expect(ended).toBe(false);
});

test("a rotated log may lose its unsynced end while a later, synced batch survives", async () => {
  const seen = new Set<string>();
  for (let seed = 0; seed < 60; seed++) {
    const disk = new FakeDisk({
      random: seededRandom(seed),
      memtableBytes: { log: 40, state: 40 },
      delay: (step) => (step.kind === "flush" ? new Promise(() => {}) : Promise.resolve()),
    });
    const kv = await disk.createKv("log");
    for (const key of "ab") await put(kv, key, false);
    await put(kv, "c", true);
    seen.add(await keysAfterCrash(disk, "power"));
  }
  expect([...seen].sort()).toEqual(["abc", "ac", "c"]);
});

test("a mark is one of its versions after power loss, the newest after the end of a process", async () => {
  const markAfter = async (seed: number, kind: "power" | "process"): Promise<number> => {
    const disk = new FakeDisk({ random: seededRandom(seed) });
    const mark = await disk.createMark("MARK", new Uint8Array(1024));
    for (const value of [1, 2, 3]) await mark.write(0, Uint8Array.of(value));
    disk.crash(kind);
    return (await (await disk.openMark("MARK")).read())[0] ?? -1;
  };
  const seen = new Set<number>();
  for (let seed = 0; seed < 60; seed++) {
    seen.add(await markAfter(seed, "power"));
    expect(await markAfter(seed, "process")).toBe(3);
  }
  expect([...seen].sort()).toEqual([0, 1, 2, 3]);
});

test("an operation takes effect when its delay ends, and fails with what the delay fails with", async () => {
  const release: (() => void)[] = [];
  let fail = false;
  const disk = new FakeDisk({
    random: seededRandom(1),
    delay: (step) => {
      if (fail) return Promise.reject(new Error("no space"));
      if (step.kind !== "write") return Promise.resolve();
      return new Promise((resolve) => release.push(resolve));
    },
  });
  const kv = await disk.createKv("log");
  const first = put(kv, "a", false);
  const second = put(kv, "b", false);
  release[1]?.();
  await second;
  expect((await kv.scan(ALL)).rows.map(({ key }) => key)).toEqual(["b"]);
  release[0]?.();
  await first;
  fail = true;
  await expect(put(kv, "c", true)).rejects.toThrow("no space");
});
