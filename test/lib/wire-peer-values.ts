/** Any value of what nodes say to each other and of the system group, built on `wire-values.ts`. */
import fc from "fast-check";
import type {
  Call,
  CallAnswer,
  Membership,
  PeerMessage,
  ReplicaPlace,
  SnapshotInfo,
  SnapshotRequest,
} from "../../src/actors/ports.ts";
import type { Message } from "../../src/raft/messages.ts";
import type { Command, CommandId } from "../../src/scheduler/commands.ts";
import type { EventChange } from "../../src/scheduler/events.ts";
import type {
  ExecutorMessage,
  GrantInputs,
  SchedulerMessage,
} from "../../src/scheduler/protocol.ts";
import type { SystemCommand } from "../../src/scheduler/system/commands.ts";
import type { Work } from "../../src/scheduler/work.ts";
import { namedCommandKinds } from "./wire-named-values.ts";
import { systemCommandKinds } from "./wire-system-values.ts";
import { treeCommandKinds } from "./wire-tree-values.ts";
import {
  type Any,
  base,
  commandKinds,
  idKinds,
  type Kinds,
  ofKinds,
  raftKinds,
  weight,
} from "./wire-values.ts";

const { one, natural, positive, bool, bytes, words, name, hash, list, maybe } = base;
const { configuration, token, unit, path, pieces, outcome, run, works, answer, row } = base;

/** Places of replicas. */
export const places: Any<readonly ReplicaPlace[]> = list(
  fc.record({ replica: positive, node: name, storeId: name }),
);

/** Members of a group. */
export const membership: Any<Membership> = fc.record({
  configuration,
  places,
  nextReplica: positive,
});

const half = fc.nat(0xffffffff);

/** What a snapshot stands for. */
export const snapshotInfo: Any<SnapshotInfo> = fc.record({
  snapshot: name,
  index: natural,
  term: natural,
  membership,
  hash: fc.record({ high: half, low: half }),
});

/** Which rows of a snapshot are wanted. */
export const snapshotRequest: Any<SnapshotRequest> = fc.record({
  group: natural,
  snapshot: name,
  after: maybe(words),
});

const inputs: Kinds<GrantInputs> = {
  none: fc.record({ kind: one("none") }),
  invocation: fc.record({ kind: one("invocation"), key: words }),
  children: fc.record({ kind: one("children"), request: natural, path }),
  part: fc.record({ kind: one("part"), request: natural, path, part: natural }),
};
const grant = fc.record({
  token,
  count: fc.integer({ min: 1, max: 32 }),
  request: name,
  invocation: name,
  step: name,
  inputs: ofKinds<GrantInputs>(inputs),
  work: ofKinds<Work>(works),
});

/** From executors. */
export const executorKinds: Kinds<ExecutorMessage> = {
  beat: fc.record({
    kind: one("beat"),
    group: natural,
    executor: name,
    sequence: natural,
    capabilities: list(name),
    slots: natural,
    prefetchMs: natural,
    aheadMs: natural,
    limit: natural,
    holding: list(token),
    leaving: bool,
  }),
  ended: fc.record({
    kind: one("ended"),
    group: natural,
    executor: name,
    ends: list(fc.record({ token, outcome, run, ranMicros: natural })),
  }),
};
const ruled = { group: natural, term: natural } as const;
const demand = { ready: natural, weight, heard: natural, held: natural } as const;

/** From schedulers. */
export const schedulerKinds: Kinds<SchedulerMessage> = {
  demand: fc.record({ kind: one("demand"), ...ruled, ...demand }),
  grants: fc.record({ kind: one("grants"), ...ruled, executor: name, grants: list(grant) }),
  settled: fc.record({ kind: one("settled"), ...ruled, tokens: list(token), ...demand }),
  cancel: fc.record({ kind: one("cancel"), ...ruled, tokens: list(token) }),
  "not-scheduler": fc.record({ kind: one("not-scheduler"), group: natural, leader: maybe(name) }),
};

const id = ofKinds<CommandId>(idKinds);

/** A workflow's command with who asked. */
export const envelope = fc.record({
  id,
  command: ofKinds<Command>({ ...commandKinds, ...namedCommandKinds, ...treeCommandKinds }),
});

/** A system command with who asked. */
export const systemEnvelope = fc.record({
  id,
  command: ofKinds<SystemCommand>(systemCommandKinds),
});

const eventChange: Any<EventChange> = fc.oneof(
  fc.record({
    kind: one("request"),
    request: natural,
    job: name,
    state: fc.constantFrom("queued", "running", "paused", "succeeded", "failed", "cancelled"),
    revision: natural,
    submittedMs: natural,
    endedMs: maybe(natural),
    steps: list(fc.record({ step: name, total: natural, done: natural, failed: natural })),
  }),
  fc.record({ kind: one("removed"), request: natural }),
  fc.record({ kind: one("defined"), revision: natural }),
  fc.record({
    kind: one("attempt"),
    request: natural,
    unit,
    step: name,
    node: name,
    how: fc.constantFrom("granted", "done", "failed", "lost", "released"),
  }),
);

/** What one node asks of another. */
export const callKinds: Kinds<Call> = {
  command: fc.record({ kind: one("command"), group: natural, envelope }),
  "told-command": fc.record({
    kind: one("told-command"),
    group: natural,
    envelope,
    mount: maybe(name),
    rows: list(name),
  }),
  "mount-command": fc.record({
    kind: one("mount-command"),
    group: natural,
    envelope,
    mount: name,
  }),
  "tree-changes": fc.record({
    kind: one("tree-changes"),
    group: natural,
    after: maybe(natural),
    limit: natural,
    waitMs: natural,
    mount: maybe(name),
    ends: bool,
  }),
  "system-command": fc.record({ kind: one("system-command"), envelope: systemEnvelope }),
  read: fc.record({
    kind: one("read"),
    group: natural,
    keys: list(words),
    scan: maybe(fc.record({ gte: words, lt: words, limit: natural, reverse: bool })),
    linear: bool,
  }),
  wait: fc.record({
    kind: one("wait"),
    group: natural,
    request: natural,
    waitMs: natural,
    knowsPaused: bool,
  }),
  "copy-run": fc.record({ kind: one("copy-run"), run: pieces.run }),
  "group-status": fc.record({ kind: one("group-status"), group: natural }),
  transfer: fc.record({ kind: one("transfer"), group: natural, to: name }),
  "hand-on-blocks": fc.record({ kind: one("hand-on-blocks") }),
  "have-blocks": fc.record({ kind: one("have-blocks"), cids: list(hash) }),
  standing: fc.record({ kind: one("standing"), group: natural }),
  "recover-replica": fc.record({
    kind: one("recover-replica"),
    group: natural,
    replica: positive,
    lastIndex: natural,
    next: fc.record({ replica: positive, term: positive }),
  }),
  "can-dial": fc.record({ kind: one("can-dial"), node: name }),
  "rebuild-blocks": fc.record({
    ...{ kind: one("rebuild-blocks"), cids: list(hash), from: list(name) },
    stripe: fc.record({
      data: list(fc.record({ cid: hash, bytes: fc.integer({ min: 1, max: 1_000_000 }) })),
      parity: list(hash),
    }),
  }),
  "keep-blocks": fc.record({ kind: one("keep-blocks"), cids: list(hash) }),
  "drop-blocks": fc.record({ kind: one("drop-blocks"), cids: list(hash), keepers: list(name) }),
  "copy-blocks": fc.record({ kind: one("copy-blocks"), cids: list(hash) }),
  "store-blocks": fc.record({
    kind: one("store-blocks"),
    blocks: list(fc.uint8Array({ maxLength: 12 })),
  }),
  "take-blocks": fc.record({ kind: one("take-blocks"), cids: list(hash), from: list(name) }),
  "verify-blocks": fc.record({ kind: one("verify-blocks"), cids: list(hash) }),
  "verify-store": fc.record({ kind: one("verify-store"), after: hash }),
  events: fc.record({
    kind: one("events"),
    group: natural,
    after: maybe(natural),
    request: maybe(natural),
    limit: natural,
    waitMs: natural,
  }),
  "run-references": fc.record({
    kind: one("run-references"),
    group: natural,
    scan: natural,
    after: maybe(words),
  }),
  "held-rows": fc.record({
    ...{ kind: one("held-rows"), group: natural, moment: natural, keys: list(words) },
    scan: maybe(fc.record({ gte: words, lt: words, limit: natural })),
    done: bool,
  }),
  collect: fc.record({ kind: one("collect"), dryRun: bool }),
  shortages: fc.record({ kind: one("shortages") }),
  output: fc.record({
    kind: one("output"),
    group: natural,
    request: name,
    token,
    stdout: natural,
    stderr: natural,
  }),
};

const blockSum = fc.record({ blocks: natural, bytes: natural });

const counted = {
  group: natural,
  short: natural,
  missing: natural,
  lost: natural,
  sinceMs: natural,
};

const outputPart = fc.record({ from: natural, bytes });

const groupMember = fc.record({
  replica: positive,
  node: name,
  votes: bool,
  match: natural,
  active: bool,
});

/** What it is answered. */
export const callAnswerKinds: Kinds<CallAnswer> = {
  answered: fc.record({ kind: one("answered"), answer }),
  told: fc.record({ kind: one("told"), answer, rows: list(maybe(row)) }),
  rows: fc.record({
    kind: one("rows"),
    values: list(maybe(row)),
    scanned: list(fc.record({ key: words, row })),
    more: bool,
    term: natural,
    appliedIndex: natural,
  }),
  waited: fc.record({ kind: one("waited"), news: bool }),
  "tree-changes": fc.record({
    kind: one("tree-changes"),
    resync: bool,
    changes: list(
      fc.record({
        revision: natural,
        inodes: list(natural),
        entries: list(fc.record({ parent: natural, name: words })),
      }),
    ),
    next: natural,
    leaseMs: natural,
  }),
  "run-references": fc.record({
    kind: one("run-references"),
    scan: natural,
    runs: list(hash),
    after: maybe(words),
  }),
  shortages: fc.record({
    kind: one("shortages"),
    volumes: list(fc.record(counted)),
  }),
  "held-rows": fc.record({
    ...{ kind: one("held-rows"), moment: natural, values: list(maybe(row)) },
    scanned: list(fc.record({ key: words, row })),
    more: bool,
  }),
  collected: fc.record({
    kind: one("collected"),
    report: fc.record({
      ...{ blocks: natural, needed: natural, trouble: words },
      ...{ waiting: blockSum, uncertain: blockSum, deleted: blockSum },
    }),
  }),
  events: fc.record({
    kind: one("events"),
    resync: bool,
    events: list(fc.record({ number: natural, change: eventChange })),
    next: natural,
  }),
  done: fc.record({ kind: one("done") }),
  "not-scheduler": fc.record({ kind: one("not-scheduler"), leader: maybe(name) }),
  group: fc.record({
    kind: one("group"),
    status: fc.record({
      group: natural,
      term: natural,
      leader: positive,
      lastIndex: natural,
      commitIndex: natural,
      members: list(groupMember),
    }),
  }),
  blocks: fc.record({ kind: one("blocks"), here: list(bool) }),
  verified: fc.record({
    kind: one("verified"),
    last: maybe(hash),
    blocks: natural,
    bytes: natural,
    damaged: list(hash),
  }),
  standing: fc.record({
    kind: one("standing"),
    standing: maybe(
      fc.record({
        replica: positive,
        term: natural,
        lastIndex: natural,
        lastTerm: natural,
        appliedIndex: natural,
        membership,
      }),
    ),
  }),
  dialable: fc.record({ kind: one("dialable"), yes: bool }),
  output: fc.record({
    kind: one("output"),
    state: fc.constantFrom("running", "ended", "gone"),
    stdout: outputPart,
    stderr: outputPart,
  }),
  error: fc.record({
    kind: one("error"),
    code: name,
    message: words,
    details: fc.dictionary(name, fc.oneof(words, natural, bool), { maxKeys: 3 }),
  }),
};

/** Everything on the control stream. */
export const peerKinds: Kinds<PeerMessage> = {
  raft: fc.record({
    kind: one("raft"),
    items: list(fc.record({ group: natural, message: ofKinds<Message>(raftKinds) })),
  }),
  "make-replica": fc.record({
    kind: one("make-replica"),
    group: natural,
    replica: positive,
    storeId: name,
    membership,
  }),
  "replica-report": fc.record({
    kind: one("replica-report"),
    group: natural,
    replica: natural,
    storeId: name,
    damaged: bool,
  }),
  "replica-gone": fc.record({
    kind: one("replica-gone"),
    group: natural,
    replica: natural,
    storeId: name,
    below: positive,
  }),
  clock: fc.record({ kind: one("clock"), wallMs: natural }),
  "cluster-version": fc.record({ kind: one("cluster-version"), version: positive }),
  executor: fc.record({ kind: one("executor"), message: ofKinds<ExecutorMessage>(executorKinds) }),
  scheduler: fc.record({
    kind: one("scheduler"),
    message: ofKinds<SchedulerMessage>(schedulerKinds),
  }),
  call: fc.record({ kind: one("call"), id: natural, call: ofKinds<Call>(callKinds) }),
  answer: fc.record({
    kind: one("answer"),
    id: natural,
    answer: ofKinds<CallAnswer>(callAnswerKinds),
  }),
};
