import { expect, test } from "vitest";
import { TestCluster } from "../../test/lib/raft-cluster.ts";
import { bytesOf } from "../../test/lib/raft-replica.ts";

test("three voters elect a leader and apply what it takes in", () => {
  const cluster = new TestCluster({ voters: [1, 2, 3] });
  const leader = cluster.elect(1);
  expect(leader.core.propose([bytesOf("a"), bytesOf("b")])).toEqual({
    kind: "accepted",
    index: 3,
    term: 2,
  });
  cluster.stabilize();
  leader.core.tick();
  cluster.stabilize();
  for (const replica of cluster.replicas.values())
    expect(replica.state.entries.map((entry) => entry.kind)).toEqual(["empty", "normal", "normal"]);
});

test("a group of one voter needs nobody else", () => {
  const cluster = new TestCluster({ voters: [7] });
  cluster.elect(7).core.propose([bytesOf("a")]);
  cluster.stabilize();
  expect(cluster.at(7).state.index).toBe(3);
});

/** A leader of three whose third replica needs a snapshot, which nobody has made yet. */
function wantingSnapshot() {
  const cluster = new TestCluster({ voters: [1, 2, 3] });
  const leader = cluster.elect(1);
  for (let i = 0; i < 4; i += 1) leader.core.propose([bytesOf(`${i}`)]);
  cluster.stabilize((message) => message.to !== 3);
  const early = cluster.shelf.put(leader.state);
  leader.core.propose([bytesOf("later")]);
  cluster.stabilize((message) => message.to !== 3);
  leader.compact(4);
  leader.core.replicaUnreachable(3);
  leader.core.step({ kind: "heartbeat-response", from: 3, to: 1, term: 2, round: 0 });
  expect(leader.core.ready().snapshotsWanted).toEqual([3]);
  return { leader, early };
}

test("a snapshot that compaction has overtaken is not announced, and another is asked for", () => {
  const { leader, early } = wantingSnapshot();
  leader.compact(7);
  expect(leader.core.snapshotMade(3, early)).toBe(false);
  expect(leader.core.ready()).toMatchObject({ snapshotsWanted: [3], messages: [] });
});

test("a snapshot is announced once it is made, and only to who waits for it", () => {
  const { leader, early } = wantingSnapshot();
  expect(leader.core.snapshotMade(2, early)).toBe(false);
  expect(leader.core.snapshotMade(3, early)).toBe(true);
  expect(leader.core.ready().messages).toMatchObject([{ kind: "snapshot", to: 3 }]);
});

test("entries that were compacted on their way from the disk are not sent, and a snapshot is asked for", () => {
  const cluster = new TestCluster({ voters: [1, 2, 3], raft: { tailBytesMax: 0 } });
  const leader = cluster.elect(1);
  for (let i = 0; i < 4; i += 1) leader.core.propose([bytesOf(`${i}`)]);
  cluster.stabilize((message) => message.to !== 3);
  leader.core.replicaUnreachable(3);
  leader.core.step({ kind: "heartbeat-response", from: 3, to: 1, term: 2, round: 0 });
  const [request] = leader.core.ready().logReads;
  if (request === undefined) throw new Error("entries are read from the disk");
  const entries = [leader.disk.at(request.firstIndex)].filter((entry) => entry !== undefined);
  expect(entries).toHaveLength(1);
  leader.compact(request.firstIndex + 1);
  leader.core.entriesRead(request, entries);
  expect(leader.core.ready()).toMatchObject({ snapshotsWanted: [3], messages: [] });
});

test("a message for another replica of the node changes nothing (R2)", () => {
  const cluster = new TestCluster({ voters: [1, 2, 3] });
  const replica = cluster.at(1);
  const before = replica.core.status();
  replica.core.step({ kind: "heartbeat", from: 2, to: 9, term: 7, commit: 0, round: 0 });
  expect(replica.core.status()).toEqual(before);
});

test("proposals beyond the limit of uncommitted bytes are refused until some are committed (R21)", () => {
  const cluster = new TestCluster({ voters: [1, 2, 3], raft: { uncommittedBytesMax: 300 } });
  const leader = cluster.elect(1);
  expect(leader.core.propose([new Uint8Array(1_000)]).kind).toBe("accepted");
  expect(leader.core.propose([new Uint8Array(1)])).toEqual({
    kind: "refused",
    reason: "uncommitted-bytes",
  });
  cluster.stabilize();
  expect(leader.core.status().uncommittedBytes).toBe(0);
  expect(leader.core.propose([new Uint8Array(1)]).kind).toBe("accepted");
});

test("a follower refuses proposals and names the leader (paper, section 8; thesis 6.2)", () => {
  const cluster = new TestCluster({ voters: [1, 2, 3] });
  cluster.elect(2);
  expect(cluster.at(1).core.propose([bytesOf("a")])).toEqual({
    kind: "refused",
    reason: "not-leader",
    leader: 2,
  });
});

test("reads beyond their limit are refused, and those of a replica without a leader", () => {
  const cluster = new TestCluster({ voters: [1, 2, 3], raft: { readsPendingMax: 1 } });
  expect(cluster.at(1).core.readIndex(1)).toEqual({ kind: "refused", reason: "no-leader" });
  const leader = cluster.elect(1);
  expect(leader.core.readIndex(1).kind).toBe("accepted");
  expect(leader.core.readIndex(2)).toEqual({ kind: "refused", reason: "too-many" });
});

test("the leader of a quiet group takes all for present that agreed, also over a count of the quorum (R7)", () => {
  const cluster = new TestCluster({
    voters: [1, 2, 3],
    raft: { quietTicks: 1, electionTicks: 10 },
  });
  const leader = cluster.elect(1);
  const ask = (): void => {
    leader.core.tick("quiet");
    leader.settle();
  };
  for (let tick = 0; tick < 8; tick += 1) {
    ask();
    cluster.messages = cluster.messages.filter(({ kind }) => kind === "quiet");
    if (tick < 7) cluster.messages = [];
  }
  // Both agree; the second one's word is on its way while the leader counts whom it has heard.
  cluster.deliver();
  cluster.at(2).settle();
  cluster.at(3).settle();
  const late = cluster.messages.filter(({ from }) => from === 3);
  cluster.deliver(({ from }) => from === 2);
  for (let tick = 0; tick < 3; tick += 1) {
    ask();
    cluster.messages = [];
  }
  expect(leader.core.quiet).toBeUndefined();
  cluster.messages = late;
  cluster.deliver();
  expect(leader.core.quiet).toBeDefined();
  expect(leader.core.status().members.map(({ recentActive }) => recentActive)).toEqual([
    true,
    true,
    true,
  ]);
});

/** A leader of three with a snapshot, and a third replica that has nothing of what it stands for. */
function lackingSnapshot() {
  const cluster = new TestCluster({ voters: [1, 2, 3] });
  const leader = cluster.elect(1);
  for (let i = 0; i < 4; i += 1) leader.core.propose([bytesOf(`${i}`)]);
  cluster.stabilize((message) => message.to !== 3);
  const snapshot = cluster.shelf.put(leader.state);
  return { cluster, leader, snapshot, behind: cluster.at(3) };
}

test("a snapshot that was fetched first is installed by a task, whose end answers the leader", () => {
  const { leader, snapshot, behind } = lackingSnapshot();
  behind.core.step({ kind: "heartbeat", from: 1, to: 3, term: 2, commit: 0, round: 0 });
  behind.core.ready();
  expect(behind.core.lacksSnapshot(snapshot)).toBe(true);
  expect(behind.core.adoptSnapshot(snapshot)).toBe(true);
  expect(behind.core.lacksSnapshot(snapshot)).toBe(false);
  const { append, messages } = behind.core.ready();
  expect(messages).toEqual([]);
  expect(append).toMatchObject({
    snapshot: { index: leader.state.index },
    messagesAfter: [{ kind: "append-response", to: 1, index: leader.state.index }],
  });
});

test("while a snapshot is only being fetched, a replica votes", () => {
  const { leader, snapshot, behind } = lackingSnapshot();
  const { lastIndex } = leader.core.status();
  expect(behind.core.lacksSnapshot(snapshot)).toBe(true);
  const vote = { kind: "vote", from: 2, to: 3, term: 3, lastIndex, lastTerm: 2 } as const;
  behind.core.step({ ...vote, transfer: true });
  behind.settle();
  expect(behind.core.status()).toMatchObject({ term: 3, vote: 2 });
});

test("whoever stands for election and adopts a snapshot follows, in the snapshot's term at least", () => {
  const { snapshot, behind } = lackingSnapshot();
  behind.core.campaign();
  expect(behind.core.status().role).toBe("pre-candidate");
  expect(behind.core.adoptSnapshot(snapshot)).toBe(true);
  expect(behind.core.status()).toMatchObject({ role: "follower", committed: snapshot.index });
  expect(behind.core.status().term).toBeGreaterThanOrEqual(snapshot.term);
});

test("a snapshot of what the log has, or that does not know the replica, is not adopted", () => {
  const { cluster, snapshot, behind } = lackingSnapshot();
  const configuration = { ...snapshot.configuration, voters: [1, 2] };
  expect(behind.core.adoptSnapshot({ ...snapshot, configuration })).toBe(false);
  expect(cluster.at(2).core.adoptSnapshot(snapshot)).toBe(false);
  expect(cluster.at(2).core.hasReady()).toBe(false);
});
