import { expect, test } from "vitest";
import { keys } from "../../../src/scheduler/keys.ts";
import type { InvocationRow, Row } from "../../../src/scheduler/rows.ts";
import { FanInChecker } from "./fan-in-checker.ts";

const invocation = (state: InvocationRow["state"], childCount: number): InvocationRow => ({
  kind: "invocation",
  step: "a",
  state,
  childStep: "b",
  data: [],
  childCount,
  childDone: 0,
  session: [],
  reduceCount: 0,
  reduceDone: 0,
  failedPart: undefined,
});

/** Children of the root of request 1 that have ended. */
const ended = (...children: readonly number[]): readonly [string, Row] => {
  const stretches = children.map((first) => ({
    first,
    children: [{ data: [], startedAfterMs: 0, endedAfterMs: 1 }],
    failureCode: undefined,
    attempts: 1,
    node: "n1",
    grantedMs: 0,
  }));
  return [keys.block(1, [], 0), { kind: "block", stretches }];
};

const root = (state: InvocationRow["state"]): readonly [string, Row] => [
  keys.invocation(1, []),
  invocation(state, 2),
];

const reduce: readonly [string, Row] = [
  keys.attempt({ index: 9, ordinal: 0 }),
  {
    kind: "attempt",
    unit: { kind: "reduce", request: 1, path: [], part: 0 },
    open: 1,
    step: "a",
    node: "n1",
    executor: "n1-1",
    failures: 0,
    losses: 0,
    grantedMs: 0,
  },
];

/** Writes batch after batch. */
function watched(...batches: readonly (readonly (readonly [string, Row])[])[]): () => FanInChecker {
  return () => {
    const checker = new FanInChecker(1);
    for (const rows of batches) checker.written(new Map(rows));
    return checker;
  };
}

test("an invocation is reduced by what counts its last child", () => {
  expect(
    watched([root("children")], [ended(0)], [ended(0, 1), root("reducing")], [reduce]),
  ).not.toThrow();
  expect(watched([root("children")], [ended(0), root("reducing")])).toThrow(
    "is reduced after 1 of its 2 children",
  );
  expect(watched([root("children")], [ended(0, 1), root("children")])).toThrow(
    "and all 2 have ended",
  );
});

test("a reduce that is granted before the children have ended is found", () => {
  expect(watched([root("children")], [reduce])).toThrow("begins before its children");
});

test("what is not done is named when its request has succeeded", () => {
  const checker = watched([root("children")], [ended(0, 1), root("reducing")])();
  expect(checker.unfinished(() => false)).toBeUndefined();
  expect(checker.unfinished((request) => request === 1)).toMatch("in reducing");
  checker.written(new Map([root("done")]));
  expect(checker.unfinished(() => true)).toBeUndefined();
});
