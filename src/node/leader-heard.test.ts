import { expect, test } from "vitest";
import type { Membership } from "../actors/ports.ts";
import { hearsOfLeader } from "./leader-heard.ts";

/** Replica 1 on node `a`, 2 on `b` and so on. */
function membershipOf(voters: readonly number[], votersOutgoing: readonly number[]): Membership {
  const places = ["a", "b", "c", "d", "e"].map((node, at) => ({
    ...{ replica: at + 1, node, storeId: "s" },
  }));
  const rest = { learners: [], learnersNext: [], autoLeave: false };
  return { configuration: { voters, votersOutgoing, ...rest }, places, nextReplica: 6 };
}

/** What `a` hears of a group that `leaderNode` leads while these others are up. */
function heard(
  leaderNode: string | undefined,
  up: readonly string[],
  of: { readonly voters?: readonly number[]; readonly outgoing?: readonly number[] } = {},
): boolean {
  const { voters = [1, 2, 3], outgoing = [] } = of;
  const membership = membershipOf(voters, outgoing);
  return hearsOfLeader(
    { leaderNode, membership },
    { self: "a", isUp: (node) => up.includes(node) },
  );
}

test("a follower hears of a leader while that one's node is up", () => {
  expect(heard("b", ["b"])).toBe(true);
  expect(heard("b", ["c"])).toBe(false);
  expect(heard(undefined, ["b", "c"])).toBe(false);
});

test("a leader counts for itself only while a majority of the voters can be reached", () => {
  expect(heard("a", ["c"])).toBe(true);
  expect(heard("a", ["d", "e"])).toBe(false);
  expect(heard("a", [], { voters: [1] })).toBe(true);
  // A change of members under way needs both majorities.
  expect(heard("a", ["b"], { voters: [1, 2, 3], outgoing: [1, 4, 5] })).toBe(false);
  expect(heard("a", ["b", "e"], { voters: [1, 2, 3], outgoing: [1, 4, 5] })).toBe(true);
});
