/**
 * Any value of the types that travel or are stored, small enough to be read in a failure. A table per
 * union, so that a new variant without values is a type error.
 */
import fc from "fast-check";
import type { Message } from "../../src/raft/messages.ts";
import type { ConfigChange, Configuration, Entry } from "../../src/raft/types.ts";
import type { Command, CommandId } from "../../src/scheduler/commands.ts";
import type { Piece } from "../../src/scheduler/dataset.ts";
import type { NamedCommand } from "../../src/scheduler/named/commands.ts";
import type { NamedRow } from "../../src/scheduler/named/rows.ts";
import type { Answer, HandlerDefinition, QueueRow, Row } from "../../src/scheduler/rows.ts";
import type { TreeCommand } from "../../src/scheduler/tree/commands.ts";
import type { TreeRow } from "../../src/scheduler/tree/rows.ts";
import type { Token, UnitRef } from "../../src/scheduler/unit.ts";
import {
  type AttemptRun,
  type HandlerRef,
  type Outcome,
  RUN_MS_MAX,
  type Work,
  type WorkError,
  type WorkerExit,
} from "../../src/scheduler/work.ts";
import { WEIGHT_MAX } from "../../src/workflow/definition.ts";
import { listedOutcome, listing, listWork, objects, submitObjects } from "./wire-object-values.ts";
import { lackingValues, remakeRowKinds } from "./wire-remake-values.ts";

/** Short for an arbitrary of fast-check. */
export type Any<T> = fc.Arbitrary<T>;

/** Values of each variant. */
export type Kinds<T extends { readonly kind: string }> = {
  readonly [Kind in T["kind"]]: Any<Extract<T, { readonly kind: Kind }>>;
};

/** Values of any variant. */
export function ofKinds<T extends { readonly kind: string }>(kinds: Kinds<T>): Any<T>;
export function ofKinds(kinds: Readonly<Record<string, Any<unknown>>>): Any<unknown> {
  return fc.oneof(...Object.values(kinds));
}

const one = fc.constant;
const natural = fc.oneof(fc.nat(300), fc.maxSafeNat());
const positive = fc.integer({ min: 1, max: 9999 });
const bool = fc.boolean();
const bytes = fc.uint8Array({ maxLength: 12 });
const words = fc
  .string({ unit: "binary", maxLength: 12 })
  .map((value) => value.replace(/\p{Surrogate}/gu, "?"));
const name = fc.stringMatching(/^[a-z_][a-z0-9.]{0,7}$/u);
const hash = fc
  .uint8Array({ minLength: 32, maxLength: 32 })
  .map((value) => Buffer.from(value).toString("hex"));
const list = <T>(item: Any<T>): Any<readonly T[]> => fc.array(item, { maxLength: 3 });
const maybe = <T>(item: Any<T>): Any<T | undefined> => fc.option(item, { nil: undefined });

const change: Any<ConfigChange> = fc.record({
  transition: fc.constantFrom("auto", "joint-implicit", "joint-explicit"),
  changes: list(
    fc.record({
      type: fc.constantFrom("add-voter", "add-learner", "remove", "update"),
      replica: fc.nat(9),
    }),
  ),
  context: bytes,
});

const at = { index: positive, term: positive } as const;
const entries: Kinds<Entry> = {
  normal: fc.record({ kind: one("normal"), ...at, data: bytes }),
  empty: fc.record({ kind: one("empty"), ...at }),
  config: fc.record({ kind: one("config"), ...at, change }),
};
const replicas = list(positive);
const configuration: Any<Configuration> = fc.record({
  voters: replicas,
  votersOutgoing: replicas,
  learners: replicas,
  learnersNext: replicas,
  autoLeave: bool,
});
const head = { from: positive, to: positive, term: natural } as const;
const last = { lastIndex: natural, lastTerm: natural } as const;

/** Messages between replicas. */
export const raftKinds: Kinds<Message> = {
  append: fc.record({
    kind: one("append"),
    ...head,
    previousIndex: natural,
    previousTerm: natural,
    entries: list(ofKinds<Entry>(entries)),
    commit: natural,
  }),
  "append-response": fc.record({
    kind: one("append-response"),
    ...head,
    index: natural,
    rejection: maybe(fc.record({ hintIndex: natural, hintTerm: natural })),
  }),
  commit: fc.record({ kind: one("commit"), ...head, commit: natural }),
  quiet: fc.record({ kind: one("quiet"), ...head, index: natural, due: bool }),
  "quiet-response": fc.record({ kind: one("quiet-response"), ...head, index: natural }),
  heartbeat: fc.record({ kind: one("heartbeat"), ...head, commit: natural, round: natural }),
  "heartbeat-response": fc.record({ kind: one("heartbeat-response"), ...head, round: natural }),
  vote: fc.record({ kind: one("vote"), ...head, ...last, transfer: bool }),
  "vote-response": fc.record({ kind: one("vote-response"), ...head, granted: bool }),
  "pre-vote": fc.record({ kind: one("pre-vote"), ...head, ...last }),
  "pre-vote-response": fc.record({ kind: one("pre-vote-response"), ...head, granted: bool }),
  snapshot: fc.record({
    kind: one("snapshot"),
    ...head,
    snapshot: fc.record({ index: natural, term: natural, configuration, descriptor: bytes }),
  }),
  "timeout-now": fc.record({ kind: one("timeout-now"), ...head }),
  "read-index": fc.record({ kind: one("read-index"), ...head, context: natural }),
  "read-index-response": fc.record({
    kind: one("read-index-response"),
    ...head,
    context: natural,
    index: natural,
  }),
};

const count = { count: natural, order: fc.constantFrom("key", "yield") } as const;
const pieces: Kinds<Piece> = {
  inline: fc.record({ kind: one("inline"), bytes, ...count }),
  run: fc.record({ kind: one("run"), cid: hash, bytes: natural, ...count, holders: list(name) }),
};
const piece = ofKinds<Piece>(pieces);
const dataset = list(piece);
const parts = list(dataset);
const path = list(natural);
const token: Any<Token> = fc.record({ index: natural, ordinal: natural });
const units: Kinds<UnitRef> = {
  map: fc.record({ kind: one("map"), request: natural, path }),
  reduce: fc.record({ kind: one("reduce"), request: natural, path, part: natural }),
};
const unit = ofKinds<UnitRef>(units);
const handler: Any<HandlerRef> = fc.record({
  name,
  version: hash,
  language: fc.constantFrom("javascript", "python"),
  type: fc.constantFrom("mapper", "combiner", "reducer"),
  argumentType: fc.constantFrom(
    "list",
    "dict",
    "tuple",
    "int",
    "float",
    "str",
    "bool",
    "set",
    "frozenset",
    "sorted",
    "reversed",
    "enumerate",
    "iter",
    "len",
    null,
  ),
  memoryBytes: fc.option(natural, { nil: undefined }),
});
const shape = { parts: positive.map((n) => (n % 1024) + 1), keepYieldOrder: bool } as const;

const works: Kinds<Work> = {
  map: fc.record({
    kind: one("map"),
    mapper: handler,
    combiner: maybe(handler),
    reducer: maybe(handler),
    reducerCapability: name,
    input: list(fc.record({ piece, first: natural, count: natural })),
    ...shape,
    timeoutMs: natural,
    ...{ objects: maybe(objects), fromOwnStep: maybe(bool) },
  }),
  list: listWork(dataset),
  reduce: fc.record({
    kind: one("reduce"),
    reducer: handler,
    session: dataset,
    inlineBytes: natural,
    ...shape,
    timeoutMs: natural,
  }),
};
const error: Any<WorkError> = fc.record({
  code: name,
  message: words,
  traceback: words,
  stdout: words,
  stderr: words,
});
const printed = fc.record({ stdout: words, stderr: words });
const done = { session: dataset, warnings: list(words), printed: maybe(printed) } as const;

const exit: Any<WorkerExit | undefined> = maybe(
  ofKinds<WorkerExit>({
    code: fc.record({ kind: one("code"), code: fc.nat(255) }),
    signal: fc.record({ kind: one("signal"), signal: fc.constantFrom("SIGKILL", "SIGUSR1") }),
  }),
);
const runMs = fc.nat(RUN_MS_MAX);
const run: Any<AttemptRun | undefined> = maybe(fc.record({ tookMs: runMs, agoMs: runMs }));

/** Ends of attempts. */
export const outcomeKinds: Kinds<Outcome> = {
  mapped: fc.record({ kind: one("mapped"), step: name, children: dataset, ...done }),
  combined: fc.record({ kind: one("combined"), pairs: dataset, ...done }),
  reduced: fc.record({ kind: one("reduced"), parts, ...done }),
  listed: listedOutcome(dataset),
  failed: fc.record({ kind: one("failed"), error, exit }),
  released: fc.record({ kind: one("released"), reason: words, exit }),
  lacking: lackingValues(hash, error),
};
const outcome = ofKinds<Outcome>(outcomeKinds);

const tries = {
  retries: fc.option(fc.nat(100), { nil: undefined }),
  timeoutMs: fc.option(natural, { nil: undefined }),
} as const;
const definition: Any<HandlerDefinition> = fc.record({
  handler,
  capability: name,
  ...tries,
  description: words,
});
const limits = {
  partitions: shape.parts,
  ...tries,
  onFailure: fc.constantFrom("fail", "skip", "pause"),
} as const;
const jobs = list(fc.record({ name, step: name, description: words }));
const retention = maybe(fc.record({ ageMs: natural, bytes: natural }));

/** Of a workflow. */
export const weight = fc.integer({ min: 1, max: WEIGHT_MAX });

/** Who asked. */
export const idKinds: Kinds<CommandId> = {
  key: fc.record({ kind: one("key"), key: words, bodyHash: words }),
  entry: fc.record({ kind: one("entry"), node: name, boot: natural, sequence: natural }),
  none: fc.record({ kind: one("none") }),
};
const requestChange = { request: natural, revision: maybe(natural) };

/** Commands of workflows. */
export const commandKinds: Kinds<Exclude<Command, NamedCommand | TreeCommand>> = {
  create: fc.record({ kind: one("create"), group: natural, name, description: words, weight }),
  source: fc.record({ kind: one("source"), version: hash, source: words }),
  define: fc.record({
    kind: one("define"),
    revision: natural,
    description: words,
    handlers: list(definition),
    steps: list(
      fc.record({
        name,
        description: words,
        map: name,
        combine: maybe(name),
        reduce: name,
        ...limits,
      }),
    ),
    jobs,
    retention,
    weight,
  }),
  submit: fc.record({ kind: one("submit"), job: name, arguments: dataset, keep: maybe(name) }),
  "submit-objects": submitObjects(dataset),
  retry: fc.record({ kind: one("retry"), request: natural, keep: maybe(name) }),
  remove: fc.record({ kind: one("remove"), ...requestChange, expired: bool }),
  "remove-rows": fc.record({
    kind: one("remove-rows"),
    request: natural,
    keys: list(words),
    last: bool,
  }),
  "forget-keys": fc.record({ kind: one("forget-keys"), keys: list(words) }),
  cancel: fc.record({ kind: one("cancel"), ...requestChange }),
  resume: fc.record({ kind: one("resume"), ...requestChange }),
  close: fc.record({ kind: one("close") }),
  noop: fc.record({ kind: one("noop"), bytes }),
  grant: fc.record({
    kind: one("grant"),
    queueKey: words,
    child: natural,
    count: fc.integer({ min: 1, max: 32 }),
    node: name,
    executor: name,
  }),
  ends: fc.record({ kind: one("ends"), ends: list(fc.record({ token, outcome, run })) }),
  "take-back": fc.record({
    kind: one("take-back"),
    token,
    how: fc.constantFrom("lost", "released"),
  }),
  due: fc.record({ kind: one("due"), delayedKey: words }),
  "set-aside": fc.record({ kind: one("set-aside"), key: words }),
  unpark: fc.record({ kind: one("unpark"), key: words }),
};

const answers: Kinds<Answer> = {
  ok: fc.record({ kind: one("ok") }),
  request: fc.record({ kind: one("request"), request: natural, repeated: bool }),
  revision: fc.record({ kind: one("revision"), revision: natural }),
  changed: fc.record({ kind: one("changed"), count: natural }),
  inode: fc.record({ kind: one("inode"), inode: natural, revision: natural }),
  refused: fc.record({ kind: one("refused"), code: name, message: words }),
};
const answer = ofKinds<Answer>(answers);
const memory = {
  "answer-block": fc.record({
    kind: one("answer-block"),
    answers: fc.array(fc.option(answer, { nil: undefined }), { maxLength: 3 }),
  }),
  "answer-window": fc.record({
    kind: one("answer-window"),
    boot: natural,
    firstBlock: natural,
    lastBlock: natural,
  }),
  keyed: fc.record({ kind: one("keyed"), bodyHash: words, answer, stampMs: natural }),
} as const;
const again = { unit, step: name, failures: natural, losses: natural } as const;
const queueKinds: Kinds<QueueRow> = {
  "queue-range": fc.record({
    kind: one("queue-range"),
    request: natural,
    path,
    step: name,
    next: natural,
    end: natural,
  }),
  "queue-unit": fc.record({ kind: one("queue-unit"), ...again }),
};
const times = { grantedMs: natural, startedMs: maybe(natural), endedMs: natural } as const;

/** Rows of workflows. */
export const rowKinds: Kinds<Exclude<Row, NamedRow | TreeRow>> = {
  meta: fc.record({
    kind: one("meta"),
    group: natural,
    name,
    description: words,
    nextRequest: natural,
    newestMs: natural,
    plan: natural,
    retention,
    weight,
  }),
  source: fc.record({ kind: one("source"), source: words }),
  plan: fc.record({
    kind: one("plan"),
    handlers: list(definition),
    steps: list(
      fc.record({
        name,
        description: words,
        mapper: definition,
        combiner: maybe(definition),
        reducer: definition,
        ...limits,
      }),
    ),
    jobs,
    revisions: fc.record({ handlers: list(natural), steps: list(natural), jobs: list(natural) }),
  }),
  request: fc.record({
    kind: one("request"),
    job: name,
    initialStep: name,
    plan: natural,
    state: fc.constantFrom("queued", "running", "paused", "succeeded", "failed", "cancelled"),
    revision: natural,
    submittedMs: natural,
    endedMs: maybe(natural),
    arguments: dataset,
    result: maybe(dataset),
    failure: maybe(fc.record({ error, unit: maybe(unit) })),
    steps: list(fc.record({ step: name, total: natural, done: natural, failed: natural })),
    warnings: list(words),
    badEnds: fc.record({ final: natural, retried: natural, released: natural }),
    printedCount: natural,
    keptAs: maybe(name),
    retryOf: maybe(natural),
    objects: maybe(objects),
  }),
  printed: fc.record({
    kind: one("printed"),
    unit,
    step: name,
    node: name,
    ...times,
    printed,
  }),
  ended: fc.record({ kind: one("ended"), bytes: natural }),
  kept: fc.record({ kind: one("kept"), request: natural }),
  removal: fc.record({ kind: one("removal") }),
  retained: fc.record({
    kind: one("retained"),
    count: natural,
    bytes: natural,
    open: natural,
    kept: natural,
  }),
  pins: fc.record({ kind: one("pins"), count: natural }),
  expiry: fc.record({ kind: one("expiry") }),
  closed: fc.record({ kind: one("closed") }),
  ...remakeRowKinds,
  invocation: fc.record({
    kind: one("invocation"),
    step: name,
    state: fc.constantFrom("children", "reducing", "done"),
    childStep: maybe(name),
    data: dataset,
    childCount: natural,
    childDone: natural,
    session: dataset,
    reduceCount: fc.integer({ min: 0, max: 1024 }),
    reduceDone: fc.integer({ min: 0, max: 1024 }),
    failedPart: maybe(fc.record({ part: natural, code: name, attempts: natural })),
    listing: maybe(listing),
  }),
  segment: fc.record({ kind: one("segment"), data: dataset }),
  block: fc.record({
    kind: one("block"),
    stretches: list(
      fc.record({
        first: natural,
        children: list(
          fc.record({
            data: maybe(dataset),
            startedAfterMs: maybe(natural),
            endedAfterMs: natural,
          }),
        ),
        failureCode: maybe(name),
        attempts: natural,
        node: name,
        grantedMs: natural,
      }),
    ),
  }),
  result: fc.record({ kind: one("result"), data: dataset }),
  void: fc.record({ kind: one("void") }),
  ...queueKinds,
  delayed: fc.record({ kind: one("delayed"), ...again }),
  parked: fc.record({ kind: one("parked"), row: ofKinds<QueueRow>(queueKinds) }),
  attempt: fc.record({
    kind: one("attempt"),
    ...again,
    open: fc.integer({ min: 1, max: 2 ** 32 - 1 }),
    node: name,
    executor: name,
    grantedMs: natural,
  }),
  history: fc.record({
    kind: one("history"),
    token,
    unit,
    step: name,
    node: name,
    how: fc.constantFrom("done", "failed", "lost", "released"),
    ...times,
    attempts: natural,
    error: maybe(error),
    exit,
  }),
  ...memory,
};
const row = ofKinds<Exclude<Row, NamedRow | TreeRow>>(rowKinds);

/** What `wire-peer-values.ts` builds on. */
export const base = {
  one,
  natural,
  positive,
  bool,
  bytes,
  words,
  name,
  hash,
  list,
  maybe,
  configuration,
  token,
  unit,
  path,
  pieces,
  outcome,
  run,
  works,
  answer,
  memory,
  row,
} as const;
