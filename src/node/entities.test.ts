import { expect, test } from "vitest";
import { handlerNamed } from "../../test/lib/scheduler-values.ts";
import type { EntityChange } from "../api/ports.ts";
import type { PlanRow } from "../scheduler/rows.ts";
import { differencesOf } from "./differences.ts";
import { changedDefinitions, definitionsOf } from "./entities.ts";

const MAPPER = handlerNamed("count", "mapper");
const REDUCER = handlerNamed("sum", "reducer");
const PLAN: PlanRow = {
  kind: "plan",
  handlers: [MAPPER, REDUCER, handlerNamed("spare", "reducer")],
  steps: ["words", "lines"].map((name) => ({
    name,
    description: "",
    mapper: MAPPER,
    combiner: undefined,
    reducer: REDUCER,
    partitions: 1,
    retries: 3,
    timeoutMs: 1000,
    onFailure: "fail",
  })),
  jobs: [{ name: "wordcount", step: "words", description: "" }],
  revisions: { handlers: [11, 12, 13], steps: [21, 22], jobs: [31] },
};
const STEP = {
  map: "count",
  combine: null,
  reduce: "sum",
  partitions: 1,
  retries: 9,
  timeoutMs: 1000,
  onFailure: "fail",
  description: "",
} as const;
const PLACE = { workflow: "text", revision: undefined } as const;

test("a step that is made comes last, and one that is changed keeps its place", () => {
  const make: EntityChange = {
    ...PLACE,
    entity: "step",
    action: "create",
    name: "more",
    value: STEP,
  };
  expect(changedDefinitions(PLAN, make).steps.map(({ name }) => name)).toEqual([
    "words",
    "lines",
    "more",
  ]);
  const change = { ...make, action: "update", name: "words" } as const;
  expect(
    changedDefinitions(PLAN, change).steps.map(({ name, retries }) => [name, retries]),
  ).toEqual([
    ["words", 9],
    ["lines", 3],
  ]);
  const rest = { handlers: PLAN.handlers, jobs: PLAN.jobs };
  expect(changedDefinitions(PLAN, change)).toMatchObject(rest);
});

const refused: readonly (readonly [string, EntityChange])[] = [
  ["STEP_EXISTS", { ...PLACE, entity: "step", action: "create", name: "words", value: STEP }],
  ["STEP_UNKNOWN", { ...PLACE, entity: "step", action: "update", name: "none", value: STEP }],
  ["STEP_UNKNOWN", { ...PLACE, entity: "step", action: "delete", name: "none" }],
  ["STEP_IN_USE", { ...PLACE, entity: "step", action: "delete", name: "words" }],
  ["JOB_UNKNOWN", { ...PLACE, entity: "job", action: "delete", name: "none" }],
  [
    "JOB_EXISTS",
    {
      ...PLACE,
      entity: "job",
      action: "create",
      name: "wordcount",
      value: { step: "words", description: "" },
    },
  ],
  ["HANDLER_UNKNOWN", { ...PLACE, entity: "handler", action: "delete", name: "none" }],
  ["HANDLER_IN_USE", { ...PLACE, entity: "handler", action: "delete", name: "sum" }],
  ["REVISION_CHANGED", { ...PLACE, entity: "step", action: "delete", name: "lines", revision: 21 }],
];
test.each(refused)("%s is refused", (code, change) => {
  expect(() => changedDefinitions(PLAN, change)).toThrow(expect.objectContaining({ code }));
});

test("what nothing uses can go, at the revision that was seen", () => {
  const without = (entity: "step" | "handler", name: string, revision: number) =>
    changedDefinitions(PLAN, { ...PLACE, entity, action: "delete", name, revision });
  expect(without("step", "lines", 22).steps.map(({ name }) => name)).toEqual(["words"]);
  const names = without("handler", "spare", 13).handlers.map((one) => one.handler.name);
  expect(names).toEqual(["count", "sum"]);
  const job = { ...PLACE, entity: "job", action: "delete", name: "wordcount" } as const;
  expect(changedDefinitions(PLAN, job).jobs).toEqual([]);
});

test("differences name what was added, removed and changed, field by field", () => {
  const before = { description: "old", retention: undefined, weight: 1, ...definitionsOf(PLAN) };
  const after = {
    ...before,
    description: "new",
    handlers: [MAPPER, REDUCER],
    steps: before.steps.map((step) =>
      step.name === "words" ? { ...step, retries: 5, combine: "spare" } : step,
    ),
    jobs: [...before.jobs, { name: "second", step: "lines", description: "" }],
  };
  const about = { workflow: "text", created: false };
  expect(differencesOf(before, after, about)).toEqual([
    {
      entity: "workflow",
      name: "text",
      change: "changed",
      fields: { description: { before: "old", after: "new" } },
    },
    { entity: "handler", name: "spare", change: "removed", fields: {} },
    {
      entity: "step",
      name: "words",
      change: "changed",
      fields: {
        combine: { before: null, after: "spare" },
        retries: { before: 3, after: 5 },
      },
    },
    { entity: "job", name: "second", change: "added", fields: {} },
  ]);
  expect(differencesOf(before, before, about)).toEqual([]);
});
