import { expect, test } from "vitest";
import { FakeTimers } from "../../test/lib/fake-timers.ts";
import { RequestWaiters, type WaitEnd } from "./request-waiters.ts";

class Waits {
  readonly timers = new FakeTimers();
  readonly waiters = new RequestWaiters(this.timers, { waitsMax: 4 });
  readonly ends: Record<string, WaitEnd> = {};

  add(name: string, request: number, how: { waitMs?: number; knowsPaused?: boolean } = {}): void {
    const { waitMs = 1000, knowsPaused = false } = how;
    void this.waiters.wait({ request, waitMs, knowsPaused }).then((end) => {
      this.ends[name] = end;
    });
  }
}

test("each wait ends once: by its request's end, by its time, or by the loss of leadership", async () => {
  const waits = new Waits();
  const { timers, waiters, ends } = waits;
  waits.add("first", 1);
  waits.add("second", 1);
  waits.add("short", 2, { waitMs: 100 });
  waits.add("other", 3);
  waiters.ended(1);
  waiters.ended(9);
  await timers.advance(100);
  expect(ends).toEqual({ first: "news", second: "news", short: "time" });
  waiters.leaderLost();
  await timers.advance(0);
  expect(ends).toMatchObject({ other: "lost" });
  expect(timers.count).toBe(0);
});

test("who knows of a pause is told of its end, who does not of its beginning", async () => {
  const waits = new Waits();
  const { timers, waiters, ends } = waits;
  waits.add("new", 1);
  waits.add("knows", 1, { knowsPaused: true });
  waiters.changed(1, true);
  waiters.changed(1, true);
  await timers.advance(0);
  expect(ends).toEqual({ new: "news" });
  waiters.changed(1, false);
  await timers.advance(0);
  expect(ends).toEqual({ new: "news", knows: "news" });
});

test("one wait too many is refused, not answered at once as if its time were over", async () => {
  const waits = new Waits();
  for (let at = 0; at < 4; at++) waits.add(`w${at}`, at);
  const refused = waits.waiters.wait({ request: 1, waitMs: 1000, knowsPaused: false });
  await expect(refused).rejects.toMatchObject({ code: "COMMAND_QUEUE_FULL" });
  waits.waiters.ended(0);
  await waits.timers.advance(0);
  waits.add("next", 1);
  await waits.timers.advance(1000);
  expect(waits.ends).toMatchObject({ w0: "news", next: "time" });
});
