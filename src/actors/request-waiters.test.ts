import { expect, test } from "vitest";
import { FakeTimers } from "../../test/lib/fake-timers.ts";
import { RequestWaiters, type WaitEnd } from "./request-waiters.ts";

test("each wait ends once: by its request's end, by its time, or by the loss of leadership", async () => {
  const timers = new FakeTimers();
  const waiters = new RequestWaiters(timers);
  const ends: Record<string, WaitEnd> = {};
  const wait = (name: string, request: number, waitMs: number): void => {
    void waiters.wait(request, waitMs).then((end) => {
      ends[name] = end;
    });
  };
  wait("first", 1, 1000);
  wait("second", 1, 1000);
  wait("short", 2, 100);
  wait("other", 3, 1000);
  waiters.ended(1);
  waiters.ended(9);
  await timers.advance(100);
  expect(ends).toEqual({ first: "ended", second: "ended", short: "time" });
  waiters.leaderLost();
  await timers.advance(0);
  expect(ends).toMatchObject({ other: "lost" });
  expect(timers.count).toBe(0);
});
