import { describe, expect, test } from "vitest";
import { handlerNamed } from "../../test/lib/scheduler-values.ts";
import type { WorkflowDefinition, WrittenStep } from "../api/ports.ts";
import type { HandlerDefinition, PlanRow } from "../scheduler/rows.ts";
import { RETRIES_DEFAULT, TIMEOUT_MS_DEFAULT } from "../workflow/definition.ts";
import { planDefinition } from "./definitions.ts";
import { changedDefinitions, definitionsOf } from "./entities.ts";
import { stepEntities, stepViews } from "./views.ts";

const MAPPER: HandlerDefinition = { ...handlerNamed("count", "mapper"), retries: 7 };
const REDUCER: HandlerDefinition = {
  ...handlerNamed("sum", "reducer"),
  retries: 5,
  timeoutMs: 90_000,
};
const REST = { partitions: 1, onFailure: "fail", description: "" } as const;
const NOT_SAID = { retries: undefined, timeoutMs: undefined } as const;
const WRITTEN: WrittenStep = { map: "count", combine: null, reduce: "sum", ...REST, ...NOT_SAID };
const PLAN: PlanRow = {
  kind: "plan",
  handlers: [MAPPER, REDUCER],
  steps: [
    {
      name: "words",
      mapper: MAPPER,
      combiner: undefined,
      reducer: REDUCER,
      ...REST,
      ...NOT_SAID,
    },
  ],
  jobs: [],
  revisions: { handlers: [1, 1], steps: [1], jobs: [] },
};

function planned(words: WrittenStep, handlers: readonly HandlerDefinition[] = PLAN.handlers) {
  const definition: WorkflowDefinition = {
    workflow: "text",
    description: undefined,
    handlers: undefined,
    steps: { words },
    jobs: undefined,
    retention: undefined,
    weight: undefined,
  };
  const said = { description: "", retention: undefined, weight: 1 };
  const there = { plan: PLAN, ...said, created: false, force: false };
  return planDefinition({ definition, handlers, ...there });
}

describe("a step that says nothing of retries and timeout", () => {
  test("is shown with what its handlers say, or the defaults", () => {
    const inForce = { retries: 7, timeoutMs: 90_000 };
    expect(stepViews(PLAN)["words"]).toMatchObject(inForce);
    expect(stepEntities(PLAN)).toMatchObject([{ name: "words", revision: 1, ...inForce }]);
    const steps = PLAN.steps.map((step) => {
      const silent = {
        mapper: handlerNamed("count", "mapper"),
        reducer: handlerNamed("sum", "reducer"),
      };
      return { ...step, ...silent };
    });
    expect(stepViews({ ...PLAN, steps })["words"]).toMatchObject({
      retries: RETRIES_DEFAULT,
      timeoutMs: TIMEOUT_MS_DEFAULT,
    });
  });

  test("is no change when it is applied again, and a change when it says what was in force", () => {
    const again = planned(WRITTEN);
    expect([again.changes, again.report.differences]).toEqual([false, []]);
    const said = planned({ ...WRITTEN, retries: 7 });
    expect(said.report.differences).toEqual([
      {
        entity: "step",
        name: "words",
        change: "changed",
        fields: { retries: { before: null, after: 7 } },
      },
    ]);
  });

  test("stays silent when only its handlers change, or another step does", () => {
    const other = { ...MAPPER, handler: { ...MAPPER.handler, version: "another" }, retries: 8 };
    const synced = planned(WRITTEN, [other, REDUCER]);
    expect(synced.command.steps).toMatchObject([NOT_SAID]);
    expect(synced.report.differences).toEqual([
      {
        entity: "handler",
        name: "count",
        change: "changed",
        fields: {
          version: { before: "version of count", after: "another" },
          retries: { before: 7, after: 8 },
        },
      },
    ]);
    const lines = changedDefinitions(PLAN, {
      workflow: "text",
      revision: undefined,
      entity: "step",
      action: "create",
      name: "lines",
      value: { ...WRITTEN, retries: 2 },
    });
    expect(definitionsOf(PLAN).steps).toMatchObject([NOT_SAID]);
    expect(lines.steps).toMatchObject([
      { name: "words", ...NOT_SAID },
      { name: "lines", retries: 2, timeoutMs: undefined },
    ]);
  });
});

describe("a workflow's weight", () => {
  const definition: WorkflowDefinition = {
    workflow: "text",
    description: undefined,
    ...{ handlers: undefined, steps: undefined, jobs: undefined, retention: undefined },
    weight: undefined,
  };
  const there = { plan: PLAN, description: "", retention: undefined, weight: 4 };
  const plan = (weight: number | undefined) =>
    planDefinition({
      ...{ ...there, handlers: undefined, created: false, force: false },
      definition: { ...definition, weight },
    });

  test("stays when nothing is said of it, and is no change when it is said again", () => {
    for (const weight of [undefined, 4]) {
      const { changes, command, report } = plan(weight);
      expect([changes, command.weight, report.differences]).toEqual([false, 4, []]);
    }
  });

  test("is a change by itself, shown with what it was", () => {
    const { changes, command, report } = plan(9);
    expect([changes, command.weight]).toEqual([true, 9]);
    const fields = { weight: { before: 4, after: 9 } };
    expect(report.differences).toEqual([
      { entity: "workflow", name: "text", change: "changed", fields },
    ]);
  });
});
