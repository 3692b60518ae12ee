import { describe, expect, test } from "vitest";
import { changeConfiguration } from "../raft/configuration.ts";
import type { RaftStatus } from "../raft/status.ts";
import { nextMembership, soleMembership } from "./membership.ts";
import {
  type Candidate,
  type PlannedChange,
  planMembership,
  voterTarget,
} from "./membership-plan.ts";
import type { Membership } from "./ports.ts";

const NODES: readonly Candidate[] = ["a", "b", "c", "d", "e", "f"].map((node) => ({
  node,
  storeId: `store of ${node}`,
  up: true,
  absent: false,
  mayVote: "yes",
  mayLead: true,
  leaves: false,
  damaged: false,
}));

const NOBODY: ReadonlySet<number> = new Set();

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
    silentTicks: 0,
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
    quiet: false,
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
  let { configuration } = before;
  const change = { ...planned.change, context: new Uint8Array() };
  const outcome = changeConfiguration(configuration, change);
  if (outcome.kind === "impossible") throw new Error(outcome.problem);
  configuration = outcome.configuration;
  if (configuration.votersOutgoing.length > 0) {
    const leave = { transition: "auto", changes: [], context: new Uint8Array() } as const;
    const left = changeConfiguration(configuration, leave);
    if (left.kind === "impossible") throw new Error(left.problem);
    configuration = left.configuration;
  }
  return nextMembership(before, configuration, planned.added);
}

function plan(
  membership: Membership,
  nodes: number,
  more: {
    everyone?: boolean;
    max?: number;
    lost?: readonly number[];
    candidates?: readonly Candidate[];
  } = {},
) {
  const { learners } = membership.configuration;
  return planMembership({
    membership,
    status: status(membership, learners),
    candidates: more.candidates ?? NODES.slice(0, nodes),
    lost: new Set(more.lost),
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
    lost: NOBODY,
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
      lost: NOBODY,
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

describe("replacing", () => {
  const three = settled(one(), 3);

  /** The nodes, some of them changed. */
  const nodes = (
    count: number,
    changes: Readonly<Record<string, Partial<Candidate>>>,
  ): readonly Candidate[] =>
    NODES.slice(0, count).map((candidate) => ({ ...candidate, ...changes[candidate.node] }));

  test("a lost voter is removed at once, and its node with a new store listens and then votes again", () => {
    const candidates = nodes(3, { b: { storeId: "new" } });
    const removed = changed(three, plan(three, 3, { candidates, lost: [2] }));
    expect(removed.configuration.voters).toEqual([1, 3]);
    const again = settled(removed, 3, { candidates });
    expect(again.configuration).toMatchObject({ voters: [1, 3, 4], learners: [] });
    expect(again.places).toContainEqual({ replica: 4, node: "b", storeId: "new" });
  });

  test("a node whose replica was damaged gets another one once it does not say so any more", () => {
    const removed = changed(three, plan(three, 3, { lost: [2] }));
    expect(removed.configuration.voters).toEqual([1, 3]);
    const candidates = nodes(3, { b: { damaged: true } });
    expect(plan(removed, 3, { candidates })).toBeUndefined();
    expect(settled(removed, 3).configuration.voters).toEqual([1, 3, 4]);
  });

  test("a new store does not take the place of a replica that is not known to be lost", () => {
    const candidates = nodes(3, { b: { storeId: "new" } });
    expect(plan(three, 3, { candidates })).toBeUndefined();
  });

  test("the only voter is never removed, lost or not", () => {
    expect(plan(one(), 1, { lost: [1] })).toBeUndefined();
  });

  test("an absent voter is replaced by a spare node, with three voters at any time", () => {
    const candidates = nodes(4, { c: { up: false, absent: true } });
    const listening = changed(three, plan(three, 4, { candidates }));
    expect(listening.configuration).toMatchObject({ voters: [1, 2, 3], learners: [4] });
    const swap = plan(listening, 4, { candidates });
    expect(swap?.change.changes).toEqual([
      { type: "add-voter", replica: 4 },
      { type: "remove", replica: 3 },
    ]);
    expect(settled(listening, 4, { candidates }).configuration.voters).toEqual([1, 2, 4]);
  });

  test("without a spare node an absent voter keeps its place", () => {
    expect(
      plan(three, 3, { candidates: nodes(3, { c: { up: false, absent: true } }) }),
    ).toBeUndefined();
    const both = nodes(4, { c: { up: false, absent: true }, d: { up: false, absent: true } });
    expect(plan(three, 4, { candidates: both })).toBeUndefined();
  });

  test("who comes back before the swap stays, and the learner that stood in goes", () => {
    const away = nodes(4, { c: { up: false, absent: true } });
    const listening = changed(three, plan(three, 4, { candidates: away }));
    expect(settled(listening, 4)).toMatchObject({
      configuration: { voters: [1, 2, 3], learners: [] },
    });
  });

  test("in the system group an absent voter listens, and a learner votes in its place", () => {
    const six = settled(one(), 6, { everyone: true, max: 5 });
    const [listener = 0] = six.configuration.learners;
    const [voter = 0] = six.configuration.voters.filter((id) => id !== 1);
    const node = six.places.find(({ replica }) => replica === voter)?.node ?? "";
    const candidates = nodes(6, { [node]: { up: false, absent: true } });
    const after = settled(six, 6, { everyone: true, max: 5, candidates });
    expect(after.configuration.voters).toContain(listener);
    expect(after.configuration.learners).toEqual([voter]);
  });

  test("after two of five nodes are gone, three vote; after another, one votes and one listens", () => {
    const five = settled(one(), 5, { everyone: true, max: 5 });
    const shrunk = settled(five, 3, { everyone: true, max: 5, lost: [4, 5] });
    expect(shrunk.configuration).toMatchObject({ voters: [1, 2, 3], learners: [] });
    const two = settled(three, 2, { lost: [3] });
    expect(two.configuration).toMatchObject({ voters: [1], learners: [2] });
  });

  test("whoever does not know the group's nodes takes nobody's vote away", () => {
    expect(plan(three, 0)).toBeUndefined();
    expect(plan(three, 2)).toBeUndefined();
  });
});

/** A group whose leader is replica 1, with voters and learners at nodes by their letter. */
function group(voters: readonly string[], learners: readonly string[] = []): Membership {
  const all = [...voters, ...learners];
  const ids = (of: readonly string[]): number[] => of.map((node) => 1 + all.indexOf(node));
  return {
    configuration: {
      voters: ids(voters),
      votersOutgoing: [],
      learners: ids(learners),
      learnersNext: [],
      autoLeave: false,
    },
    places: all.map((node, at) => ({ replica: at + 1, node, storeId: `store of ${node}` })),
    nextReplica: all.length + 1,
  };
}

/** What is planned for a group of a cluster of these nodes, as words like `-2`, `+3`, `learn 1`. */
function planned(
  membership: Membership,
  cluster: {
    readonly nodes: string;
    /** Nodes that are being removed, and still may listen. */
    readonly listen?: string;
    /** Nodes that cannot be dialled. */
    readonly cut?: string;
    /** Members that are dead, by node. */
    readonly dead?: string;
    /** Those of them that are so for long. */
    readonly absent?: string;
    /** Nodes whose clocks are wrong. */
    readonly wrong?: string;
    /** Learners that lack much of the log, by node. */
    readonly behind?: string;
    readonly everyone?: boolean;
    readonly max?: number;
  },
): readonly string[] {
  const {
    nodes,
    listen = "",
    cut = "",
    dead = "",
    absent = "",
    wrong = "",
    behind = "",
    everyone = false,
    max = 3,
  } = cluster;
  // Whoever is in the group and not among the nodes is being removed.
  const leaving =
    listen +
    membership.places
      .map(({ node }) => node)
      .join("")
      .replace(new RegExp(`[${nodes}]`, "g"), "");
  const all = new Set(nodes + leaving);
  const nodeOf = (id: number): string => membership.places[id - 1]?.node ?? "";
  const ids = membership.places.map(({ replica }) => replica);
  const alive = ids.filter((id) => !dead.includes(nodeOf(id)));
  const ready = alive.filter((id) => !behind.includes(nodeOf(id)));
  const result = planMembership({
    membership,
    status: status(membership, ready, alive),
    candidates: [...all].map((node) => ({
      node,
      storeId: `store of ${node}`,
      up: !dead.includes(node),
      absent: absent.includes(node),
      mayVote: cut.includes(node) ? "never" : "yes",
      mayLead: !(dead + wrong + leaving).includes(node),
      leaves: leaving.includes(node),
      damaged: false,
    })),
    lost: NOBODY,
    votersMax: max,
    everyone,
  });
  const word = { "add-voter": "vote", "add-learner": "learn", remove: "go", update: "" } as const;
  const added = new Map(result?.added.map(({ replica, node }) => [replica, node]));
  return (result?.change.changes ?? []).map(
    ({ type, replica }) => `${word[type]} ${added.get(replica) ?? nodeOf(replica)}`,
  );
}

describe("a node that leaves", () => {
  test("is replaced by a spare one: first that learns, then it votes in the same change", () => {
    const three = group(["a", "b", "c"]);
    expect(planned(three, { nodes: "abd" })).toEqual(["learn d"]);
    const learning = group(["a", "b", "c"], ["d"]);
    expect(planned(learning, { nodes: "abd", behind: "d" })).toEqual([]);
    expect(planned(learning, { nodes: "abd" })).toEqual(["vote d", "go c"]);
  });

  test("is replaced as well when it is dead", () => {
    const learning = group(["a", "b", "c"], ["d"]);
    expect(planned(learning, { nodes: "abd", dead: "c" })).toEqual(["vote d", "go c"]);
  });

  test("with nobody to take its place, leaves a group of one voter and one that listens", () => {
    expect(planned(group(["a", "b", "c"]), { nodes: "ab" })).toEqual(["go c", "learn b"].reverse());
  });

  test("leaves its leadership to another first, and goes then", () => {
    expect(planned(group(["a", "b", "c"]), { nodes: "bc" })).toEqual([]);
  });

  test("goes although it leads when none of the others would lead", () => {
    const learning = group(["a", "b", "c"], ["d"]);
    const changes = ["vote d", "go a"];
    expect(planned(learning, { nodes: "bcd", wrong: "bc" })).toEqual(changes);
    expect(planned(learning, { nodes: "bcd", wrong: "b" })).toEqual([]);
  });

  test("as the only voter promotes who listens, and goes in the same change", () => {
    const two = group(["a"], ["b"]);
    expect(planned(two, { nodes: "b" })).toEqual(["vote b", "go a"]);
    expect(planned(two, { nodes: "b", behind: "b" })).toEqual([]);
    expect(planned(two, { nodes: "b", dead: "b" })).toEqual([]);
  });

  test("of five voters leaves three, and the fourth listens", () => {
    const five = group(["a", "b", "c", "d", "e"]);
    const cluster = { everyone: true, max: 5 };
    expect(planned(five, { nodes: "abcd", ...cluster })).toEqual(["learn d", "learn e"]);
  });

  test("keeps listening to the system group, so that it learns of its own removal", () => {
    const three = group(["a", "b", "c"]);
    const system = { everyone: true, max: 5 };
    expect(planned(three, { nodes: "abc", listen: "c", ...system })).toEqual([
      "learn b",
      "learn c",
    ]);
    const one = group(["a"], ["b", "c"]);
    expect(planned(one, { nodes: "abc", listen: "c", ...system })).toEqual([]);
  });

  test("listens to the system group again when its replica there is lost, and not to a workflow", () => {
    const three = group(["a", "b", "c"]);
    const cluster = { nodes: "abc", listen: "d" };
    expect(planned(three, { ...cluster, everyone: true, max: 5 })).toEqual(["learn d"]);
    expect(planned(three, cluster)).toEqual([]);
    const listening = group(["a", "b", "c"], ["d"]);
    expect(planned(listening, { ...cluster, everyone: true, max: 5 })).toEqual([]);
  });

  test("waits for who could take its place and is away, and not for ever", () => {
    const learning = group(["a", "b", "c"], ["d"]);
    const cluster = { nodes: "abd", dead: "d", behind: "d" };
    expect(planned(learning, cluster)).toEqual([]);
    expect(planned(group(["a", "b", "c"]), cluster)).toEqual([]);
    expect(planned(learning, { ...cluster, absent: "d" })).toEqual(["learn b", "go c"]);
  });
});

describe("a node that others cannot dial", () => {
  test("listens and does not vote, and votes when it can be dialled", () => {
    const learning = group(["a"], ["b", "c"]);
    expect(planned(learning, { nodes: "abc", cut: "c" })).toEqual([]);
    expect(planned(learning, { nodes: "abc" })).toEqual(["vote b", "vote c"]);
  });

  test("does not keep one that can from having a replica, and then makes room", () => {
    const learning = group(["a"], ["b", "c"]);
    expect(planned(learning, { nodes: "abcd", cut: "c" })).toEqual(["learn d"]);
    const four = group(["a"], ["b", "c", "d"]);
    expect(planned(four, { nodes: "abcd", cut: "c" })).toEqual(["vote b", "vote d"]);
    expect(planned(group(["a", "b", "d"], ["c"]), { nodes: "abcd", cut: "c" })).toEqual(["go c"]);
    expect(planned(group(["a", "b", "d"]), { nodes: "abcd", cut: "c" })).toEqual([]);
  });

  test("has a replica where there is nobody else", () => {
    expect(planned(group(["a"], ["b"]), { nodes: "abc", cut: "c" })).toEqual(["learn c"]);
  });

  test("takes nobody's place while there is one that can be dialled", () => {
    const learning = group(["a", "b", "c"], ["d", "e"]);
    expect(planned(learning, { nodes: "abde", cut: "d" })).toEqual(["vote e", "go c"]);
  });
});
