import { describe, expect, test } from "vitest";
import type { RaftStatus } from "../raft/status.ts";
import { nextMembership, soleMembership } from "./membership.ts";
import { type PlannedChange, planMembership, voterTarget } from "./membership-plan.ts";
import type { Membership } from "./ports.ts";

const NODES = ["a", "b", "c", "d", "e", "f"].map((node) => ({ node, storeId: `store of ${node}` }));

function one(): Membership {
  return soleMembership({ replica: 1, node: "a", storeId: "store of a" });
}

/** A leader's status in which the given learners are near the end of its log. */
function status(membership: Membership, ready: readonly number[], active = ready): RaftStatus {
  const { voters, learners } = membership.configuration;
  return {
    id: 1,
    role: "leader",
    term: 1,
    vote: 1,
    leader: 1,
    configuration: membership.configuration,
    compactedIndex: 0,
    lastIndex: 5000,
    lastTerm: 1,
    committed: 5000,
    synced: 5000,
    applied: 5000,
    memoryFirstIndex: 1,
    memoryBytes: 0,
    uncommittedBytes: 0,
    transferee: undefined,
    readsPending: 0,
    appendTasksOpen: 0,
    storageStalled: false,
    members: [...voters, ...learners].map((id) => ({
      id,
      learner: learners.includes(id),
      state: "replicate",
      match: ready.includes(id) ? 4500 : 0,
      next: 1,
      paused: false,
      recentActive: active.includes(id),
      pendingSnapshot: 0,
      inflightMessages: 0,
      inflightFull: false,
    })),
  };
}

/** The membership once a planned change is through. */
function changed(before: Membership, planned: PlannedChange | undefined): Membership {
  if (planned === undefined) return before;
  const { voters, learners } = before.configuration;
  const promoted = planned.change.changes.flatMap((change) =>
    change.type === "add-voter" ? [change.replica] : [],
  );
  const added = planned.added.map(({ replica }) => replica);
  const configuration = {
    ...before.configuration,
    voters: [...voters, ...promoted],
    learners: [...learners, ...added].filter((id) => !promoted.includes(id)),
  };
  return nextMembership(before, configuration, planned.added);
}

function plan(
  membership: Membership,
  nodes: number,
  more: { everyone?: boolean; max?: number } = {},
) {
  const { learners } = membership.configuration;
  return planMembership({
    membership,
    status: status(membership, learners),
    candidates: NODES.slice(0, nodes),
    votersMax: more.max ?? 3,
    everyone: more.everyone ?? false,
  });
}

function settled(membership: Membership, nodes: number, more = {}): Membership {
  let now = membership;
  for (let changes = 0; changes < 10; changes++) now = changed(now, plan(now, nodes, more));
  expect(plan(now, nodes, more)).toBeUndefined();
  return now;
}

describe("growing", () => {
  test("alone it votes alone; with two the second only listens", () => {
    expect(plan(one(), 1)).toBeUndefined();
    const two = settled(one(), 2);
    expect(two.configuration).toMatchObject({ voters: [1], learners: [2] });
  });

  test("from three on both learners become voters in one change", () => {
    const two = settled(one(), 2);
    const third = plan(two, 3);
    expect(third?.change.changes).toEqual([{ type: "add-learner", replica: 3 }]);
    const listening = changed(two, third);
    expect(plan(listening, 3)?.change.changes).toEqual([
      { type: "add-voter", replica: 2 },
      { type: "add-voter", replica: 3 },
    ]);
    expect(settled(two, 3).configuration.voters).toEqual([1, 2, 3]);
  });

  test("a workflow keeps three replicas of six nodes, the system group five voters and one learner", () => {
    expect(settled(one(), 6).places).toHaveLength(3);
    const system = settled(one(), 6, { everyone: true, max: 5 });
    expect(system.configuration.voters).toHaveLength(5);
    expect(system.places).toHaveLength(6);
  });

  test("voters are odd in number, whatever the cluster has", () => {
    expect([1, 2, 3, 4, 5, 6, 7].map((nodes) => voterTarget(nodes, 5))).toEqual([
      1, 1, 3, 3, 5, 5, 5,
    ]);
  });
});

describe("waiting", () => {
  const listening = changed(one(), plan(one(), 3));
  const base = {
    membership: listening,
    candidates: NODES.slice(0, 3),
    votersMax: 3,
    everyone: false,
  };

  test("nothing is planned while a joint change is under way", () => {
    const configuration = { ...listening.configuration, votersOutgoing: [1] };
    const membership = { ...listening, configuration };
    expect(plan(membership, 3)).toBeUndefined();
  });

  test("one learner that is behind, or was not heard lately, keeps both from voting", () => {
    expect(planMembership({ ...base, status: status(listening, [2]) })).toBeUndefined();
    expect(planMembership({ ...base, status: status(listening, [2, 3], [2]) })).toBeUndefined();
    expect(planMembership({ ...base, status: status(listening, [2, 3]) })).toBeDefined();
  });

  test("with five wanted and one learner missing, three vote meanwhile", () => {
    const all = changed(one(), plan(one(), 5, { everyone: true, max: 5 }));
    const planned = planMembership({
      membership: all,
      status: status(all, [2, 3, 4]),
      candidates: NODES.slice(0, 5),
      votersMax: 5,
      everyone: true,
    });
    expect(changed(all, planned).configuration.voters).toEqual([1, 2, 3]);
  });

  test("replica ids only rise", () => {
    const before = { ...one(), nextReplica: 9 };
    expect(plan(before, 3)?.added.map(({ replica }) => replica)).toEqual([9, 10]);
  });
});
