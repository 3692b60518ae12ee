import { describe, expect, test } from "vitest";
import { SchedulerKit } from "../../test/lib/scheduler-kit.ts";
import { failed, mapped, reduced, textData } from "../../test/lib/scheduler-values.ts";
import { LOSSES_MAX, RELEASE_MS_MIN } from "./apply-attempt.ts";
import { BAD_END_PLACES, forgottenBadEnds, newestBadEnds } from "./attempt-record.ts";
import { resultsOf } from "./block-row.ts";
import { keys, prefixes } from "./keys.ts";
import type { HistoryRow } from "./rows.ts";
import { type Outcome, RUN_MS_MAX } from "./work.ts";

/** Granted at 1000; the end is noted at 9000. */
function granted(retries = 3) {
  const kit = SchedulerKit.withSteps([{ name: "top", retries }, { name: "low" }]);
  const request = kit.submit();
  kit.stampMs = 1000;
  const { token } = kit.grant();
  kit.stampMs = 9000;
  return { kit, request, token };
}

function badEnd(kit: SchedulerKit, request: number): HistoryRow {
  const [row] = badEnds(kit, request);
  if (row === undefined) throw new Error("a bad end has a row");
  return row;
}

function badEnds(kit: SchedulerKit, request: number): readonly HistoryRow[] {
  return kit
    .scan(prefixes.badEndsOf(request))
    .flatMap(([, row]) => (row.kind === "history" ? [row] : []));
}

function messages(kit: SchedulerKit, request: number, how: HistoryRow["how"]): Set<string> {
  const rows = badEnds(kit, request).filter((row) => row.how === how);
  return new Set(rows.map(({ error }) => error?.message ?? ""));
}

/** From `from` up to but not including `to`, each after a word. */
function numbered(word: string, from: number, to: number): Set<string> {
  return new Set(Array.from({ length: to - from }, (_, at) => `${word} ${from + at}`));
}

/** Ends what is at the head of the queue; a unit that fails is due again at once. */
function endNext(kit: SchedulerKit, outcome: Outcome): void {
  const { token } = kit.grant();
  kit.stampMs += RELEASE_MS_MIN;
  kit.end(token, outcome);
  for (const [delayedKey] of kit.scan(prefixes.delayed)) kit.run({ kind: "due", delayedKey });
}

test("an attempt ran when its executor says, reckoned back from the moment at which that is noted", () => {
  const { kit, request, token } = granted();
  kit.end(token, failed(), { tookMs: 4000, agoMs: 1500 });
  const times = { grantedMs: 1000, startedMs: 3500, endedMs: 7500 };
  expect(badEnd(kit, request)).toMatchObject({ how: "failed", ...times, exit: undefined });
});

test.each([
  [
    { tookMs: RUN_MS_MAX, agoMs: 1000 },
    { startedMs: 1000, endedMs: 8000 },
  ],
  [
    { tookMs: 5, agoMs: RUN_MS_MAX },
    { startedMs: 1000, endedMs: 1000 },
  ],
])("an executor that says %o is not believed to have begun before the grant", (run, times) => {
  const { kit, request, token } = granted();
  kit.end(token, failed(), run);
  expect(badEnd(kit, request)).toMatchObject({ grantedMs: 1000, ...times });
});

test("an end that is noted under an earlier stamp than the grant is not before it", () => {
  const { kit, request, token } = granted();
  kit.stampMs = 400;
  kit.end(token, failed(), { tookMs: 4000, agoMs: 1500 });
  const times = { grantedMs: 1000, startedMs: 1000, endedMs: 1000 };
  expect(badEnd(kit, request)).toMatchObject(times);
});

test("of an attempt that no worker took, or that was lost, no beginning is told", () => {
  const given = granted();
  given.kit.end(given.token, { kind: "released", reason: "drain" });
  const unknown = { startedMs: undefined, endedMs: 9000, exit: undefined };
  expect(badEnd(given.kit, given.request)).toMatchObject({ how: "released", ...unknown });
  const lost = granted();
  lost.kit.run({ kind: "take-back", token: lost.token, how: "lost" });
  expect(badEnd(lost.kit, lost.request)).toMatchObject({ how: "lost", ...unknown });
});

test("how its worker ended is kept with an attempt that failed or was given back", () => {
  const crashed = granted();
  crashed.kit.end(crashed.token, { ...failed(), exit: { kind: "code", code: 3 } });
  expect(badEnd(crashed.kit, crashed.request).exit).toEqual({ kind: "code", code: 3 });
  const given = granted();
  const exit = { kind: "signal", signal: "SIGKILL" } as const;
  given.kit.end(given.token, { kind: "released", reason: "drain", exit });
  expect(badEnd(given.kit, given.request).exit).toEqual(exit);
});

test("leaves in a block and attempts that printed have their own times", () => {
  const { kit, request, token } = granted();
  kit.end(token, mapped("low", 2), { tookMs: 100, agoMs: 0 });
  const [done] = kit.scan(prefixes.historyOf(request)).map(([, row]) => row);
  expect(done).toMatchObject({ how: "done", startedMs: 8900, endedMs: 9000 });
  const [first, second] = [kit.grant().token, kit.grant().token];
  kit.stampMs = 10_000;
  const printed = { stdout: "said", stderr: "" };
  kit.end(first, { ...reduced(textData("x")), printed }, { tookMs: 300, agoMs: 200 });
  kit.end(second, reduced(textData("y")), { tookMs: 50, agoMs: 10 });
  const times = { grantedMs: 9000, startedMs: 9500, endedMs: 9800 };
  const [row] = kit.scan(prefixes.printedOf(request)).map(([, one]) => one);
  expect(row).toMatchObject({ kind: "printed", ...times });
  const block = kit.rows.get(keys.block(request, [], 0));
  expect(block?.kind === "block" && resultsOf(block)).toMatchObject([
    { child: 0, ...times },
    { child: 1, grantedMs: 9000, startedMs: 9940, endedMs: 9990 },
  ]);
});

describe("what is kept of bad ends", () => {
  test("a unit that is given back for days drives out neither a failure nor a loss", () => {
    const kit = SchedulerKit.withSteps([{ name: "top", retries: 1 }]);
    const request = kit.submit();
    kit.run({ kind: "take-back", token: kit.grant().token, how: "lost" });
    endNext(kit, failed("the one failure"));
    const often = BAD_END_PLACES.final + BAD_END_PLACES.retried + BAD_END_PLACES.released;
    for (let time = 0; time < often; time++) {
      endNext(kit, { kind: "released", reason: `drain ${time}` });
    }
    expect(messages(kit, request, "failed")).toEqual(new Set(["the one failure"]));
    expect(messages(kit, request, "lost").size).toBe(1);
    const newest = numbered("drain", often - BAD_END_PLACES.released, often);
    expect(messages(kit, request, "released")).toEqual(newest);
    expect(forgottenBadEnds(kit.request(request))).toBe(often - BAD_END_PLACES.released);
  });

  test("why a unit failed for good outlives any number of failures that were tried again", () => {
    const often = BAD_END_PLACES.retried + 30;
    const kit = SchedulerKit.withSteps([
      { name: "top" },
      { name: "low", onFailure: "skip", retries: 1 },
    ]);
    const request = kit.submit();
    kit.next(mapped("low", 1 + often));
    endNext(kit, failed("first try"));
    endNext(kit, failed("for good"));
    for (let child = 0; child < often; child++) {
      endNext(kit, failed(`passing ${child}`));
      endNext(kit, reduced([]));
    }
    const kept = messages(kit, request, "failed");
    expect(kept).toEqual(new Set(["for good", ...numbered("passing", 30, often)]));
    // The first try of the child that failed, and the oldest of the others.
    expect(forgottenBadEnds(kit.request(request))).toBe(1 + 30);
  });

  test("of many units that fail for good the newest are kept, and no more rows than there are places", () => {
    const often = BAD_END_PLACES.final + 5;
    const kit = SchedulerKit.withSteps([{ name: "top" }, { name: "low", onFailure: "skip" }]);
    const request = kit.submit();
    kit.next(mapped("low", often));
    for (let child = 0; child < often; child++) endNext(kit, failed(`child ${child}`));
    expect(messages(kit, request, "failed")).toEqual(numbered("child", 5, often));
    expect(badEnds(kit, request)).toHaveLength(BAD_END_PLACES.final);
    expect(forgottenBadEnds(kit.request(request))).toBe(5);
  });

  test("the newest of each kind is found under a key of its own, without looking at the others", () => {
    const kit = SchedulerKit.withSteps([
      { name: "top" },
      { name: "low", onFailure: "skip", retries: 1 },
    ]);
    const request = kit.submit();
    expect(newestBadEnds(request, kit.request(request))).toEqual([]);
    kit.next(mapped("low", 2));
    endNext(kit, failed("try"));
    endNext(kit, failed("for good"));
    for (let time = 0; time <= BAD_END_PLACES.released; time++) {
      endNext(kit, { kind: "released", reason: `drain ${time}` });
    }
    const found = newestBadEnds(request, kit.request(request)).map((key) => kit.rows.get(key));
    expect(found).toMatchObject([
      { how: "failed", error: { message: "for good" } },
      { how: "failed", error: { message: "try" } },
      { how: "released", error: { message: `drain ${BAD_END_PLACES.released}` } },
    ]);
  });

  test("the loss after which a unit is given up is kept as what was for good", () => {
    const kit = SchedulerKit.withSteps([{ name: "top" }]);
    const request = kit.submit();
    for (let loss = 0; loss <= LOSSES_MAX; loss++) {
      kit.run({ kind: "take-back", token: kit.grant().token, how: "lost" });
      for (const [delayedKey] of kit.scan(prefixes.delayed)) kit.run({ kind: "due", delayedKey });
    }
    expect(kit.request(request)).toMatchObject({
      state: "failed",
      badEnds: { final: 1, retried: LOSSES_MAX, released: 0 },
    });
  });
});
