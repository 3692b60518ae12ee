/** Scenarios as text, command by command; see `*.data.txt`. UPDATE=1 rewrites what they expect. */
import { type Case, type Handlers, runDataFile } from "../../test/lib/datadriven.ts";
import { TestCluster } from "../../test/lib/raft-cluster.ts";
import { bytesOf, type TestReplica, textOf } from "../../test/lib/raft-replica.ts";
import { assert } from "../std/assert.ts";
import type { Message } from "./messages.ts";
import type { RaftOptions } from "./options.ts";
import type { QuietPermit } from "./quiet.ts";
import type { Ready } from "./ready.ts";
import type { ConfigStep, Entry, SnapshotDescription } from "./types.ts";

/** A world of one file: its commands act on one cluster. */
function handlersOf(): Handlers {
  let cluster = new TestCluster({ voters: [1] });
  /** Messages that are late. */
  let held: Message[] = [];
  /** The snapshot that was made last. */
  let made: SnapshotDescription | undefined;
  const snapshot = (): SnapshotDescription => {
    assert(made !== undefined, "no snapshot was made");
    return made;
  };
  const at = (c: Case) => cluster.at(numberOf(c, "id"));
  return {
    cluster(c) {
      cluster = new TestCluster({
        voters: numbersOf(c, "voters"),
        learners: numbersOf(c, "learners"),
        raft: optionsOf(c),
      });
      const tail = c.args["restore-tail"];
      if (tail !== undefined)
        for (const replica of cluster.replicas.values()) replica.restoreTailBytes = Number(tail[0]);
      return `replicas ${[...cluster.replicas.keys()].join(" ")}`;
    },
    add(c) {
      cluster.add(numberOf(c, "id"));
      return "added";
    },
    elect(c) {
      return statusLine(cluster.elect(numberOf(c, "id")));
    },
    campaign(c) {
      return at(c).core.campaign() ? "campaigns" : "may not campaign";
    },
    propose(c) {
      const result = at(c).core.propose((c.args["data"] ?? []).map(bytesOf));
      return JSON.stringify(result);
    },
    change(c) {
      const result = at(c).core.proposeConfigChange({
        transition: transitionOf(c.args["transition"]?.[0]),
        changes: (c.args["steps"] ?? []).map(stepOf),
        context: new Uint8Array(),
      });
      return JSON.stringify(result);
    },
    transfer(c) {
      return JSON.stringify(at(c).core.transferLeadership(numberOf(c, "to")));
    },
    read(c) {
      return JSON.stringify(at(c).core.readIndex(numberOf(c, "context")));
    },
    "read-results"(c) {
      const { readResults } = at(c);
      return readResults.map((result) => JSON.stringify(result)).join("\n") || "none";
    },
    tick(c) {
      for (let i = 0; i < (numbersOf(c, "count")[0] ?? 1); i += 1) at(c).core.tick(permitOf(c));
      return statusLine(at(c));
    },
    "leader-gone"(c) {
      at(c).core.leaderGone();
      return statusLine(at(c));
    },
    unreachable(c) {
      at(c).core.replicaUnreachable(numberOf(c, "replica"));
      return membersText(at(c));
    },
    "snapshot-status"(c) {
      const failed = c.args["outcome"]?.[0] === "failed";
      at(c).core.snapshotStatus(numberOf(c, "replica"), failed ? "failed" : "transferred");
      return membersText(at(c));
    },
    pump(c) {
      const ready = at(c).pump();
      return ready === undefined ? "nothing" : readyText(ready);
    },
    write(c) {
      at(c).write();
      return statusLine(at(c));
    },
    apply(c) {
      at(c).apply();
      return statusLine(at(c));
    },
    "read-log"(c) {
      at(c).readLog();
      return statusLine(at(c));
    },
    settle(c) {
      at(c).settle();
      return statusLine(at(c));
    },
    deliver(c) {
      const to = numbersOf(c, "to");
      const lines: string[] = [];
      const later = cluster.messages.filter((m) => to.length > 0 && !to.includes(m.to));
      cluster.messages = cluster.messages.filter((m) => !later.includes(m));
      cluster.deliver((message) => {
        lines.push(messageText(message));
        return true;
      });
      cluster.messages = [...later, ...cluster.messages];
      return lines.join("\n") || "nothing";
    },
    misdeliver(c) {
      const lines: string[] = [];
      const to = numberOf(c, "to");
      for (const message of cluster.messages.filter((m) => m.to === to)) {
        lines.push(messageText(message));
        at(c).core.step(message);
      }
      return lines.join("\n") || "nothing";
    },
    hold(c) {
      const to = numbersOf(c, "to");
      held = cluster.messages.filter((m) => to.includes(m.to));
      cluster.messages = cluster.messages.filter((m) => !to.includes(m.to));
      return held.map(messageText).join("\n") || "nothing";
    },
    release() {
      cluster.messages.push(...held);
      held = [];
      return "on their way again";
    },
    snapshot(c) {
      made = cluster.shelf.put(at(c).state);
      return `${made.index}/${made.term}`;
    },
    lacks(c) {
      return at(c).core.lacksSnapshot(snapshot()) ? "lacks it" : "has no use for it";
    },
    adopt(c) {
      return at(c).core.adoptSnapshot(snapshot()) ? "adopts it" : "has no use for it";
    },
    drop(c) {
      const to = numbersOf(c, "to");
      const before = cluster.messages.length;
      cluster.messages = cluster.messages.filter((m) => !to.includes(m.to));
      return `${before - cluster.messages.length} dropped`;
    },
    stabilize(c) {
      const only = numbersOf(c, "only");
      const within = (m: Message) =>
        only.length === 0 || (only.includes(m.to) && only.includes(m.from));
      cluster.stabilize(within);
      return [...cluster.replicas.values()].map(statusLine).join("\n");
    },
    crash(c) {
      at(c).restart(numberOf(c, "survivors"));
      return statusLine(at(c));
    },
    compact(c) {
      at(c).compact(numberOf(c, "index"));
      return statusLine(at(c));
    },
    status(c) {
      return statusLine(at(c));
    },
    members(c) {
      return membersText(at(c));
    },
    disk(c) {
      const { disk, hardState } = at(c);
      const head = `term ${hardState.term} vote ${hardState.vote ?? "none"}`;
      return [head, ...disk.entries.map(entryText)].join("\n");
    },
    state(c) {
      return at(c).state.entries.map(entryText).join(" ");
    },
  };
}

for (const name of [
  ...["storage", "memory", "members", "flow", "commit", "leader-gone", "quiet"],
  ...["replicas", "snapshots", "transfer", "learners", "limits"],
])
  runDataFile(new URL(`${name}.data.txt`, import.meta.url), handlersOf());

function numbersOf(c: Case, key: string): number[] {
  return (c.args[key] ?? []).map(Number);
}

function numberOf(c: Case, key: string): number {
  const value = numbersOf(c, key)[0];
  assert(value !== undefined, `'${c.command}' needs ${key}=`);
  return value;
}

function optionsOf(c: Case): Partial<RaftOptions> {
  const options: Record<string, number> = {};
  for (const [key, name] of [
    ["tail", "tailBytesMax"],
    ["inflight", "inflightMessagesMax"],
    ["message-bytes", "messageBytesMax"],
    ["uncommitted", "uncommittedBytesMax"],
    ["committed", "committedBytesMax"],
    ["stall", "storageStallTicks"],
    ["election", "electionTicks"],
    ["gone", "leaderGoneTicks"],
    ["quiet", "quietTicks"],
  ] as const) {
    const value = numbersOf(c, key)[0];
    if (value !== undefined) options[name] = value;
  }
  return options;
}

function permitOf(c: Case): QuietPermit {
  const permit = c.args["permit"]?.[0];
  return permit === "quiet" || permit === "quiet-due" ? permit : "awake";
}

function transitionOf(name: string | undefined): "auto" | "joint-implicit" | "joint-explicit" {
  if (name === "implicit") return "joint-implicit";
  return name === "explicit" ? "joint-explicit" : "auto";
}

function stepOf(word: string): ConfigStep {
  const replica = Number(word.slice(1));
  if (word.startsWith("v")) return { type: "add-voter", replica };
  return { type: word.startsWith("l") ? "add-learner" : "remove", replica };
}

function statusLine({ core }: TestReplica): string {
  const s = core.status();
  const stuck = s.storageStalled ? " stalled" : "";
  const quiet = core.quiet === undefined ? "" : core.quiet.due ? " quiet, due" : " quiet";
  return `${s.id} ${s.role} term ${s.term} leader ${s.leader ?? "none"} last ${s.lastIndex} synced ${s.synced} committed ${s.committed} applied ${s.applied} memory ${s.memoryFirstIndex}..${stuck}${quiet}`;
}

function membersText({ core }: TestReplica): string {
  const { configuration, members } = core.status();
  const outgoing =
    configuration.votersOutgoing.length > 0 ? ` leaving ${configuration.votersOutgoing}` : "";
  const lines = members.map((m) => {
    const marks = [m.learner && "learner", m.paused && "paused", m.inflightFull && "full"];
    const pending = m.pendingSnapshot > 0 ? ` snapshot ${m.pendingSnapshot}` : "";
    return `${m.id} ${m.state} match ${m.match} next ${m.next} inflight ${m.inflightMessages}${pending} ${marks.filter(Boolean).join(" ")}`.trimEnd();
  });
  const head = `voters ${configuration.voters}${outgoing} learners ${configuration.learners.join() || "none"}`;
  return [head, ...lines].join("\n");
}

function readyText(ready: Ready): string {
  const lines: string[] = [];
  if (ready.softState !== undefined)
    lines.push(`${ready.softState.role}, leader ${ready.softState.leader ?? "none"}`);
  lines.push(...ready.messages.map((m) => `send ${messageText(m)}`));
  if (ready.append !== undefined) {
    const { hardState, entries, snapshot, messagesAfter, sync } = ready.append;
    const parts = [
      hardState && `term ${hardState.term} vote ${hardState.vote ?? "none"}`,
      snapshot && `snapshot ${snapshot.index}/${snapshot.term}`,
      entries.map(entryText).join(" "),
    ];
    lines.push(`${sync ? "write" : "nothing to write:"} ${parts.filter(Boolean).join(", ")}`);
    lines.push(...messagesAfter.map((m) => `  then ${messageText(m)}`));
  }
  if (ready.committed.length > 0) lines.push(`apply ${ready.committed.map(entryText).join(" ")}`);
  for (const read of ready.logReads)
    lines.push(
      `read ${read.firstIndex}..${read.lastIndex} to ${read.purpose.kind}${read.purpose.kind === "replicate" ? ` to ${read.purpose.to}` : ""}`,
    );
  if (ready.snapshotsWanted.length > 0) lines.push(`snapshot for ${ready.snapshotsWanted}`);
  lines.push(...ready.readResults.map((result) => JSON.stringify(result)));
  return lines.join("\n");
}

function entryText(entry: Entry): string {
  const head = `${entry.index}/${entry.term}`;
  switch (entry.kind) {
    case "normal":
      return `${head}:${textOf(entry.data)}`;
    case "empty":
      return head;
    case "config":
      return `${head}:${entry.change.changes.map((s) => `${s.type} ${s.replica}`).join("+") || "leave"}`;
  }
}

function messageText(m: Message): string {
  const head = `${m.from}->${m.to} ${m.kind} term ${m.term}`;
  switch (m.kind) {
    case "append":
      return `${head} after ${m.previousIndex}/${m.previousTerm} [${m.entries.map(entryText).join(" ")}] commit ${m.commit}`;
    case "append-response":
      return m.rejection === undefined
        ? `${head} up to ${m.index}`
        : `${head} refuses ${m.index}, try ${m.rejection.hintIndex}/${m.rejection.hintTerm}`;
    case "quiet":
      return `${head} at ${m.index}${m.due ? " with a due time" : ""}`;
    case "quiet-response":
      return `${head} ${m.index > 0 ? `at ${m.index}` : "not yet"}`;
    case "commit":
      return `${head} up to ${m.commit}`;
    case "heartbeat":
      return `${head} commit ${m.commit} round ${m.round}`;
    case "heartbeat-response":
      return `${head} round ${m.round}`;
    case "vote":
    case "pre-vote":
      return `${head} last ${m.lastIndex}/${m.lastTerm}`;
    case "vote-response":
    case "pre-vote-response":
      return `${head} ${m.granted ? "granted" : "refused"}`;
    case "snapshot":
      return `${head} ${m.snapshot.index}/${m.snapshot.term}`;
    case "timeout-now":
      return head;
    case "read-index":
      return `${head} context ${m.context}`;
    case "read-index-response":
      return `${head} context ${m.context} index ${m.index}`;
  }
}
