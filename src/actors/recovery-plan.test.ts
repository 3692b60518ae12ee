import { expect, test } from "vitest";
import type { Membership } from "./ports.ts";
import { EPOCH_STEP, judgeLoss, nextEpoch, type Survivor } from "./recovery-plan.ts";

/** A group whose replicas 1, 2, ... are on the nodes `a`, `b`, ... */
function group(
  voters: readonly number[],
  learners: readonly number[] = [],
  outgoing = "",
): Membership {
  const ids = [...voters, ...learners, ...[...outgoing].map(Number)];
  const places = [...new Set(ids)].map((replica) => ({
    replica,
    node: String.fromCharCode(96 + replica),
    storeId: "s",
  }));
  return {
    configuration: {
      voters,
      votersOutgoing: [...outgoing].map(Number),
      learners,
      learnersNext: [],
      autoLeave: false,
    },
    places,
    nextReplica: Math.max(...ids) + 1,
  };
}

function left(
  replica: number,
  membership: Membership,
  log: Partial<Pick<Survivor, "lastIndex" | "lastTerm" | "term" | "appliedIndex">> = {},
): Survivor {
  const node = String.fromCharCode(96 + replica);
  const stands = { term: 5, lastIndex: 10, lastTerm: 5, appliedIndex: 9, ...log };
  return { node, replica, membership, ...stands };
}

test("one of three is left: it goes on, and the other two are lost", () => {
  const three = group([1, 2, 3]);
  const judged = judgeLoss([left(2, three)]);
  expect(judged).toMatchObject({
    kind: "lost",
    newest: { node: "b" },
    lost: [
      { node: "a", replica: 1, votes: true },
      { node: "c", replica: 3, votes: true },
    ],
  });
});

test("a learner goes on where nobody else is left", () => {
  expect(judgeLoss([left(2, group([1], [2]))])).toMatchObject({
    newest: { node: "b" },
    lost: [{ node: "a", replica: 1, votes: true }],
  });
});

test.each([
  ["a higher last term before a longer log", { lastTerm: 6, lastIndex: 8 }, { lastIndex: 99 }, "a"],
  ["then the longer log", { lastIndex: 10 }, { lastIndex: 11 }, "b"],
  ["then who votes", {}, {}, "a"],
])("of several the newest goes on: %s", (_what, first, second, node) => {
  const five = group([1, 3, 4, 5, 6], [2]);
  const judged = judgeLoss([left(2, five, second), left(1, five, first)]);
  expect(judged).toMatchObject({ newest: { node } });
});

test.each([
  ["two of three answer", [left(1, group([1, 2, 3])), left(3, group([1, 2, 3]))]],
  // Who lacks the newest configuration may still be a majority of it with others.
  ["by an older configuration it is one", [left(1, group([1])), left(2, group([1, 2, 3]))]],
  ["a joint one needs both halves, and has them", [left(1, group([1], [], "1"))]],
])("is refused while a majority may answer: %s", (_what, survivors) => {
  const judged = judgeLoss(survivors);
  expect(judged.kind === "refused" && judged.reason).toContain("a majority");
});

test("half of a joint configuration is no majority", () => {
  expect(judgeLoss([left(1, group([1], [], "23"))])).toMatchObject({ kind: "lost" });
});

test("nothing goes on with nothing", () => {
  expect(judgeLoss([])).toMatchObject({ kind: "refused" });
  const empty = left(2, group([1], [2]), { appliedIndex: 0, lastIndex: 0 });
  expect(judgeLoss([empty])).toMatchObject({ kind: "refused" });
});

test("the new epoch is far above every number that a survivor knows", () => {
  const survivors = [left(1, group([1, 2, 3]), { term: 9 }), left(4, group([1, 2, 3], [4]))];
  expect(nextEpoch(survivors)).toEqual({ replica: 5 + EPOCH_STEP, term: 9 + EPOCH_STEP });
});
