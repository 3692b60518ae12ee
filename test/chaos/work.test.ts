/** The checks of a run can fail: each finds what it is there for. */
import { expect, test } from "vitest";
import { Chance } from "../sim/chance.ts";
import { attemptProblems, drawWork, endProblems, resultOf, type Work } from "./work.ts";

const WORK: Work = { workflow: "chaos_one", salt: 4, leaves: 2, pauseMs: 0 };
const VIEW = {
  request: "chaos_one.1",
  state: "succeeded",
  error: null,
  result: {
    pairs: [
      ["k1", 1],
      ["k2", 5],
    ],
  },
  steps: {
    spread: { total: 1, done: 1, failed: 0 },
    leaves: { total: 2, done: 2, failed: 0 },
  },
} as const;
const unit = (invocation: string, phase: "map" | "reduce") => {
  return {
    invocation,
    phase,
    part: phase === "map" ? null : 0,
    state: "done",
    error: null,
  } as const;
};
const ATTEMPTS = [unit("r", "map"), unit("r.0", "map"), unit("r.1", "map"), unit("r.r", "reduce")];
const of = { work: WORK, mayLose: false };

test("the right result is the sum of the leaves' numbers by their keys", () => {
  expect([...resultOf({ ...WORK, leaves: 4 })]).toEqual([
    ["k1", 1 + 13],
    ["k2", 5],
    ["k0", 9],
  ]);
});

test("a request with the right result and every unit done once is well", () => {
  expect(endProblems(WORK, VIEW)).toEqual([]);
  expect(attemptProblems("r", ATTEMPTS, of)).toEqual([]);
});

test.each([
  ["that failed", { ...VIEW, state: "failed" }],
  [
    "with a wrong sum",
    {
      ...VIEW,
      result: {
        pairs: [
          ["k1", 1],
          ["k2", 6],
        ],
      },
    },
  ],
  ["with a key too few", { ...VIEW, result: { pairs: [["k1", 1]] } }],
  ["without its result", { ...VIEW, result: null }],
  [
    "that counts a leaf twice",
    { ...VIEW, steps: { ...VIEW.steps, leaves: { total: 2, done: 3, failed: 0 } } },
  ],
] as const)("a request %s is found", (_, view) => {
  expect(endProblems(WORK, view)).toHaveLength(1);
});

test("a second completion of a unit is found, also beside all the others", () => {
  expect(attemptProblems("r", [...ATTEMPTS, unit("r.1", "map")], of)).toEqual([
    "r.1 map has two committed completions",
  ]);
});

test("a unit that nobody has done is found", () => {
  expect(attemptProblems("r", ATTEMPTS.slice(1), of)).toEqual(["r has 3 units done of 4"]);
});

test("an attempt that failed is always found, one that was lost only where nodes do not die", () => {
  const failed = { ...unit("r.1", "map"), state: "failed" } as const;
  const lost = { ...unit("r.1", "map"), state: "lost" } as const;
  const calm = attemptProblems("r", [failed, lost, ...ATTEMPTS], of);
  expect(calm).toEqual(["r.1 map has a failed attempt: no reason", "r.1 map has a lost attempt"]);
  const stormy = attemptProblems("r", [failed, lost, ...ATTEMPTS], { ...of, mayLose: true });
  expect(stormy).toEqual(["r.1 map has a failed attempt: no reason"]);
});

test("the same seed draws the same work, another one other work", () => {
  const drawn = (seed: number) => {
    const chance = Chance.of(seed, "client 0");
    return Array.from({ length: 20 }, () => drawWork(chance));
  };
  expect(drawn(7)).toEqual(drawn(7));
  expect(drawn(7)).not.toEqual(drawn(8));
});
