import { describe, expect, test } from "vitest";
import { SchedulerKit } from "../../test/lib/scheduler-kit.ts";
import { failed, mapped, reduced, sketchDefinition } from "../../test/lib/scheduler-values.ts";
import { revisionOf } from "./apply-kit.ts";
import { attemptEventsOf, eventsOf, requestChange } from "./events.ts";
import { COMMAND_ORDINALS, keys } from "./keys.ts";
import type { Answer } from "./rows.ts";
import type { Token } from "./unit.ts";
import { type NodeOffer, whyText } from "./why.ts";

describe("events", () => {
  test("of several changes of one request the last is told, under its own number", () => {
    const kit = SchedulerKit.withSteps([{ name: "top" }, { name: "low" }]);
    const before = kit.effects.length;
    const first = kit.submit();
    const at = kit.effects.length - before;
    kit.next(mapped("low", 2));
    const second = kit.submit();
    const effects = kit.effects.slice(before);
    const spans = [
      { index: 7, ordinal: 0, end: at },
      { index: 7, ordinal: 3, end: effects.length - 2 },
      { index: 9, ordinal: 0, end: effects.length },
    ];
    const told = eventsOf(effects, spans).map(({ number, change }) => [
      number,
      change.kind === "request" && change.request,
    ]);
    expect(told).toEqual([
      [revisionOf({ index: 7, ordinal: 3 * COMMAND_ORDINALS }), first],
      [revisionOf({ index: 9, ordinal: 0 }), second],
    ]);
  });

  test("a change of state makes its number the revision; progress has a number, and leaves the revision", () => {
    const kit = SchedulerKit.withSteps([{ name: "top" }, { name: "low" }]);
    const told = (act: () => void) => {
      const effects = kit.said(act);
      const spans = [{ index: kit.index, ordinal: 0, end: effects.length }];
      return eventsOf(effects, spans).map(({ number, change }) => {
        if (change.kind !== "request") throw new Error("this is told of a request");
        const { state, revision } = change;
        return { number, state, revision };
      });
    };
    const [submitted] = told(() => kit.submit());
    expect(submitted).toMatchObject({ state: "queued", revision: submitted?.number });
    let granted: Token | undefined;
    const [begun] = told(() => {
      granted = kit.grant().token;
    });
    expect(begun).toMatchObject({ state: "running", revision: begun?.number });
    const [progress] = told(() => {
      if (granted !== undefined) kit.end(granted, mapped("low", 2));
    });
    expect(progress).toMatchObject({ state: "running", revision: begun?.number });
    expect(progress?.number).toBeGreaterThan(begun?.number ?? Infinity);
  });

  test("new definitions are told with their revision", () => {
    const kit = new SchedulerKit();
    kit.run({ kind: "create", group: 7, name: "flow", description: "", weight: 1 });
    const { sources, define } = sketchDefinition([{ name: "top" }]);
    for (const source of sources) kit.run(source);
    const answers: Answer[] = [];
    const effects = kit.said(() => answers.push(kit.run({ ...define, revision: 0 })));
    const [event] = eventsOf(effects, [{ index: kit.index, ordinal: 0, end: effects.length }]);
    const revision = event?.number;
    expect(event?.change).toEqual({ kind: "defined", revision });
    expect(answers).toEqual([{ kind: "revision", revision }]);
  });

  test("attempts are told of requests that are followed, each under a number of its own", () => {
    const kit = SchedulerKit.withSteps([{ name: "top" }, { name: "low" }]);
    const request = kit.submit();
    const other = kit.submit();
    const before = kit.effects.length;
    kit.next(mapped("low", 2));
    const effects = kit.effects.slice(before);
    const spans = [{ index: 7, ordinal: 1, end: effects.length }];
    const told = attemptEventsOf(effects, spans, (one) => one === request);
    expect(told.map(({ change }) => change)).toMatchObject([
      { kind: "attempt", how: "granted", step: "top", unit: { path: [] } },
      { kind: "attempt", how: "done", step: "top", unit: { path: [] } },
    ]);
    const first = revisionOf({ index: 7, ordinal: COMMAND_ORDINALS });
    expect(told.map(({ number }) => number - first)).toEqual([0, 1]);
    expect(attemptEventsOf(effects, spans, (one) => one === other)).toEqual([]);
  });

  test("the end of a request is told with its progress, and its removal", () => {
    const kit = SchedulerKit.withSteps([{ name: "top" }]);
    const request = kit.submit();
    kit.next(reduced([]));
    const row = kit.request(request);
    expect(requestChange(request, row)).toMatchObject({
      state: "succeeded",
      endedMs: kit.stampMs,
      steps: [{ step: "top", total: 1, done: 1, failed: 0 }],
    });
    const effects = kit.said(() => kit.run({ kind: "remove", request, expired: false }));
    const events = eventsOf(effects, [{ index: 1, ordinal: 0, end: effects.length }]);
    expect(events.map(({ change }) => change)).toEqual([{ kind: "removed", request }]);
  });
});

describe("why", () => {
  const kit = SchedulerKit.withSteps([{ name: "top", onFailure: "pause" }]);
  const running = kit.request(kit.submit());
  const nothing = {
    ...{ granted: [], ready: new Map<string, number>(), delayedMs: [] },
    ...{ givenBack: undefined, lastBad: undefined, lookedAt: undefined },
  };
  const node: NodeOffer = { name: "node-1", state: "up", capabilities: ["gpu"], slots: 4 };
  const plain: NodeOffer = { name: "node-2", state: "up", capabilities: [], slots: 8 };
  const many = Array.from({ length: 7 }, (_, at): NodeOffer => {
    return { ...node, name: `far-${at}`, state: "down" };
  });
  const ready = (capability: string, count: number) => ({
    ...nothing,
    ready: new Map([[capability, count]]),
  });

  test.each([
    [nothing, [node], "Its next step is just being decided."],
    [
      { ...nothing, granted: ["node-2", "node-1", "node-2"] },
      [node],
      "3 units are granted to node-1, node-2.",
    ],
    [
      ready("licence-x", 1),
      [node],
      "1 unit waits for the capability licence-x, which no node that takes work offers.",
    ],
    [
      ready("gpu", 2),
      [node, plain],
      "2 units wait for a free slot on a node with the capability gpu (4 in all).",
    ],
    [ready("none", 1), [node], "1 unit waits for a free slot (4 in all)."],
    [
      ready("none", 1),
      [{ ...plain, slots: 0 }],
      "1 unit waits for a slot, and no node that takes work and is able has one.",
    ],
    [
      ready("gpu", 1),
      [{ ...node, state: "drained" }, plain],
      "1 unit waits for the capability gpu, which no node that takes work offers (node-1 is drained).",
    ],
    [
      ready("gpu", 1),
      [
        { ...node, state: "removing" },
        { ...node, name: "node-3" },
        { ...node, name: "node-4", state: "down" },
      ],
      "1 unit waits for a free slot on a node with the capability gpu (4 in all; node-1 is being removed, node-4 is down).",
    ],
    [
      ready("none", 2),
      [{ ...node, state: "drained" }],
      "2 units wait for a slot, and no node that takes work and is able has one (node-1 is drained).",
    ],
    [
      ready("gpu", 1),
      many,
      "1 unit waits for the capability gpu, which no node that takes work offers (far-0 is down, far-1 is down, far-2 is down, far-3 is down, far-4 is down, 2 more take no work).",
    ],
    [
      { ...nothing, lookedAt: 10_000 },
      [node],
      "It has nothing among the first 10000 rows of its workflow's work: it waits behind them, or its next step is just being decided.",
    ],
    [
      { ...nothing, granted: ["node-1"], lookedAt: 10_000 },
      [node],
      "1 unit is granted to node-1; more of its units may wait behind the first 10000 rows of its workflow's work, which are all that was looked at.",
    ],
    [
      { ...nothing, granted: ["node-1"], delayedMs: [120_000, 60_000] },
      [node],
      "1 unit is granted to node-1; 2 units that did not end well wait to be tried again, the first at 1970-01-01T00:01:00.000Z.",
    ],
    [
      {
        ...nothing,
        granted: ["node-1"],
        givenBack: { count: 3, lastReason: "no node that is up has the run.\nmore" },
      },
      [node],
      "1 unit is granted to node-1; such units were given back 3 times, the last time since no node that is up has the run.",
    ],
  ] satisfies [unknown, NodeOffer[], string][])("%j is told", (seen, nodes, sentence) => {
    expect(whyText(running, seen, nodes)).toBe(sentence);
  });

  test("when and where the last bad end was, and how its worker ended, is told of who goes on or has failed", () => {
    const own = SchedulerKit.withSteps([{ name: "top", retries: 1 }]);
    const request = own.submit();
    own.stampMs = 1000;
    const { token } = own.grant();
    own.stampMs = 9000;
    const crashed = { ...failed("it ended"), exit: { kind: "code", code: 3 } } as const;
    own.end(token, crashed, { tookMs: 4000, agoMs: 1000 });
    const row = own.rows.get(keys.badEnd(request, "retried", 0));
    if (row?.kind !== "history") throw new Error("the bad end has a row");
    const seen = { ...nothing, lastBad: { row, nodeName: "node-1" } };
    const told =
      "; the last attempt that failed or was lost was granted to node-1 at 1970-01-01T00:00:01.000Z, " +
      "ran from 1970-01-01T00:00:04.000Z to 1970-01-01T00:00:08.000Z and failed, and its worker ended with code 3.";
    expect(whyText(running, { ...seen, granted: ["n"] }, [])).toBe(`1 unit is granted to n${told}`);
    const failure = { error: crashed.error, unit: undefined };
    expect(whyText({ ...running, state: "failed", failure }, seen, [])).toBe(
      `It has failed: it ended (HANDLER_FAILED)${told}`,
    );
    const lost = { ...row, how: "lost", startedMs: undefined, exit: undefined } as const;
    expect(
      whyText(running, { ...nothing, lastBad: { row: lost, nodeName: "node-1" } }, []),
    ).toContain(
      "at 1970-01-01T00:00:01.000Z, was lost at 1970-01-01T00:00:08.000Z, and when it began is not known.",
    );
  });

  test("a paused and a failed request name the failure, an ended one its end", () => {
    kit.end(kit.grant().token, failed("no good.\nmore"));
    const [row] = kit.scan("r/").flatMap(([, one]) => (one.kind === "request" ? [one] : []));
    expect(row?.state).toBe("paused");
    if (row === undefined) return;
    expect(whyText(row, nothing, [])).toBe(
      "It is paused until somebody resumes it, since a unit has failed: no good (HANDLER_FAILED).",
    );
    expect(whyText({ ...row, state: "failed" }, nothing, [])).toContain(
      "no good (HANDLER_FAILED).",
    );
    expect(whyText({ ...row, state: "succeeded" }, nothing, [])).toBe("It has succeeded.");
    expect(whyText({ ...row, state: "cancelled" }, nothing, [])).toBe("Somebody has cancelled it.");
  });
});
