/** What a peer that lies says, and that nothing comes of it; the honest words beside it are taken. */
import { describe, expect, test } from "vitest";
import { TestCluster } from "../../test/lib/raft-cluster.ts";
import { bytesOf, type TestReplica } from "../../test/lib/raft-replica.ts";
import type { FalseClaim } from "./claims.ts";
import type { Message } from "./messages.ts";
import type { Entry } from "./types.ts";

/** Replica 1 leads in term 2, its three entries (up to index 4) are committed everywhere; 4 only learns. */
function agreeing(): TestCluster {
  const cluster = new TestCluster({ voters: [1, 2, 3], learners: [4] });
  const leader = cluster.elect(1);
  leader.core.propose([bytesOf("a"), bytesOf("b")]);
  cluster.stabilize();
  leader.core.tick();
  cluster.stabilize();
  for (const { core } of cluster.replicas.values()) expect(core.committed).toBe(4);
  return cluster;
}

/** Everything about a replica that a message could change. */
function look({ core }: TestReplica): unknown {
  return { status: core.status(), ready: core.hasReady() };
}

const TO_LEADER = { from: 4, to: 1, term: 2 } as const;
const FROM_LEADER = { from: 1, to: 2, term: 2 } as const;
const FROM_RIVAL = { from: 3, to: 2, term: 2 } as const;

function entry(index: number, term: number): Entry {
  return { kind: "normal", index, term, data: bytesOf("lie") };
}

function append(
  entries: readonly Entry[],
  previousTerm = 2,
  head: typeof FROM_LEADER | typeof FROM_RIVAL = FROM_LEADER,
): Message {
  return { kind: "append", ...head, previousIndex: 4, previousTerm, entries, commit: 4 };
}

function snapshot(
  head: { readonly from: number; readonly to: number; readonly term: number },
  at: { readonly index: number; readonly term: number },
): Message {
  const configuration = { voters: [1, 2, 3], votersOutgoing: [], learners: [4], learnersNext: [] };
  const whole = { configuration: { ...configuration, autoLeave: false }, descriptor: bytesOf("") };
  return { kind: "snapshot", ...head, snapshot: { ...at, ...whole } };
}

const RIVAL: FalseClaim = "leads a term that another leads";
const BROKEN: FalseClaim = "sends entries that do not follow each other";
const UNSENT: FalseClaim = "refuses entries that were never sent";
const UNACKNOWLEDGED: FalseClaim = "tells of committed entries that were never acknowledged";
const NO_SNAPSHOT: FalseClaim = "announces a snapshot that cannot be";

const LIES: readonly (readonly [string, FalseClaim, Message])[] = [
  [
    "a learner acknowledges more than its leader has",
    "acknowledges entries that its leader lacks",
    { kind: "append-response", ...TO_LEADER, index: 1_000_000, rejection: undefined },
  ],
  [
    "a member refuses an append beyond the leader's log",
    UNSENT,
    { kind: "append-response", ...TO_LEADER, index: 99, rejection: { hintIndex: 1, hintTerm: 1 } },
  ],
  [
    "a member hints at more than was sent",
    UNSENT,
    { kind: "append-response", ...TO_LEADER, index: 4, rejection: { hintIndex: 5, hintTerm: 2 } },
  ],
  [
    "a member answers a read round that is to come",
    "answers a read round that never began",
    { kind: "heartbeat-response", ...TO_LEADER, round: 7 },
  ],
  [
    "a member leads beside the leader",
    RIVAL,
    { kind: "heartbeat", ...TO_LEADER, commit: 4, round: 0 },
  ],
  ["a member tells the leader to stand", RIVAL, { kind: "timeout-now", ...TO_LEADER }],
  [
    "a member answers the leader's own read",
    RIVAL,
    { kind: "read-index-response", ...TO_LEADER, context: 1, index: 0 },
  ],
  ["a member gives the leader a snapshot", RIVAL, snapshot(TO_LEADER, { index: 50, term: 2 })],
  [
    "a member of old offers the leader what it lacks",
    NO_SNAPSHOT,
    snapshot({ ...TO_LEADER, term: 1 }, { index: 50, term: 1 }),
  ],
  [
    "a snapshot is of a term to come",
    NO_SNAPSHOT,
    snapshot(FROM_LEADER, { index: 50, term: 2 ** 53 - 1 }),
  ],
  [
    "a snapshot goes on in an earlier term",
    NO_SNAPSHOT,
    snapshot(FROM_LEADER, { index: 50, term: 1 }),
  ],
  [
    "a heartbeat commits what was never acknowledged",
    UNACKNOWLEDGED,
    { kind: "heartbeat", ...FROM_LEADER, commit: 50, round: 0 },
  ],
  [
    "news commits what was never acknowledged",
    UNACKNOWLEDGED,
    { kind: "commit", ...FROM_LEADER, commit: 5 },
  ],
  [
    "a heartbeat of a higher term commits what was never acknowledged",
    UNACKNOWLEDGED,
    { kind: "heartbeat", ...FROM_RIVAL, term: 3, commit: 5, round: 0 },
  ],
  ["entries begin before what they follow", BROKEN, append([entry(2, 2)])],
  ["entries have a gap", BROKEN, append([entry(5, 2), entry(7, 2)])],
  ["entries fall back in terms", BROKEN, append([entry(5, 1)])],
  ["entries are of a term to come", BROKEN, append([entry(5, 3)])],
  ["entries follow a term to come", BROKEN, append([], 3)],
  ["another commits in the leader's term", RIVAL, { kind: "commit", ...FROM_RIVAL, commit: 4 }],
  ["another sends entries in the leader's term", RIVAL, append([entry(5, 2)], 2, FROM_RIVAL)],
  ["another makes a follower quiet", RIVAL, { kind: "quiet", ...FROM_RIVAL, index: 4, due: false }],
  ["another tells a follower to stand", RIVAL, { kind: "timeout-now", ...FROM_RIVAL }],
  [
    "another answers a follower's read",
    RIVAL,
    { kind: "read-index-response", ...FROM_RIVAL, context: 1, index: 0 },
  ],
];

test.for(LIES)("when %s it is told of, and nothing changes", ([, claim, lie]) => {
  const cluster = agreeing();
  const replica = cluster.at(lie.to);
  const before = look(replica);
  expect(replica.core.step(lie)).toBe(claim);
  expect(look(replica)).toEqual(before);
  expect(cluster.at(1).core.propose([bytesOf("c")])).toMatchObject({ index: 5 });
  cluster.stabilize();
  expect(cluster.at(1).core.committed).toBe(5);
});

describe("an honest peer", () => {
  test("may answer in an earlier term about a log that was cut since", () => {
    const cluster = agreeing();
    cluster.elect(2);
    const late = { ...TO_LEADER, to: 2, index: 90, rejection: undefined };
    expect(cluster.at(2).core.step({ kind: "append-response", ...late })).toBeUndefined();
  });

  test("may lead in a later term than the leader that is known", () => {
    const cluster = agreeing();
    const { core } = cluster.at(2);
    const head = { ...FROM_RIVAL, term: 3 };
    expect(core.step({ kind: "heartbeat", ...head, commit: 4, round: 9 })).toBeUndefined();
    expect([core.term, core.leader]).toEqual([3, 3]);
  });

  test("may announce late, in an earlier term, a snapshot of what a follower lacks", () => {
    const cluster = agreeing();
    cluster.elect(1);
    const late = snapshot(FROM_LEADER, { index: 50, term: 2 });
    expect(cluster.at(2).core.falseClaim(late)).toBeUndefined();
  });

  test("may be asked to be quiet with entries that a follower has not: it is not quiet then", () => {
    const cluster = agreeing();
    const { core } = cluster.at(2);
    expect(core.step({ kind: "quiet", ...FROM_LEADER, index: 5, due: false })).toBeUndefined();
    expect(core.quiet).toBeUndefined();
  });
});
