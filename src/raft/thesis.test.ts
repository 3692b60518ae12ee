/**
 * One test for each rule of the Raft thesis ("Consensus: bridging theory and practice") beyond the
 * paper: membership (chapter 4), transfer (3.10), reads (6.4), disturbance (6.2, 9.6), and what this
 * project's design adds to them. Each is named for the rule and cites its section.
 */
import { describe, expect, test } from "vitest";
import { accepted, alone, append, BARE, lead, vote } from "../../test/lib/raft-alone.ts";
import { TestCluster } from "../../test/lib/raft-cluster.ts";
import { bytesOf } from "../../test/lib/raft-replica.ts";
import type { Message } from "./messages.ts";
import { RAFT_DEFAULTS } from "./options.ts";
import type { Configuration } from "./types.ts";

describe("membership", () => {
  test("a configuration with one voter more or less needs no joint one (thesis 4.1)", () => {
    const cluster = new TestCluster({ voters: [1, 2, 3] });
    const leader = cluster.elect(1);
    cluster.add(4);
    const result = leader.core.proposeConfigChange({
      transition: "auto",
      changes: [{ type: "add-voter", replica: 4 }],
      context: new Uint8Array(),
    });
    expect(result.kind).toBe("accepted");
    cluster.stabilize();
    expect(leader.core.status().configuration).toMatchObject({
      voters: [1, 2, 3, 4],
      votersOutgoing: [],
    });
  });

  test("no change begins before the one before it is applied (thesis 4.1)", () => {
    const leader = new TestCluster({ voters: [1, 2, 3] }).elect(1);
    const change = (replica: number) =>
      leader.core.proposeConfigChange({
        transition: "auto",
        changes: [{ type: "add-learner", replica }],
        context: new Uint8Array(),
      });
    expect(change(4).kind).toBe("accepted");
    expect(change(5)).toMatchObject({ kind: "refused", reason: "config-pending" });
  });

  test("a learner is sent everything and counts for nothing (thesis 4.2.1)", () => {
    const cluster = new TestCluster({ voters: [1, 2, 3], learners: [4] });
    const leader = cluster.elect(1);
    leader.core.propose([bytesOf("a")]);
    for (const replica of cluster.replicas.values()) replica.settle();
    // Only the learner answers.
    cluster.deliver((m) => m.to === 4);
    cluster.at(4).settle();
    cluster.deliver();
    leader.settle();
    expect(leader.core.status()).toMatchObject({ committed: 2 });
    expect(leader.core.status().members.at(-1)).toMatchObject({ id: 4, learner: true, match: 3 });
    expect(cluster.at(4).core.campaign()).toBe(false);
  });

  test("a leader that removes itself leads until that is committed, and does not count itself for it (thesis 4.2.2)", () => {
    const cluster = new TestCluster({ voters: [1, 2, 3] });
    const leader = cluster.elect(1);
    leader.core.proposeConfigChange({
      transition: "auto",
      changes: [{ type: "remove", replica: 1 }],
      context: new Uint8Array(),
    });
    leader.pump();
    expect(leader.core.status().role).toBe("leader");
    cluster.stabilize();
    expect(leader.core.status()).toMatchObject({ role: "follower", committed: 3 });
    expect(leader.core.campaign()).toBe(false);
    // The others elect one of themselves and go on.
    const next = cluster.elect(2);
    expect(next.core.status().configuration.voters).toEqual([2, 3]);
  });

  test("a replica that heard its leader lately ignores candidates (thesis 4.2.3)", () => {
    const { replica, sent } = alone({ raft: { checkQuorum: true } });
    replica.core.step(append({ term: 2, after: [1, 1] }));
    replica.settle();
    sent.length = 0;
    replica.core.step(vote({ from: 3, term: 8, last: [9, 7] }));
    replica.settle();
    expect(sent).toEqual([]);
    expect(replica.core.status()).toMatchObject({ term: 2, leader: 2 });
  });

  test("a candidate that the leader itself sent is not ignored (thesis 4.2.3, 3.10)", () => {
    const { replica, sent } = alone({ raft: { checkQuorum: true } });
    replica.core.step(append({ term: 2, after: [1, 1] }));
    replica.core.step({
      kind: "vote",
      from: 3,
      to: 1,
      term: 3,
      lastIndex: 1,
      lastTerm: 1,
      transfer: true,
    });
    replica.settle();
    expect(sent.at(-1)).toMatchObject({ kind: "vote-response", granted: true });
  });

  test.each([
    { half: [1, 2, 3], why: "the old half" },
    { half: [1, 4, 5, 6], why: "the new half" },
  ])(
    "in a joint configuration the whole of $why neither commits nor elects alone (thesis 4.3)",
    ({ half }) => {
      const cluster = new TestCluster({ voters: [1, 2, 3], raft: BARE });
      const leader = cluster.elect(1);
      for (const id of [4, 5, 6]) cluster.add(id);
      leader.core.proposeConfigChange({
        transition: "joint-explicit",
        changes: [
          ...[4, 5, 6].map((replica) => ({ type: "add-voter", replica }) as const),
          ...[2, 3].map((replica) => ({ type: "remove", replica }) as const),
        ],
        context: new Uint8Array(),
      });
      cluster.stabilize();
      const { configuration, committed, term } = leader.core.status();
      expect(configuration).toMatchObject({ voters: [1, 4, 5, 6], votersOutgoing: [1, 2, 3] });
      const within = (m: Message) => half.includes(m.to) && half.includes(m.from);
      leader.core.propose([bytesOf("a")]);
      cluster.stabilize(within);
      expect(leader.core.status().committed).toBe(committed);
      const other = cluster.at(half[1] ?? 0);
      other.core.campaign();
      cluster.stabilize(within);
      expect(other.core.status()).toMatchObject({ role: "candidate", term: term + 1 });
      other.core.campaign();
      cluster.stabilize();
      expect(other.core.status().role).toBe("leader");
      expect(other.core.status().committed).toBeGreaterThan(committed);
    },
  );

  test("a joint configuration is left by the leader by itself when that is asked for (thesis 4.3)", () => {
    const cluster = new TestCluster({ voters: [1] });
    const leader = cluster.elect(1);
    for (const id of [2, 3]) cluster.add(id);
    leader.core.proposeConfigChange({
      transition: "joint-implicit",
      changes: [2, 3].map((replica) => ({ type: "add-voter", replica }) as const),
      context: new Uint8Array(),
    });
    cluster.stabilize();
    const left: Partial<Configuration> = { voters: [1, 2, 3], votersOutgoing: [] };
    for (const replica of cluster.replicas.values())
      expect(replica.core.status().configuration).toMatchObject(left);
  });

  test("a replica with a committed membership change to apply does not campaign (thesis 4.1: a majority of the right configuration)", () => {
    const cluster = new TestCluster({ voters: [1, 2, 3] });
    const leader = cluster.elect(1);
    leader.core.proposeConfigChange({
      transition: "auto",
      changes: [{ type: "remove", replica: 3 }],
      context: new Uint8Array(),
    });
    leader.settle();
    cluster.deliver((m) => m.to !== 3);
    const follower = cluster.at(2);
    follower.settle();
    cluster.deliver();
    leader.settle();
    cluster.deliver();
    follower.pump();
    expect(follower.core.status().committed).toBe(3);
    expect(follower.core.campaign()).toBe(false);
    follower.settle();
    expect(follower.core.campaign()).toBe(true);
  });
});

describe("leadership transfer", () => {
  test("leadership goes to a voter that is up to date, without an election timeout (thesis 3.10)", () => {
    const cluster = new TestCluster({ voters: [1, 2, 3] });
    expect(cluster.elect(1).core.transferLeadership(2)).toEqual({ kind: "started" });
    cluster.stabilize();
    expect(cluster.at(2).core.status()).toMatchObject({ role: "leader", term: 3 });
  });

  test("a transferee that lacks entries gets them first (thesis 3.10)", () => {
    const cluster = new TestCluster({ voters: [1, 2, 3] });
    const leader = cluster.elect(1);
    leader.core.propose([bytesOf("a")]);
    cluster.stabilize((m) => m.to !== 2);
    leader.core.transferLeadership(2);
    leader.core.tick();
    cluster.stabilize();
    expect(cluster.at(2).core.status().role).toBe("leader");
    expect(cluster.at(2).disk.at(3)).toMatchObject({ kind: "normal" });
  });

  test("a leader takes no proposals while it hands over, and gives up after an election timeout (thesis 3.10)", () => {
    const cluster = new TestCluster({ voters: [1, 2, 3] });
    const leader = cluster.elect(1);
    leader.core.transferLeadership(2);
    expect(leader.core.propose([bytesOf("a")])).toMatchObject({ reason: "transferring" });
    for (let i = 0; i < RAFT_DEFAULTS.electionTicks; i += 1) {
      leader.core.tick();
      cluster.stabilize((m) => m.kind !== "timeout-now");
    }
    expect(leader.core.propose([bytesOf("a")]).kind).toBe("accepted");
  });
});

describe("reads", () => {
  test("a read is answered when a majority has confirmed the leader after it was asked (paper, section 8; thesis 6.4)", () => {
    const cluster = new TestCluster({ voters: [1, 2, 3] });
    const leader = cluster.elect(1);
    leader.core.readIndex(7);
    leader.settle();
    expect(leader.readResults).toEqual([]);
    cluster.stabilize();
    expect(leader.readResults).toEqual([{ kind: "confirmed", context: 7, index: 2 }]);
  });

  test("answers to heartbeats from before the read do not confirm it (thesis 6.4)", () => {
    const cluster = new TestCluster({ voters: [1, 2, 3] });
    const leader = cluster.elect(1);
    leader.core.tick();
    leader.settle();
    cluster.deliver();
    for (const id of [2, 3]) cluster.at(id).settle();
    const old = cluster.messages;
    cluster.messages = [];
    leader.core.readIndex(7);
    leader.settle();
    for (const message of old) leader.core.step(message);
    leader.settle();
    expect(leader.readResults).toEqual([]);
  });

  test("a leader that has not committed in its term parks the read (paper, section 8; thesis 6.4)", () => {
    const { replica, sent } = alone({});
    lead(replica, 2);
    replica.core.readIndex(7);
    replica.settle();
    expect(sent.filter((m) => m.kind === "heartbeat")).toEqual([]);
    replica.core.step(accepted(2, 2, 2));
    replica.settle();
    expect(sent.filter((m) => m.kind === "heartbeat")).toHaveLength(2);
    replica.core.step({ kind: "heartbeat-response", from: 2, to: 1, term: 2, round: 1 });
    replica.settle();
    expect(replica.readResults).toEqual([{ kind: "confirmed", context: 7, index: 2 }]);
  });

  test("a deposed leader answers no read; whoever asked hears that it is lost (thesis 6.4)", () => {
    const { replica } = alone({});
    lead(replica, 2);
    replica.core.readIndex(7);
    replica.core.step(append({ term: 3, after: [1, 1] }));
    replica.settle();
    expect(replica.readResults).toEqual([{ kind: "lost", context: 7 }]);
  });

  test("a follower reads by asking the leader (thesis 6.4)", () => {
    const cluster = new TestCluster({ voters: [1, 2, 3] });
    cluster.elect(1);
    expect(cluster.at(3).core.readIndex(9)).toEqual({ kind: "accepted" });
    cluster.stabilize();
    expect(cluster.at(3).readResults).toEqual([{ kind: "confirmed", context: 9, index: 2 }]);
  });
});

describe("liveness under disturbance", () => {
  test("a leader that hears no majority for an election timeout steps down (thesis 6.2)", () => {
    const leader = new TestCluster({ voters: [1, 2, 3] }).elect(1);
    for (let i = 0; i < 2 * RAFT_DEFAULTS.electionTicks; i += 1) leader.core.tick();
    expect(leader.core.status()).toMatchObject({ role: "follower", leader: undefined });
  });

  test("a replica that cannot win does not raise its term (thesis 9.6, pre-vote)", () => {
    const { replica } = alone({ raft: { preVote: true } });
    for (let i = 0; i < 200; i += 1) replica.core.tick();
    expect(replica.core.status()).toMatchObject({ role: "pre-candidate", term: 1 });
  });

  test("a replica that comes back from a partition does not depose the leader (thesis 9.6)", () => {
    const cluster = new TestCluster({ voters: [1, 2, 3] });
    const leader = cluster.elect(1);
    for (let i = 0; i < 100; i += 1) {
      for (const replica of cluster.replicas.values()) replica.core.tick();
      cluster.stabilize((m) => m.from !== 3 && m.to !== 3);
    }
    expect(cluster.at(3).core.status().role).toBe("pre-candidate");
    for (let i = 0; i < 30; i += 1) {
      for (const replica of cluster.replicas.values()) replica.core.tick();
      cluster.stabilize();
    }
    expect(leader.core.status()).toMatchObject({ role: "leader", term: 2 });
    expect(cluster.at(3).core.status()).toMatchObject({ role: "follower", leader: 1 });
  });

  test("a pre-vote is granted only to a log that is up to date (thesis 9.6)", () => {
    const { replica, sent } = alone({ terms: [2, 2], raft: { preVote: true } });
    for (const lastIndex of [2, 3])
      replica.core.step({
        kind: "pre-vote",
        from: 2,
        to: 1,
        term: 3,
        lastIndex,
        lastTerm: 2,
      });
    replica.settle();
    expect(sent.map((m) => m.kind === "pre-vote-response" && m.granted)).toEqual([false, true]);
    expect(replica.core.status()).toMatchObject({ term: 2, vote: undefined });
  });

  test("once its leader's node is gone a replica campaigns within a few ticks, and others let it (R6)", () => {
    const cluster = new TestCluster({ voters: [1, 2, 3] });
    cluster.elect(1);
    cluster.replicas.delete(1);
    for (const id of [2, 3]) cluster.at(id).core.leaderGone();
    let ticks = 0;
    const leads = () =>
      [...cluster.replicas.values()].some((one) => one.core.status().role === "leader");
    for (; !leads() && ticks < 100; ticks += 1) {
      for (const replica of cluster.replicas.values()) {
        replica.core.tick();
        cluster.stabilize();
      }
    }
    expect(ticks).toBeLessThanOrEqual(RAFT_DEFAULTS.leaderGoneTicks);
  });

  test("a learner whose leader's node is gone does not stand, and counts how long nobody leads it (R6)", () => {
    const raft = { electionTicks: 40, leaderGoneTicks: 3 };
    const cluster = new TestCluster({ voters: [1, 2], learners: [3], raft });
    cluster.elect(1);
    const learner = cluster.at(3);
    const before = learner.core.status().silentTicks;
    learner.core.leaderGone();
    for (let i = 0; i < 200; i += 1) learner.core.tick();
    expect(learner.core.status()).toMatchObject({ role: "follower", silentTicks: before + 200 });
  });

  test("a leader whose disk is stuck for several election timeouts steps down and does not stand again (R1)", () => {
    const cluster = new TestCluster({ voters: [1, 2, 3] });
    const leader = cluster.elect(1);
    leader.core.propose([bytesOf("a")]);
    leader.pump();
    for (let i = 0; i < RAFT_DEFAULTS.storageStallTicks; i += 1) {
      expect(leader.core.status().role).toBe("leader");
      leader.core.tick();
      leader.pump();
      cluster.deliver();
      for (const id of [2, 3]) cluster.at(id).settle();
    }
    expect(leader.core.status()).toMatchObject({ role: "follower", storageStalled: true });
    expect(leader.core.campaign()).toBe(false);
    leader.settle();
    expect(leader.core.campaign()).toBe(true);
  });
});
