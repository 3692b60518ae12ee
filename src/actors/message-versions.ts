/**
 * R10: from which cluster version on each message may be sent to another node. As with commands, the
 * bytes alone say what is meant: a new message, or another form of one, has a tag or a format version of
 * its own, and a number here.
 */
import type { Message } from "../raft/messages.ts";
import { commandVersion } from "../scheduler/command-versions.ts";
import type { ExecutorMessage, SchedulerMessage } from "../scheduler/protocol.ts";
import { versionNeeded } from "../scheduler/system/versions.ts";
import type { Call, CallAnswer, PeerMessage } from "./ports.ts";

/** By kind; what is inside some of them has tables of its own. */
const NEEDED = {
  raft: 1,
  "make-replica": 1,
  "replica-report": 1,
  "replica-gone": 1,
  "cluster-version": 1,
  clock: 1,
  executor: 1,
  scheduler: 1,
  call: 1,
  answer: 1,
} as const satisfies Record<PeerMessage["kind"], number>;

/** A batch that has one of a later version in it is not sent at all, so whoever makes those asks first. */
const RAFT = {
  append: 1,
  "append-response": 1,
  commit: 1,
  heartbeat: 1,
  "heartbeat-response": 1,
  quiet: 1,
  "quiet-response": 1,
  vote: 1,
  "vote-response": 1,
  "pre-vote": 1,
  "pre-vote-response": 1,
  snapshot: 1,
  "timeout-now": 1,
  "read-index": 1,
  "read-index-response": 1,
} as const satisfies Record<Message["kind"], number>;

const EXECUTOR = { beat: 1, ended: 1 } as const satisfies Record<ExecutorMessage["kind"], number>;

const SCHEDULER = {
  demand: 1,
  grants: 1,
  settled: 1,
  cancel: 1,
  "not-scheduler": 1,
} as const satisfies Record<SchedulerMessage["kind"], number>;

const CALLS = {
  command: 1,
  "mount-command": 1,
  "told-command": 1,
  "tree-changes": 1,
  "system-command": 1,
  read: 1,
  wait: 1,
  events: 1,
  "copy-run": 1,
  "group-status": 1,
  standing: 1,
  "recover-replica": 1,
  "can-dial": 1,
  transfer: 1,
  "hand-on-blocks": 1,
  "have-blocks": 1,
  "copy-blocks": 1,
  "store-blocks": 1,
  "take-blocks": 1,
  "verify-blocks": 1,
  "verify-store": 1,
  "rebuild-blocks": 1,
  "keep-blocks": 1,
  "drop-blocks": 1,
  "run-references": 1,
  "held-rows": 1,
  collect: 1,
  shortages: 1,
  output: 1,
} as const satisfies Record<Call["kind"], number>;

/** A new answer is for a new call, or nobody waits for it. */
const ANSWERS = {
  answered: 1,
  told: 1,
  rows: 1,
  waited: 1,
  events: 1,
  "tree-changes": 1,
  done: 1,
  group: 1,
  blocks: 1,
  verified: 1,
  dialable: 1,
  standing: 1,
  "run-references": 1,
  "held-rows": 1,
  collected: 1,
  shortages: 1,
  output: 1,
  "not-scheduler": 1,
  error: 1,
} as const satisfies Record<CallAnswer["kind"], number>;

/** The lowest cluster version in which a message may be sent. */
export function messageVersion(message: PeerMessage): number {
  return Math.max(NEEDED[message.kind], contentVersion(message));
}

function contentVersion(message: PeerMessage): number {
  switch (message.kind) {
    case "raft":
      return message.items.reduce((most, item) => Math.max(most, RAFT[item.message.kind]), 1);
    case "executor":
      return EXECUTOR[message.message.kind];
    case "scheduler":
      return SCHEDULER[message.message.kind];
    case "call":
      return callVersion(message.call);
    case "answer":
      return ANSWERS[message.answer.kind];
    case "make-replica":
    case "replica-report":
    case "replica-gone":
    case "cluster-version":
    case "clock":
      return 1;
  }
}

/** A command has to be carried to its leader before it can be proposed there. */
function callVersion(call: Call): number {
  const needed = CALLS[call.kind];
  if (isCommand(call)) return Math.max(needed, commandVersion(call.envelope.command));
  if (call.kind === "system-command") return Math.max(needed, versionNeeded(call.envelope.command));
  return needed;
}

/** Whether it brings a command to the leader of a workflow. */
export function isCommand(
  call: Call,
): call is Extract<Call, { readonly kind: "command" | "mount-command" | "told-command" }> {
  return call.kind === "command" || call.kind === "mount-command" || call.kind === "told-command";
}
