import { expect, test } from "vitest";
import { FakeDisk } from "../../test/lib/fake-disk.ts";
import { FakeTimers } from "../../test/lib/fake-timers.ts";
import { seededRandom } from "../std/random.ts";
import { type WrittenBatch, watchedDisk } from "./watched-disk.ts";

const PUT = { kind: "put", key: "k", value: new Uint8Array(10) } as const;

test("a write is timed while it is under way and when it has ended, each database by itself", async () => {
  const timers = new FakeTimers();
  const slow = (): Promise<void> => new Promise((resolve) => timers.after(700, resolve));
  const disk = new FakeDisk({
    random: seededRandom(1),
    delay: ({ kind }) => (kind === "write" || kind === "sync" ? slow() : Promise.resolve()),
  });
  const written: WrittenBatch[] = [];
  const watched = watchedDisk(disk, timers, (batch) => written.push(batch));
  const log = await watched.createKv("log");
  const state = await watched.createKv("state");
  expect(watched.writeMs()).toBe(0);
  const first = log.write([PUT], { sync: true });
  await timers.advance(300);
  const second = state.write([PUT, PUT], { sync: false });
  await timers.advance(100);
  expect([watched.writeMs(), watched.writeMs("log"), watched.writeMs("state")]).toEqual([
    400, 400, 100,
  ]);
  await timers.advance(300);
  await first;
  expect([watched.writeMs(), watched.writeMs("log")]).toEqual([400, 0]);
  await timers.advance(300);
  await second;
  expect(watched.writeMs()).toBe(0);
  expect(written).toEqual([
    { database: "log", bytes: 10, tookMs: 700 },
    { database: "state", bytes: 20, tookMs: 700 },
  ]);
});

test("a write that fails is not under way any more, and its failure is the caller's", async () => {
  const timers = new FakeTimers();
  const disk = new FakeDisk({ random: seededRandom(1) });
  const watched = watchedDisk(disk, timers);
  const log = await watched.createKv("log");
  await log.close();
  await expect(log.write([PUT], { sync: true })).rejects.toMatchObject({ code: "STORE_CLOSED" });
  await timers.advance(100);
  expect(watched.writeMs()).toBe(0);
});
