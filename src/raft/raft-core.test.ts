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
