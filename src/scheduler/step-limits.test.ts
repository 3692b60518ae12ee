import { describe, expect, test } from "vitest";
import { SchedulerKit } from "../../test/lib/scheduler-kit.ts";
import { failed, sketchDefinition } from "../../test/lib/scheduler-values.ts";
import { assert } from "../std/assert.ts";
import { RETRIES_DEFAULT, TIMEOUT_MS_DEFAULT } from "../workflow/definition.ts";
import { keys, prefixes } from "./keys.ts";
import type { HandlerDefinition, StepDefinition } from "./rows.ts";
import { retriesOf, timeoutMsOf } from "./step-limits.ts";

type Said = Partial<Pick<StepDefinition, "retries" | "timeoutMs">>;

const { define, sources } = sketchDefinition([{ name: "top" }]);

/** The definitions of a step `top` and its handlers `map_top` and `reduce_top` that say these things. */
function saying(said: { readonly step?: Said; readonly map?: Said; readonly reduce?: Said }) {
  const { step = {}, map = {}, reduce = {} } = said;
  const handlers = define.handlers.map((one) => ({
    ...one,
    ...(one.handler.type === "mapper" ? map : reduce),
  }));
  const steps = define.steps.map((one) => ({
    ...one,
    retries: undefined,
    timeoutMs: undefined,
    ...step,
  }));
  return { ...define, handlers, steps };
}

/** A workflow with these definitions, and a way to replace them. */
function flow(first: ReturnType<typeof saying>) {
  const kit = new SchedulerKit();
  kit.run({ kind: "create", group: 7, name: "flow", description: "", weight: 1 });
  for (const source of sources) kit.run(source);
  let revision = 0;
  const redefine = (next: ReturnType<typeof saying>): StepDefinition => {
    const answer = kit.run({ ...next, revision });
    assert(answer.kind === "revision", "the definitions are in order");
    revision = answer.revision;
    const plan = kit.rows.get(keys.plan(revision));
    const step = plan?.kind === "plan" ? plan.steps[0] : undefined;
    assert(step !== undefined, "the plan has the step");
    return step;
  };
  return { kit, redefine, step: redefine(first) };
}

describe("what is in force", () => {
  test("a step's own word goes before its handlers', each for itself", () => {
    const map = { retries: 9, timeoutMs: 90_000 };
    const { step } = flow(saying({ step: { retries: 0 }, map }));
    expect([retriesOf(step), timeoutMsOf(step)]).toEqual([0, 90_000]);
  });

  test("of what handlers say the largest counts, and a combiner is one of them", () => {
    const { step } = flow(
      saying({ map: { retries: 1, timeoutMs: 90_000 }, reduce: { retries: 4, timeoutMs: 30_000 } }),
    );
    expect([retriesOf(step), timeoutMsOf(step)]).toEqual([4, 90_000]);
    const combiner: HandlerDefinition = { ...step.mapper, retries: 6, timeoutMs: 95_000 };
    const combining = { ...step, combiner };
    expect([retriesOf(combining), timeoutMsOf(combining)]).toEqual([6, 95_000]);
  });

  test("a handler may say less than the defaults", () => {
    const { step } = flow(saying({ reduce: { retries: 0, timeoutMs: 1 } }));
    expect([retriesOf(step), timeoutMsOf(step)]).toEqual([0, 1]);
  });

  test("where nobody says anything the defaults count", () => {
    const { step } = flow(saying({}));
    expect([retriesOf(step), timeoutMsOf(step)]).toEqual([RETRIES_DEFAULT, TIMEOUT_MS_DEFAULT]);
  });
});

describe("requests", () => {
  test("a unit fails its request after as many retries as its handler says", () => {
    const { kit } = flow(saying({ map: { retries: 1 } }));
    const request = kit.submit();
    kit.next(failed());
    expect(kit.request(request).state).toBe("running");
    kit.run({ kind: "due", delayedKey: kit.scan(prefixes.delayed)[0]?.[0] ?? "" });
    kit.next(failed());
    expect(kit.request(request).state).toBe("failed");
  });

  test("handlers that are synced later count for requests that begin later", () => {
    const { kit, redefine } = flow(saying({ map: { retries: 0, timeoutMs: 10_000 } }));
    const older = kit.submit();
    redefine(saying({ map: { retries: 2, timeoutMs: 20_000 } }));
    const newer = kit.submit();
    for (const [request, timeoutMs, state] of [
      [older, 10_000, "failed"],
      [newer, 20_000, "running"],
    ] as const) {
      const { work, token } = kit.grant();
      expect(work?.timeoutMs).toBe(timeoutMs);
      kit.end(token, failed());
      expect(kit.request(request).state).toBe(state);
    }
  });

  test("a handler that says something else is no other step, and does not take its revision", () => {
    const { kit, redefine } = flow(saying({ map: { retries: 0 } }));
    const revisions = () =>
      kit
        .scan("")
        .flatMap(([, row]) => (row.kind === "plan" ? [row.revisions] : []))
        .at(-1);
    const before = revisions();
    redefine(saying({ map: { retries: 1 } }));
    expect(revisions()?.steps).toEqual(before?.steps);
    expect(revisions()?.handlers[0]).not.toBe(before?.handlers[0]);
    redefine(saying({ step: { retries: 1 }, map: { retries: 1 } }));
    expect(revisions()?.steps).not.toEqual(before?.steps);
  });
});
