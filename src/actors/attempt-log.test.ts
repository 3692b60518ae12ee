import { expect, test } from "vitest";
import { FakeTimers } from "../../test/lib/fake-timers.ts";
import { revisionOf } from "../scheduler/apply-kit.ts";
import type { WorkflowEvent } from "../scheduler/events.ts";
import { AttemptLog } from "./attempt-log.ts";
import { EventLog } from "./event-log.ts";

function event(index: number, request: number, child: number): WorkflowEvent {
  const unit = { kind: "map", request, path: [child] } as const;
  const change = { kind: "attempt", request, unit, step: "low", node: "n", how: "done" } as const;
  return { number: revisionOf({ index, ordinal: 1 }), change };
}

test("attempts of requests that nobody follows are not kept", () => {
  const log = new AttemptLog(new FakeTimers());
  expect(log.isIdle).toBe(true);
  log.follow(1);
  log.take([event(1, 1, 0), event(1, 2, 0)]);
  expect(log.after(1, 0)).toEqual([event(1, 1, 0)]);
  expect(log.after(2, 0)).toEqual([]);
  expect([log.isFollowed(1), log.isFollowed(2), log.isIdle]).toEqual([true, false, false]);
});

test("of many attempts the newest are kept", () => {
  const log = new AttemptLog(new FakeTimers());
  log.follow(1);
  log.take(Array.from({ length: 5000 }, (_, at) => event(at + 1, 1, at)));
  const kept = log.after(1, 0);
  expect(kept.length).toBeLessThan(1000);
  expect(kept.at(-1)).toEqual(event(5000, 1, 4999));
});

test("who does not look any more follows no more", async () => {
  const timers = new FakeTimers();
  const log = new AttemptLog(timers);
  log.follow(1);
  log.follow(2);
  await timers.advance(60_000);
  log.follow(1);
  await timers.advance(60_000);
  expect([log.isFollowed(1), log.isFollowed(2)]).toEqual([true, false]);
  await timers.advance(120_000);
  expect(log.isIdle).toBe(true);
});

test("who follows a request is woken for its attempts, and told them in the order of their numbers", async () => {
  const timers = new FakeTimers();
  const log = new EventLog(timers, 10);
  const clock = { nowMs: () => 0 };
  const asked = { after: log.now, request: 1, limit: 10, waitMs: 5000 };
  const waiting = log.after(asked, clock);
  log.takeAttempts([event(11, 1, 0), event(12, 1, 1)]);
  log.take([], { firstIndex: 11, lastIndex: 12 });
  const page = await waiting;
  expect(page.events).toEqual([event(11, 1, 0), event(12, 1, 1)]);
  expect(log.page({ ...asked, after: page.next }).events).toEqual([]);
});
