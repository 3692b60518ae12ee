/**
 * How clients and a group deal with each other (Raft paper, section 8; thesis, chapter 6): the log may
 * have a command twice, the state machine does it once.
 */
import { expect, test } from "vitest";
import { TestCluster } from "../../test/lib/raft-cluster.ts";
import type { TestReplica } from "../../test/lib/raft-replica.ts";
import { SchedulerKit } from "../../test/lib/scheduler-kit.ts";
import { textData } from "../../test/lib/scheduler-values.ts";
import type { Envelope } from "../scheduler/commands.ts";
import { payloadFormat } from "../wire/command.ts";

const submit: Envelope = {
  id: { kind: "key", key: "the client's", bodyHash: "body" },
  command: { kind: "submit", job: "job", arguments: textData("arguments"), keep: undefined },
};

/** What a replica's state machine answers to the commands in its log. */
function answersOf(replica: TestReplica): readonly unknown[] {
  const kit = SchedulerKit.withSteps([{ name: "top" }]);
  return replica.state.entries.flatMap((entry) =>
    entry.kind === "normal" ? kit.apply(payloadFormat.decode(entry.data).envelopes) : [],
  );
}

test("a command whose leader died before it answered is in the log twice and done once (section 8; thesis 6.3)", () => {
  const cluster = new TestCluster({ voters: [1, 2, 3] });
  const data = payloadFormat.encode({ stampMs: 1, envelopes: [submit] });
  cluster.elect(1).core.propose([data]);
  cluster.stabilize();
  // The first leader has committed it and is gone with its answer; the client asks the next one.
  const next = cluster.elect(2);
  next.core.propose([data]);
  cluster.stabilize();
  for (const id of [1, 2, 3]) {
    expect(answersOf(cluster.at(id))).toEqual([
      { kind: "request", request: 1, repeated: false },
      { kind: "request", request: 1, repeated: true },
    ]);
  }
});
