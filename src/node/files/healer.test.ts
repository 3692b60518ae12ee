import { expect, test } from "vitest";
import { FakeTimers } from "../../../test/lib/fake-timers.ts";
import { silentLog } from "../../std/log.ts";
import { type Healed, NOTHING_HEALED } from "./block-healing.ts";
import { type HealedPage, Healer } from "./healer.ts";
import { Pacer } from "./pacer.ts";
import { Shortages } from "./shortages.ts";

/** A leader of one volume of two pages, with members that come and go. */
class Leader {
  readonly timers = new FakeTimers();
  readonly shortages = new Shortages();
  readonly up = new Set(["a", "b", "c"]);
  readonly pages: (string | undefined)[] = [];
  led: readonly number[] = [1];
  found: Partial<Healed> = {};
  failure: Error | undefined;
  knowsMembers = true;
  page = (_group: number, after: string | undefined): Promise<HealedPage> => {
    this.pages.push(after);
    if (this.failure !== undefined) return Promise.reject(this.failure);
    const healed = { ...NOTHING_HEALED, blocks: 1, ...this.found };
    return Promise.resolve({ healed, next: after === undefined ? "x" : undefined });
  };
  readonly healer = new Healer({
    ...{ clock: this.timers, timers: this.timers, log: silentLog, shortages: this.shortages },
    wall: { wallMs: () => 1_000_000 + this.timers.nowMs() },
    led: () => this.led,
    members: () => {
      if (!this.knowsMembers) throw new Error("this node does not know its cluster yet");
      return ["a", "b", "c"].map((node) => ({ node, isUp: this.up.has(node), stays: true }));
    },
    page: (group, after) => this.page(group, after),
  });

  constructor() {
    this.healer.start();
  }

  /** Pages that were asked for in the next seconds. */
  async within(seconds: number): Promise<number> {
    const before = this.pages.length;
    await this.timers.advance(1000 * seconds);
    return this.pages.length - before;
  }
}

test("a round looks at all pages, once, and again after ten minutes", async () => {
  const leader = new Leader();
  expect(await leader.within(10)).toBe(2);
  expect(leader.pages).toEqual([undefined, "x"]);
  expect(await leader.within(500)).toBe(0);
  expect(await leader.within(120)).toBe(2);
});

test("copies of a node that went down are made after half a minute, and not if it is back by then", async () => {
  const leader = new Leader();
  await leader.within(10);
  leader.up.delete("c");
  expect(await leader.within(25)).toBe(0);
  expect(await leader.within(10)).toBe(2);
  leader.up.add("c");
  await leader.within(10);
  leader.up.delete("c");
  await leader.within(10);
  leader.up.add("c");
  expect(await leader.within(60)).toBe(0);
});

test("a node that came up is counted on soon", async () => {
  const leader = new Leader();
  leader.up.delete("c");
  await leader.within(60);
  leader.up.add("c");
  expect(await leader.within(5)).toBe(2);
});

test("what is short is looked at again every minute, and what the round found is told", async () => {
  const leader = new Leader();
  leader.found = { short: 3, copiedBytes: 10 };
  await leader.within(10);
  expect(leader.healer.totals).toMatchObject({ blocks: 2, short: 6 });
  expect(leader.healer.copiedBytes).toBe(20);
  expect(await leader.within(65)).toBe(2);
  leader.led = [];
  await leader.within(5);
  expect(leader.healer.totals).toEqual(NOTHING_HEALED);
});

test("a round that fails is begun again after a minute, and none follows a stop", async () => {
  const leader = new Leader();
  leader.failure = new Error("no leader");
  expect(await leader.within(10)).toBe(1);
  leader.failure = undefined;
  expect(await leader.within(60)).toBe(2);
  leader.healer.stop();
  expect(await leader.within(3600)).toBe(0);
});

test("bytes beyond the rate wait, and a quiet time is not made up for", async () => {
  const timers = new FakeTimers();
  const sleep = (ms: number): Promise<void> => new Promise((go) => timers.after(ms, go));
  const pacer = new Pacer({ bytesPerSecond: 1000, clock: timers, sleep });
  await timers.advance(60_000);
  const ends: number[] = [];
  for (let at = 0; at < 3; at++) void pacer.take(500).then(() => ends.push(timers.nowMs()));
  await timers.advance(2000);
  expect(ends).toEqual([60_000, 60_500, 61_000]);
});

test("who comes to lead while a node is down waits as long as it would have, and not from the start", async () => {
  const leader = new Leader();
  leader.led = [];
  await leader.within(60);
  leader.up.delete("c");
  await leader.within(10);
  leader.led = [1];
  expect(await leader.within(15)).toBe(0);
  expect(await leader.within(10)).toBe(2);
});

test("one that comes up while another has just gone does not hurry a round", async () => {
  const leader = new Leader();
  leader.up.delete("b");
  await leader.within(60);
  leader.up.delete("c");
  await leader.within(5);
  leader.up.add("b");
  expect(await leader.within(20)).toBe(0);
});

test("a node that does not know its cluster yet heals as soon as it does", async () => {
  const leader = new Leader();
  leader.knowsMembers = false;
  expect(await leader.within(10)).toBe(0);
  leader.knowsMembers = true;
  expect(await leader.within(10)).toBe(2);
});

test("a shortage is told with the moment when it was first found, until a round finds none", async () => {
  const leader = new Leader();
  leader.found = { short: 3, lost: 1 };
  await leader.within(10);
  const [first] = leader.shortages.list();
  expect(first).toMatchObject({ group: 1, short: 6, missing: 0, lost: 2 });
  const sinceMs = first?.sinceMs ?? 0;
  leader.found = { short: 1 };
  await leader.within(130);
  expect(leader.shortages.list()).toEqual([{ group: 1, short: 2, missing: 0, lost: 0, sinceMs }]);
  expect(leader.shortages.warnings((group) => `group ${group}`)).toEqual([
    {
      code: "blocks-wanting",
      message: `files of group 1: 2 blocks with too few copies, since ${new Date(sinceMs).toISOString()}`,
    },
  ]);
  // A round that could not look changes nothing.
  leader.failure = new Error("no majority");
  await leader.within(130);
  expect(leader.shortages.sinceMs()).toBe(sinceMs);
  leader.failure = undefined;
  leader.found = {};
  await leader.within(130);
  expect(leader.shortages.list()).toEqual([]);
  leader.found = { missing: 1 };
  await leader.within(700);
  expect(leader.shortages.list()).toHaveLength(1);
  leader.led = [];
  await leader.within(10);
  expect(leader.shortages.sinceMs()).toBeUndefined();
});

test("a volume whose round is slow does not keep others waiting, and is not begun twice", async () => {
  const leader = new Leader();
  const { page } = leader;
  leader.led = [1, 2, 3];
  leader.page = (group, after) => (group === 1 ? new Promise(() => {}) : page(group, after));
  expect(await leader.within(10)).toBe(4);
  // The slow one is still under way; the others come again after ten minutes.
  expect(await leader.within(700)).toBe(4);
});
