import { expect, test } from "vitest";
import { FakeTimers } from "../../test/lib/fake-timers.ts";
import { revisionOf } from "../scheduler/apply-kit.ts";
import type { WorkflowEvent } from "../scheduler/events.ts";
import { EventLog } from "./event-log.ts";

function event(index: number, request: number, done = 0): WorkflowEvent {
  return {
    number: revisionOf({ index, ordinal: 0 }),
    change: {
      kind: "request",
      request,
      job: "job",
      state: "running",
      revision: 1,
      submittedMs: 0,
      endedMs: undefined,
      steps: [{ step: "words", total: 9, done, failed: 0 }],
    },
  };
}

const take = (log: EventLog, index: number, ...events: readonly WorkflowEvent[]) =>
  log.take(events, { firstIndex: index, lastIndex: index });

const ALL = { request: undefined, limit: 100 } as const;

test("who asks after a number gets what follows it, and goes on from there", () => {
  const log = new EventLog(new FakeTimers(), 10);
  const start = log.now;
  take(log, 11, event(11, 1));
  take(log, 12);
  take(log, 13, event(13, 2));
  const page = log.page({ after: start, ...ALL });
  expect(page).toMatchObject({ resync: false, events: [event(11, 1), event(13, 2)] });
  expect(log.page({ after: page.next, ...ALL }).events).toEqual([]);
  take(log, 14, event(14, 1));
  expect(log.page({ after: page.next, ...ALL }).events).toEqual([event(14, 1)]);
  expect(log.page({ after: start, ...ALL, request: 2 }).events).toEqual([event(13, 2)]);
});

test("a number from before the log is answered with resync, and so is a gap that a snapshot left", () => {
  const log = new EventLog(new FakeTimers(), 10);
  expect(log.page({ after: revisionOf({ index: 10, ordinal: 1 }), ...ALL }).resync).toBe(true);
  const start = log.now;
  expect(log.page({ after: start, ...ALL }).resync).toBe(false);
  take(log, 11, event(11, 1));
  take(log, 500, event(500, 1));
  expect(log.page({ after: start, ...ALL })).toMatchObject({ resync: true, events: [] });
  const later = log.page({ after: start, ...ALL }).next;
  expect(log.page({ after: later, ...ALL })).toMatchObject({ resync: false, events: [] });
});

test("who is too slow for the log is told to resync; the log stays bounded", () => {
  const log = new EventLog(new FakeTimers(), 0);
  const start = log.now;
  for (let index = 1; index <= 20_000; index++) take(log, index, event(index, index));
  expect(log.page({ after: start, ...ALL }).resync).toBe(true);
  const late = revisionOf({ index: 19_990, ordinal: 0 });
  expect(log.page({ after: late, ...ALL }).events).toHaveLength(10);
});

test("who is far behind gets the newest of each request, not each step on the way", () => {
  const log = new EventLog(new FakeTimers(), 0);
  const start = log.now;
  for (let index = 1; index <= 90; index++) take(log, index, event(index, index % 3, index));
  const page = log.page({ after: start, request: undefined, limit: 10 });
  expect(page.events).toEqual([event(88, 1, 88), event(89, 2, 89), event(90, 0, 90)]);
  expect(page.next).toBe(log.now);
});

test("a page that is cut goes on where it was cut", () => {
  const log = new EventLog(new FakeTimers(), 0);
  const seen: number[] = [];
  let after = log.now;
  for (let index = 1; index <= 25; index++) take(log, index, event(index, index));
  for (let pages = 0; pages < 5; pages++) {
    const page = log.page({ after, request: undefined, limit: 10 });
    seen.push(...page.events.map(({ change }) => (change.kind === "request" ? change.request : 0)));
    after = page.next;
  }
  expect(seen).toEqual(Array.from({ length: 25 }, (_, at) => at + 1));
});

test("waiting ends with the next event or with its time", async () => {
  const timers = new FakeTimers();
  const log = new EventLog(timers, 0);
  let woken = 0;
  const wait = () => void log.wait(1000).then(() => (woken += 1));
  wait();
  await timers.advance(500);
  expect(woken).toBe(0);
  take(log, 1, event(1, 1));
  await timers.advance(1);
  expect([woken, timers.count]).toEqual([1, 0]);
  wait();
  await timers.advance(1000);
  expect(woken).toBe(2);
});
