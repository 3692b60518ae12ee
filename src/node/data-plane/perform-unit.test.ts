/** What a unit's handlers are told of it. */
import { expect, test } from "vitest";
import type { WorkContext } from "../../handlers/work-context.ts";
import type { Work, WorkEnd } from "../../wire/dataset.ts";
import { outcomeOfFault, performUnit } from "./perform-unit.ts";

const WORK: Work = {
  ...{ kind: "map", combiner: undefined, reducer: undefined, reducerCapability: "none" },
  mapper: {
    ...{ name: "box.container", version: "00", language: "container", type: "mapper" },
    ...{ argumentType: null, memoryBytes: undefined },
  },
  ...{ input: [], parts: 1, keepYieldOrder: false, timeoutMs: 1_000 },
};

const CONTEXT: WorkContext = {
  ...{ group: 1, weight: 1, isSpare: false, signal: new AbortController().signal },
  inputs: () => Promise.resolve(undefined),
  source: () => Promise.resolve(""),
  names: { request: "r", invocation: "r.0", step: "box" },
};

/** The names that the handlers of a unit get. */
async function namesOf(work: Work): Promise<WorkContext["names"] | undefined> {
  let names: WorkContext["names"] | undefined;
  const never = (): never => {
    throw new Error("there are no objects");
  };
  const end: WorkEnd = {
    outcome: { kind: "released", reason: "" },
    ...{ ranMs: 0, storedMs: 0, run: { tookMs: 0, agoMs: 0 } },
  };
  const run = (_work: Work, context: WorkContext): Promise<WorkEnd> => {
    names = context.names;
    return Promise.resolve(end);
  };
  const clock = { nowMs: () => 0 };
  await performUnit(work, CONTEXT, {
    runner: { run },
    objects: { list: never, bring: never },
    clock,
  });
  return names;
}

test("a container is told that its own step has made its input, and only then", async () => {
  expect(await namesOf(WORK)).toEqual(CONTEXT.names);
  expect(await namesOf({ ...WORK, fromOwnStep: true })).toEqual({
    ...CONTEXT.names,
    fromOwnStep: true,
  });
});

test("a unit is given back only for what another node may not have: what lasts fails it", () => {
  const kindOf = (code: string) => outcomeOfFault({ code, message: "", details: {} }).kind;
  const codes = ["OBJECT_NO_ROOM", "FS_STOPPED", "OBJECT_NO_PROGRAM", "OBJECT_DAMAGED"];
  expect(codes.map(kindOf)).toEqual(["released", "released", "failed", "failed"]);
});
