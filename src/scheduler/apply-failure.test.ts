import { describe, expect, test } from "vitest";
import { SchedulerKit } from "../../test/lib/scheduler-kit.ts";
import { failed, mapped, reduced, textData } from "../../test/lib/scheduler-values.ts";
import { BACKOFF_MS_MIN, LOSS_WAIT_MS_MIN, LOSSES_MAX, RELEASE_MS_MIN } from "./apply-attempt.ts";
import { BAD_END_PLACES } from "./attempt-record.ts";
import { resultsOf } from "./block-row.ts";
import { dueMsOfDelayedKey, prefixes } from "./keys.ts";
import type { FailurePolicy } from "./rows.ts";
import { PATH_LENGTH_MAX } from "./unit.ts";

const GONE = [prefixes.queue, prefixes.attempts, prefixes.delayed, prefixes.parked];

function low(onFailure: FailurePolicy, retries = 0, partitions = 1) {
  return [{ name: "top" }, { name: "low", onFailure, retries, partitions }];
}

/** A request whose two children are granted. */
function withTwoChildren(kit: SchedulerKit) {
  const request = kit.submit();
  kit.next(mapped("low", 2));
  return { request, first: kit.grant(), second: kit.grant() };
}

/** The scheduler's answer to grants that found their request not running. */
function setAside(kit: SchedulerKit): void {
  for (const [key] of kit.queue()) kit.run({ kind: "set-aside", key });
}

function unpark(kit: SchedulerKit): void {
  for (const [key] of kit.scan(prefixes.parked)) kit.run({ kind: "unpark", key });
}

/** One unit under the failure policy `pause` that has failed. */
function paused(kit: SchedulerKit): number {
  const request = kit.submit();
  kit.next(failed());
  expect(kit.request(request).state).toBe("paused");
  return request;
}

function left(kit: SchedulerKit): readonly string[] {
  return GONE.flatMap((prefix) => kit.scan(prefix).map(([key]) => key));
}

describe("retries", () => {
  test("a failed unit waits longer each time and fails its request when no retry is left", () => {
    const kit = SchedulerKit.withSteps([{ name: "top", retries: 2 }]);
    const request = kit.submit();
    for (const waitMs of [BACKOFF_MS_MIN, 2 * BACKOFF_MS_MIN]) {
      kit.next(failed());
      const key = kit.scan(prefixes.delayed)[0]?.[0] ?? "";
      expect(dueMsOfDelayedKey(key)).toBe(kit.stampMs + waitMs);
      expect(kit.queue()).toEqual([]);
      kit.run({ kind: "due", delayedKey: key });
      // Said twice, it happens once.
      kit.run({ kind: "due", delayedKey: key });
      expect(kit.queue()).toHaveLength(1);
    }
    const { attempt } = kit.next(failed("the last word"));
    const row = kit.request(request);
    expect(row.state).toBe("failed");
    expect(row.failure).toMatchObject({ error: { message: "the last word" }, unit: attempt.unit });
    expect(row.steps).toEqual([{ step: "top", total: 1, done: 0, failed: 1 }]);
    expect(left(kit)).toEqual([]);
    const history = kit.scan(prefixes.badEndsOf(request));
    expect(history.map(([, one]) => one.kind === "history" && one.how)).toEqual([
      "failed",
      "failed",
      "failed",
    ]);
  });

  test("a failed reduce is tried again by itself", () => {
    const kit = SchedulerKit.withSteps([
      { name: "top", partitions: 2, retries: 1 },
      { name: "low" },
    ]);
    const request = kit.submit();
    kit.next(mapped("low", 0));
    kit.next(reduced(textData("kept")));
    kit.next(failed());
    kit.run({ kind: "due", delayedKey: kit.scan(prefixes.delayed)[0]?.[0] ?? "" });
    const { attempt } = kit.next(reduced(textData("again")));
    expect(attempt).toMatchObject({ unit: { kind: "reduce", part: 1 }, failures: 1 });
    expect(kit.request(request).state).toBe("succeeded");
  });

  test("a delayed unit of a request that ended is dropped when it is due", () => {
    const kit = SchedulerKit.withSteps([{ name: "top", retries: 5 }]);
    const request = kit.submit();
    kit.next(failed());
    kit.run({ kind: "cancel", request });
    kit.run({ kind: "due", delayedKey: kit.scan(prefixes.delayed)[0]?.[0] ?? "" });
    expect(left(kit)).toEqual([]);
  });
});

describe("a child that fails for good", () => {
  test("fail: ends the request at once and what its siblings say later changes nothing", () => {
    const kit = SchedulerKit.withSteps(low("fail"));
    const { request, first, second } = withTwoChildren(kit);
    const said = kit.said(() => kit.end(first.token, failed()));
    expect(said).toContainEqual({ kind: "request-ended", request });
    expect(kit.request(request).state).toBe("failed");
    const before = kit.request(request);
    kit.end(second.token, reduced(textData("late")));
    expect(kit.request(request)).toEqual(before);
    expect(left(kit)).toEqual([]);
  });

  test("skip: the parent is reduced without it", () => {
    const kit = SchedulerKit.withSteps(low("skip"));
    const { request, first, second } = withTwoChildren(kit);
    kit.end(first.token, failed());
    kit.end(second.token, reduced(textData("kept")));
    kit.next(reduced([]));
    const row = kit.request(request);
    expect(row.state).toBe("succeeded");
    expect(row.steps[1]).toEqual({ step: "low", total: 2, done: 1, failed: 1 });
    const block = kit.scan(prefixes.blocksOf(request))[0]?.[1];
    expect(block?.kind === "block" && resultsOf(block).map((one) => one.failureCode)).toEqual([
      "HANDLER_FAILED",
      undefined,
    ]);
  });

  test("skip at the root fails the request, since nobody could go on without it", () => {
    const kit = SchedulerKit.withSteps([{ name: "top", onFailure: "skip" }]);
    const request = kit.submit();
    kit.next(failed());
    expect(kit.request(request).state).toBe("failed");
  });

  test("skip: a second partition that fails, or succeeds, afterwards is not counted again", () => {
    for (const outcome of [failed(), reduced([], [])]) {
      const kit = SchedulerKit.withSteps([
        { name: "top" },
        { name: "mid", partitions: 3, onFailure: "skip" },
        { name: "low" },
      ]);
      const request = kit.submit();
      kit.next(mapped("mid", 1));
      kit.next(mapped("low", 0));
      const first = kit.grant();
      const second = kit.grant();
      kit.end(first.token, failed());
      kit.end(second.token, outcome);
      // The third is still queued: it is granted no work and taken back.
      const third = kit.queue().find(([, row]) => row.kind === "queue-unit" && row.step === "mid");
      const { token, work } = kit.grant(third?.[0]);
      expect(work).toBeUndefined();
      kit.run({ kind: "take-back", token, how: "released" });
      kit.next(reduced([]));
      const row = kit.request(request);
      expect(row.state).toBe("succeeded");
      expect(row.steps[1]).toEqual({ step: "mid", total: 1, done: 0, failed: 1 });
      expect(left(kit)).toEqual([]);
    }
  });
});

describe("pause", () => {
  test("the request waits with its failure shown, and runs again when resumed", () => {
    const kit = SchedulerKit.withSteps([{ name: "top", onFailure: "pause", retries: 0 }]);
    const request = paused(kit);
    expect(kit.request(request).failure?.error.code).toBe("HANDLER_FAILED");
    const queueKey = kit.queue()[0]?.[0] ?? "";
    const grant = {
      kind: "grant",
      queueKey,
      child: 0,
      count: 1,
      node: "n",
      executor: "e",
    } as const;
    expect(kit.said(() => kit.run(grant))).toEqual([
      { kind: "grant-refused", queueKey, node: "n", count: 1, why: "not-running" },
    ]);
    setAside(kit);
    expect(kit.queue()).toEqual([]);
    expect(kit.run({ kind: "resume", request })).toEqual({ kind: "ok" });
    expect(kit.request(request)).toMatchObject({ state: "running", failure: undefined });
    unpark(kit);
    // At its old place, with its failures forgiven.
    expect(kit.queue()[0]?.[0]).toBe(queueKey);
    kit.next(failed());
    expect(kit.request(request).state).toBe("paused");
    kit.run({ kind: "resume", request });
    kit.next(reduced(textData("at last")));
    expect(kit.request(request).state).toBe("succeeded");
  });

  test("attempts in flight go on and count while the request is paused", () => {
    const kit = SchedulerKit.withSteps(low("pause"));
    const { request, first, second } = withTwoChildren(kit);
    kit.end(first.token, failed());
    kit.end(second.token, reduced(textData("kept")));
    expect(kit.request(request)).toMatchObject({ state: "paused" });
    expect(kit.request(request).steps[1]).toMatchObject({ done: 1 });
  });

  test("a set-aside that comes after the resume says that its row is still ready", () => {
    const kit = SchedulerKit.withSteps([{ name: "top", onFailure: "pause" }]);
    const request = paused(kit);
    const key = kit.queue()[0]?.[0] ?? "";
    kit.run({ kind: "resume", request });
    expect(kit.said(() => kit.run({ kind: "set-aside", key }))).toEqual([
      { kind: "still-queued", key },
    ]);
    expect(kit.queue()).toHaveLength(1);
  });

  test("an unpark that comes after the next pause leaves its row parked", () => {
    const kit = SchedulerKit.withSteps(low("pause"));
    const { request, first, second } = withTwoChildren(kit);
    kit.end(first.token, failed());
    setAside(kit);
    kit.run({ kind: "resume", request });
    kit.end(second.token, failed());
    unpark(kit);
    expect(kit.scan(prefixes.parked)).toHaveLength(1);
    setAside(kit);
    expect(kit.scan(prefixes.parked)).toHaveLength(2);
    kit.run({ kind: "resume", request });
    unpark(kit);
    kit.finish(() => reduced([]));
    expect(kit.request(request).state).toBe("succeeded");
    expect(left(kit)).toEqual([]);
  });

  test("a paused request that is cancelled says that its parked rows can go", () => {
    const kit = SchedulerKit.withSteps([{ name: "top", onFailure: "pause" }]);
    const request = paused(kit);
    setAside(kit);
    const said = kit.said(() => kit.run({ kind: "cancel", request }));
    expect(said).toContainEqual({ kind: "request-resumed", request });
    unpark(kit);
    expect(left(kit)).toEqual([]);
    expect(kit.run({ kind: "resume", request })).toMatchObject({ code: "REQUEST_NOT_PAUSED" });
  });
});

describe("executors that die or give back", () => {
  test("a unit that loses more executors than allowed ends its request", () => {
    const kit = SchedulerKit.withSteps([{ name: "top", retries: 9, onFailure: "skip" }]);
    const request = kit.submit();
    for (let losses = 0; losses <= LOSSES_MAX; losses++) {
      expect(kit.request(request).state).not.toBe("failed");
      for (const [key] of kit.scan(prefixes.delayed)) kit.run({ kind: "due", delayedKey: key });
      kit.run({ kind: "take-back", token: kit.grant().token, how: "lost" });
    }
    expect(kit.request(request)).toMatchObject({
      state: "failed",
      failure: { error: { code: "UNIT_KEEPS_DYING" } },
    });
    expect(left(kit)).toEqual([]);
  });

  test("a unit that was lost often waits, twice as long each time, before it puts another executor at risk", () => {
    const kit = SchedulerKit.withSteps([{ name: "top" }]);
    kit.submit();
    const waitsMs: number[] = [];
    for (let losses = 1; losses <= 5; losses++) {
      const { token } = kit.grant();
      const said = kit.said(() => kit.run({ kind: "take-back", token, how: "lost" }));
      const delayed = said.find((effect) => effect.kind === "delayed");
      waitsMs.push(delayed === undefined ? 0 : delayed.dueMs - kit.stampMs);
      if (delayed !== undefined) kit.run({ kind: "due", delayedKey: delayed.key });
    }
    expect(waitsMs).toEqual([0, 0, 1, 2, 4].map((times) => times * LOSS_WAIT_MS_MIN));
  });

  test("losses do not use up retries, and failures do not use up losses", () => {
    const kit = SchedulerKit.withSteps([{ name: "top", retries: 1 }]);
    const request = kit.submit();
    kit.run({ kind: "take-back", token: kit.grant().token, how: "lost" });
    kit.next(failed());
    kit.run({ kind: "due", delayedKey: kit.scan(prefixes.delayed)[0]?.[0] ?? "" });
    const { attempt } = kit.grant();
    expect(attempt).toMatchObject({ failures: 1, losses: 1 });
    expect(kit.request(request).state).toBe("running");
  });

  test("a released unit counts nowhere, however often", () => {
    const kit = SchedulerKit.withSteps([{ name: "top" }]);
    const request = kit.submit();
    for (let times = 0; times < 2 * BAD_END_PLACES.released; times++) {
      const { token } = kit.grant();
      kit.stampMs += RELEASE_MS_MIN;
      kit.end(token, { kind: "released", reason: `drain ${times}` });
    }
    const { token, attempt } = kit.grant();
    expect(attempt).toMatchObject({ failures: 0, losses: 0 });
    const ends = kit.scan(prefixes.badEndsOf(request)).map(([, row]) => row);
    expect(ends[0]).toMatchObject({ how: "released", error: { code: "UNIT_GIVEN_BACK" } });
    kit.end(token, reduced([]));
    expect(kit.request(request).state).toBe("succeeded");
  });

  test("a unit that is given back at once waits before it is granted again", () => {
    const kit = SchedulerKit.withSteps([{ name: "top" }]);
    kit.submit();
    kit.next({ kind: "released", reason: "no worker for the language" });
    expect(kit.scan(prefixes.queue)).toEqual([]);
    const [delayed] = kit.scan(prefixes.delayed);
    expect(delayed?.[1]).toMatchObject({ failures: 0, losses: 0 });
    kit.run({ kind: "due", delayedKey: delayed?.[0] ?? "" });
    expect(kit.grant().attempt).toMatchObject({ failures: 0, losses: 0 });
  });

  test("cancel ends the request, and ready work goes when it is come upon", () => {
    const kit = SchedulerKit.withSteps(low("fail"));
    const request = kit.submit();
    kit.next(mapped("low", 40));
    const { token } = kit.grant();
    expect(kit.run({ kind: "cancel", request })).toEqual({ kind: "ok" });
    expect(kit.run({ kind: "cancel", request })).toEqual({ kind: "ok" });
    expect(kit.request(request).state).toBe("cancelled");
    setAside(kit);
    kit.end(token, { kind: "released", reason: "cancelled" });
    expect(left(kit)).toEqual([]);
  });
});

describe("outcomes that do not fit", () => {
  test.each([
    ["too many parts", reduced([], []), "HANDLER_PROTOCOL"],
    ["no parts", reduced(), "HANDLER_PROTOCOL"],
    ["an unknown step", mapped("nowhere", 1), "HANDLER_STEP_UNKNOWN"],
  ])("%s: the attempt has failed", (_, outcome, code) => {
    const kit = SchedulerKit.withSteps([{ name: "top" }]);
    const request = kit.submit();
    kit.next(outcome);
    expect(kit.request(request)).toMatchObject({ state: "failed", failure: { error: { code } } });
  });

  test("a reduce unit neither maps nor combines", () => {
    for (const outcome of [
      mapped("low", 1),
      { kind: "combined", pairs: [], session: [], warnings: [] } as const,
    ]) {
      const kit = SchedulerKit.withSteps([{ name: "top" }, { name: "low" }]);
      const request = kit.submit();
      kit.next(mapped("low", 0));
      kit.next(outcome);
      expect(kit.request(request).failure?.error.code).toBe("HANDLER_PROTOCOL");
    }
  });

  test("a mapper that maps to itself for ever is stopped at the deepest level", () => {
    const kit = SchedulerKit.withSteps([{ name: "top" }]);
    const request = kit.submit();
    for (let level = 0; level <= PATH_LENGTH_MAX; level++) {
      expect(kit.request(request).state).not.toBe("failed");
      kit.next(mapped("top", 1));
    }
    expect(kit.request(request).failure?.error.code).toBe("HANDLER_TOO_DEEP");
  });
});
