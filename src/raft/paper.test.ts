/**
 * One test for each rule of the Raft paper ("In search of an understandable consensus algorithm",
 * extended version: figure 2, sections 5, 7 and 8) that this core must obey. Each is named for the rule
 * and cites its section; R numbers are those of this project's design. `thesis.test.ts` goes on.
 */
import { describe, expect, test } from "vitest";
import { accepted, alone, append, BARE, entriesOf, lead, vote } from "../../test/lib/raft-alone.ts";
import { TestCluster } from "../../test/lib/raft-cluster.ts";
import { bytesOf } from "../../test/lib/raft-replica.ts";
import { RAFT_DEFAULTS } from "./options.ts";

describe("terms and roles", () => {
  test("a replica that sees a higher term adopts it and becomes a follower (5.1)", () => {
    const { replica } = alone({});
    lead(replica, 2);
    replica.core.step(accepted(3, 9, 0));
    expect(replica.core.status()).toMatchObject({ role: "follower", term: 9, leader: undefined });
  });

  test("a message of an old term is refused and changes nothing (5.1)", () => {
    const { replica } = alone({ term: 5 });
    replica.core.step(append({ term: 4, after: [1, 1], terms: [4] }));
    expect(replica.core.status()).toMatchObject({ term: 5, lastIndex: 1, leader: undefined });
  });

  test("the term and the vote survive a restart (figure 2, persistent state)", () => {
    const { replica, sent } = alone({});
    replica.core.step(vote({ term: 7, last: [1, 1] }));
    replica.settle();
    replica.restart(0);
    expect(replica.core.status()).toMatchObject({ term: 7, vote: 2 });
    replica.core.step(vote({ from: 3, term: 7, last: [1, 1] }));
    replica.settle();
    expect(sent.at(-1)).toMatchObject({ kind: "vote-response", to: 3, granted: false });
  });
});

describe("elections", () => {
  test("a follower that hears nothing for an election timeout becomes candidate (5.2)", () => {
    const { replica } = alone({});
    for (let i = 0; i < 2 * RAFT_DEFAULTS.electionTicks; i += 1) replica.core.tick();
    expect(replica.core.status()).toMatchObject({ role: "candidate", term: 2, vote: 1 });
  });

  test("a follower that hears its leader does not become candidate (5.2)", () => {
    const { replica } = alone({});
    for (let i = 0; i < 5 * RAFT_DEFAULTS.electionTicks; i += 1) {
      replica.core.tick();
      replica.core.step({ kind: "heartbeat", from: 2, to: 1, term: 1, commit: 1, round: 0 });
    }
    expect(replica.core.status()).toMatchObject({ role: "follower", term: 1, leader: 2 });
  });

  test("election timeouts differ from one election to the next (5.2)", () => {
    const { replica } = alone({});
    const seen = new Set<number>();
    for (let i = 0; i < 10; i += 1) {
      const { term } = replica.core.status();
      let ticks = 0;
      for (; replica.core.status().term === term; ticks += 1) replica.core.tick();
      seen.add(ticks);
    }
    expect(seen.size).toBeGreaterThan(3);
    for (const ticks of seen) {
      expect(ticks).toBeGreaterThanOrEqual(RAFT_DEFAULTS.electionTicks);
      expect(ticks).toBeLessThan(2 * RAFT_DEFAULTS.electionTicks);
    }
  });

  test("a candidate with votes of a majority leads at once and says so (5.2)", () => {
    const { replica, sent } = alone({ voters: [1, 2, 3, 4, 5] });
    replica.core.campaign();
    replica.settle();
    replica.core.step({ kind: "vote-response", from: 2, to: 1, term: 2, granted: true });
    expect(replica.core.status().role).toBe("candidate");
    replica.core.step({ kind: "vote-response", from: 3, to: 1, term: 2, granted: true });
    replica.pump();
    expect(replica.core.status().role).toBe("leader");
    expect(sent.filter((m) => m.kind === "append").map((m) => m.to)).toEqual([2, 3, 4, 5]);
  });

  test("a vote counts once per voter (5.2)", () => {
    const { replica } = alone({ voters: [1, 2, 3, 4, 5] });
    replica.core.campaign();
    replica.settle();
    for (let i = 0; i < 3; i += 1)
      replica.core.step({ kind: "vote-response", from: 2, to: 1, term: 2, granted: true });
    expect(replica.core.status().role).toBe("candidate");
  });

  test("a voter votes for one candidate in a term, first come first served (5.2)", () => {
    const { replica, sent } = alone({});
    replica.core.step(vote({ from: 2, term: 2, last: [1, 1] }));
    replica.core.step(vote({ from: 3, term: 2, last: [1, 1] }));
    replica.core.step(vote({ from: 2, term: 2, last: [1, 1] }));
    replica.settle();
    expect(sent.map((m) => m.kind === "vote-response" && [m.to, m.granted])).toEqual([
      [2, true],
      [3, false],
      [2, true],
    ]);
  });

  test("a candidate that hears of a leader of its term follows it (5.2)", () => {
    const { replica } = alone({});
    replica.core.campaign();
    replica.core.step(append({ term: 2, after: [1, 1] }));
    expect(replica.core.status()).toMatchObject({ role: "follower", term: 2, leader: 2 });
  });

  test("a candidate that a majority refuses stands down (5.2)", () => {
    const { replica } = alone({});
    replica.core.campaign();
    replica.settle();
    for (const from of [2, 3])
      replica.core.step({ kind: "vote-response", from, to: 1, term: 2, granted: false });
    expect(replica.core.status()).toMatchObject({ role: "follower", term: 2 });
  });

  test.each([
    { last: [3, 2], granted: false, why: "an older last term" },
    { last: [2, 3], granted: false, why: "the same last term and a shorter log" },
    { last: [3, 3], granted: true, why: "the same log" },
    { last: [2, 4], granted: true, why: "a newer last term, however short" },
  ] as const)("a candidate with $why gets the vote: $granted (5.4.1)", ({ last, granted }) => {
    const { replica, sent } = alone({ terms: [2, 3] });
    replica.core.step(vote({ term: 5, last }));
    replica.settle();
    expect(sent.at(-1)).toMatchObject({ kind: "vote-response", granted });
  });

  test("a vote leaves only when it is on disk (figure 2: before responding to RPCs; R1)", () => {
    const { replica, sent } = alone({});
    replica.core.step(vote({ term: 2, last: [1, 1] }));
    replica.pump();
    expect(sent).toEqual([]);
    replica.write();
    expect(sent).toHaveLength(1);
    expect(replica.hardState).toMatchObject({ term: 2, vote: 2 });
  });

  test("a candidate asks for votes, and counts its own, only when its vote is on disk (R1)", () => {
    const { replica, sent } = alone({ voters: [1] });
    replica.core.campaign();
    replica.pump();
    expect(replica.core.status().role).toBe("candidate");
    replica.write();
    expect(replica.core.status().role).toBe("leader");
    const other = alone({});
    other.replica.core.campaign();
    other.replica.pump();
    expect(other.sent).toEqual([]);
    other.replica.write();
    expect(other.sent.map((m) => m.kind)).toEqual(["vote", "vote"]);
    expect(sent).toEqual([]);
  });
});

describe("replication", () => {
  test("a follower refuses entries that do not follow what it has (5.3, consistency check)", () => {
    const { replica, sent } = alone({ terms: [2] });
    replica.core.step(append({ term: 3, after: [4, 3], terms: [3] }));
    replica.core.step(append({ term: 3, after: [2, 3], terms: [3] }));
    replica.settle();
    expect(sent.map((m) => m.kind === "append-response" && m.rejection !== undefined)).toEqual([
      true,
      true,
    ]);
    expect(replica.core.status().lastIndex).toBe(2);
  });

  test("a conflicting entry and all that follow it are deleted (5.3; figure 2, AppendEntries 3)", () => {
    const { replica } = alone({ terms: [2, 2, 2, 2] });
    replica.core.step(append({ term: 3, after: [2, 2], terms: [3] }));
    replica.settle();
    expect(replica.disk.entries.map((entry) => entry.term)).toEqual([2, 3]);
  });

  test("entries that are there already are left alone (figure 2, AppendEntries 3 and 4)", () => {
    const { replica } = alone({ terms: [2, 2, 2] });
    replica.core.step(append({ term: 3, after: [1, 1], terms: [2, 2] }));
    replica.settle();
    expect(replica.disk.entries.map((entry) => entry.term)).toEqual([2, 2, 2]);
  });

  test("a follower commits what the leader has, up to the last new entry (figure 2, 5)", () => {
    const { replica } = alone({ terms: [2, 2, 2] });
    replica.core.step(append({ term: 3, after: [1, 1], terms: [2], commit: 4 }));
    expect(replica.core.status().committed).toBe(2);
  });

  test("a leader never overwrites or deletes its own entries (5.3, append-only)", () => {
    const { replica } = alone({});
    lead(replica, 2);
    replica.core.propose([bytesOf("a")]);
    replica.core.step(append({ term: 2, after: [1, 1], terms: [2] }));
    replica.settle();
    expect(replica.disk.entries.map((entry) => entry.kind)).toEqual(["empty", "normal"]);
  });

  test("a leader that is refused goes back until the logs agree, and the follower ends with its log (5.3, figure 7)", () => {
    const leaderTerms = [1, 1, 4, 4, 5, 5, 6, 6, 6];
    const followerTerms = [
      [1, 1, 4, 4, 5, 5, 6, 6],
      [1, 1, 4],
      [1, 1, 4, 4, 5, 5, 6, 6, 6, 6],
      [1, 1, 4, 4, 5, 5, 6, 6, 6, 7, 7],
      [1, 1, 4, 4, 4, 4],
      [1, 1, 2, 2, 2, 3, 3, 3, 3, 3],
    ];
    for (const terms of followerTerms) {
      const cluster = new TestCluster({ voters: [1, 2, 3], raft: BARE });
      for (const [id, own] of [
        [1, leaderTerms],
        [2, terms],
        [3, []],
      ] as const) {
        const replica = cluster.at(id);
        replica.disk.write(entriesOf(own));
        replica.hardState = { term: 7, vote: undefined, commit: 1 };
        replica.restart(0);
      }
      const leader = cluster.at(1);
      leader.core.campaign();
      // Replica 2 may have the longer log; the vote of 3 is enough.
      cluster.stabilize();
      leader.core.tick();
      cluster.stabilize();
      expect(cluster.at(2).disk.entries).toEqual(leader.disk.entries);
    }
  });

  test("going back costs a round trip per term, not per entry (5.3)", () => {
    const cluster = new TestCluster({ voters: [1, 2, 3], raft: BARE });
    const long = (term: number) => Array.from({ length: 50 }, () => term);
    cluster.at(1).disk.write(entriesOf([...long(1), ...long(5)]));
    cluster.at(2).disk.write(entriesOf([...long(1), ...long(2), ...long(3)]));
    for (const replica of cluster.replicas.values()) {
      replica.hardState = { term: 6, vote: undefined, commit: 1 };
      replica.restart(0);
    }
    let rejections = 0;
    cluster.at(1).core.campaign();
    cluster.stabilize((message) => {
      if (message.kind === "append-response" && message.rejection && message.from === 2)
        rejections += 1;
      return true;
    });
    expect(cluster.at(2).disk.entries).toEqual(cluster.at(1).disk.entries);
    expect(rejections).toBeLessThanOrEqual(2);
  });

  test("an entry is committed once a majority has it, and then all before it (5.3, 5.4.2)", () => {
    const { replica } = alone({ terms: [1, 1], voters: [1, 2, 3, 4, 5] });
    replica.core.campaign();
    replica.settle();
    for (const from of [2, 3])
      replica.core.step({ kind: "vote-response", from, to: 1, term: 2, granted: true });
    replica.settle();
    replica.core.step(accepted(2, 2, 4));
    expect(replica.core.status().committed).toBe(1);
    replica.core.step(accepted(3, 2, 4));
    expect(replica.core.status().committed).toBe(4);
  });

  test("entries of earlier terms are not committed by counting replicas (5.4.2, figure 8)", () => {
    const { replica } = alone({ terms: [1, 1] });
    lead(replica, 2);
    replica.settle();
    replica.core.step(accepted(2, 2, 3));
    expect(replica.core.status().committed).toBe(1);
    replica.core.step(accepted(2, 2, 4));
    expect(replica.core.status().committed).toBe(4);
  });

  test("a leader counts itself only after its own write (R1; thesis 10.2.1)", () => {
    const { replica } = alone({ voters: [1, 2, 3] });
    lead(replica, 2);
    replica.pump();
    replica.core.step(accepted(2, 2, 2));
    expect(replica.core.status().committed).toBe(1);
    replica.write();
    expect(replica.core.status().committed).toBe(2);
  });

  test("what is not on the leader's own disk can be committed by the others, and is not applied (R1; thesis 10.2.1)", () => {
    const { replica } = alone({ voters: [1, 2, 3] });
    lead(replica, 2);
    replica.pump();
    for (const from of [2, 3]) replica.core.step(accepted(from, 2, 2));
    expect(replica.core.status().committed).toBe(2);
    expect(replica.pump()?.committed ?? []).toEqual([]);
    replica.write();
    expect(replica.pump()?.committed.map((entry) => entry.index)).toEqual([2]);
  });

  test("a new leader appends an entry of its own term at once (section 8; thesis 6.4)", () => {
    const { replica } = alone({});
    lead(replica, 2);
    replica.settle();
    expect(replica.disk.entries).toEqual([{ kind: "empty", index: 2, term: 2 }]);
  });

  test("the same message twice changes nothing the second time (5.5: RPCs are idempotent)", () => {
    const { replica } = alone({});
    const message = append({ term: 2, after: [1, 1], terms: [2, 2], commit: 2 });
    replica.core.step(message);
    replica.settle();
    const before = replica.core.status();
    replica.core.step(message);
    replica.settle();
    expect(replica.core.status()).toEqual(before);
  });
});

describe("compaction", () => {
  test("a follower that needs what was compacted gets a snapshot, and then the rest (section 7)", () => {
    const cluster = new TestCluster({ voters: [1, 2, 3] });
    const leader = cluster.elect(1);
    for (let i = 0; i < 5; i += 1) {
      leader.core.propose([bytesOf(`${i}`)]);
      cluster.stabilize((m) => m.to !== 3);
    }
    leader.compact(5);
    cluster.messages = [];
    leader.core.tick();
    cluster.stabilize();
    expect(cluster.at(3).state.entries).toEqual(leader.state.entries);
    expect(cluster.at(3).disk.compacted.index).toBeGreaterThanOrEqual(5);
  });

  test("a snapshot that holds nothing new changes nothing (section 7)", () => {
    const cluster = new TestCluster({ voters: [1, 2, 3] });
    const leader = cluster.elect(1);
    leader.core.tick();
    cluster.stabilize();
    const follower = cluster.at(2);
    const before = follower.core.status();
    follower.core.step({
      kind: "snapshot",
      from: 1,
      to: 2,
      term: 2,
      snapshot: cluster.shelf.put({ ...leader.state, index: 2 }),
    });
    expect(follower.core.status()).toEqual(before);
  });
});
