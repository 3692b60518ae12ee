/** Schemas of what the API answers. Their type arguments are the types of `ports.ts`. */
import type {
  BlockSumView,
  CollectedView,
  GroupMemberView,
  GroupView,
  RecoveryView,
  ReplicaStateView,
  TicketView,
  WantingView,
} from "./admin-port.ts";
import type {
  AttemptError,
  AttemptView,
  EnforcedLimitView,
  ExitView,
  OutputText,
  OutputView,
} from "./attempt-view.ts";
import type { ClusterView, MemberVersionsView, VersionRangeView } from "./cluster-view.ts";
import type { FailureBody } from "./failures.ts";
import {
  ANY,
  BOOLEAN,
  type JsonSchema,
  list,
  NATURAL,
  nullable,
  object,
  oneOf,
  record,
  TEXT,
  TIME,
} from "./json-schema.ts";
import type {
  ApplyReport,
  DefinitionDifference,
  HandlerSourceView,
  HandlerView,
  JobDefinition,
  JobView,
  NodeView,
  ReplicaView,
  RequestError,
  RequestList,
  RequestView,
  RetentionDefinition,
  StepDefinition,
  StepView,
  SubmitAnswer,
  TokenAnswer,
  TokenView,
  WorkflowSummary,
  WorkflowView,
} from "./ports.ts";

const NAMES = list(TEXT);

/** Every answer that is not a success. */
export const FAILURE = object<FailureBody>("Failure", {
  code: TEXT,
  message: TEXT,
  details: record(ANY),
});

const VERSIONS = object<VersionRangeView>("Versions", { min: NATURAL, max: NATURAL });

const MEMBER_VERSIONS = object<MemberVersionsView>("MemberVersions", {
  node: TEXT,
  name: TEXT,
  versions: VERSIONS,
});

/** The cluster as a whole. */
export const CLUSTER = object<ClusterView>("Cluster", {
  id: TEXT,
  version: NATURAL,
  members: list(MEMBER_VERSIONS),
  next: nullable(
    object<Exclude<ClusterView["next"], null>>("NextVersion", {
      version: NATURAL,
      waitsFor: list(MEMBER_VERSIONS),
    }),
  ),
  why: TEXT,
});

/** A node. */
export const NODE = object<NodeView>("Node", {
  id: TEXT,
  name: TEXT,
  api: TEXT,
  state: oneOf("up", "down", "drained", "removing", "removed"),
  capabilities: NAMES,
  slots: NATURAL,
  version: TEXT,
  versions: VERSIONS,
  durability: oneOf("sync", "none"),
  clockAheadMs: nullable({ type: "number" }),
  clockIsOff: BOOLEAN,
  damaged: NAMES,
});

/** A ticket, without its secret. */
export const TICKET = object<TicketView>("Ticket", {
  id: TEXT,
  state: oneOf("open", "expired", "used", "revoked"),
  usesLeft: NATURAL,
  expiresAt: TIME,
  madeBy: TEXT,
});

/** A Raft group. */
export const GROUP = object<GroupView>("Group", {
  group: NATURAL,
  name: TEXT,
  led: BOOLEAN,
  term: NATURAL,
  lastIndex: NATURAL,
  commitIndex: NATURAL,
  members: list(
    object<GroupMemberView>("GroupMember", {
      node: TEXT,
      replica: NATURAL,
      role: oneOf("leader", "voter", "learner"),
      match: NATURAL,
      active: BOOLEAN,
    }),
  ),
  votersWanted: NATURAL,
});

/** A replica on the node that was asked. */
export const REPLICA_STATE = object<ReplicaStateView>("ReplicaState", {
  group: NATURAL,
  name: TEXT,
  replica: nullable(NATURAL),
  role: oneOf("leader", "follower", "candidate", "stopped"),
  reason: nullable(TEXT),
  term: NATURAL,
  appliedIndex: NATURAL,
  stateHash: nullable(TEXT),
});

const BLOCK_SUM = object<BlockSumView>("BlockSum", { blocks: NATURAL, bytes: NATURAL });

/** What a round of the collector came to at one node. */
export const COLLECTED = object<CollectedView>("Collected", {
  node: TEXT,
  answered: BOOLEAN,
  blocks: NATURAL,
  needed: NATURAL,
  waiting: BLOCK_SUM,
  uncertain: BLOCK_SUM,
  deleted: BLOCK_SUM,
  trouble: TEXT,
});

/** What volumes lack of copies. */
export const WANTING = object<WantingView>("WantingBlocks", {
  volumes: list(
    object<WantingView["volumes"][number]>("WantingVolume", {
      workflow: TEXT,
      short: NATURAL,
      missing: NATURAL,
      lost: NATURAL,
      since: TEXT,
    }),
  ),
  silent: list(TEXT),
});

/** What is left of a group. */
export const RECOVERY = object<RecoveryView>("Recovery", {
  group: NATURAL,
  name: TEXT,
  recovered: BOOLEAN,
  survivor: TEXT,
  lastIndex: NATURAL,
  appliedIndex: NATURAL,
  lost: list(
    object<RecoveryView["lost"][number]>("LostReplica", {
      node: TEXT,
      replica: NATURAL,
      votes: BOOLEAN,
    }),
  ),
});

const TOKEN_FIELDS = {
  id: TEXT,
  name: TEXT,
  role: oneOf("read", "submit", "admin"),
  workflows: nullable(NAMES),
  createdAt: TIME,
} as const satisfies { readonly [K in keyof TokenView]-?: JsonSchema };

/** A token, without its text. */
export const TOKEN = object<TokenView>("Token", TOKEN_FIELDS);

/** A token that was made just now. */
export const NEW_TOKEN = object<TokenAnswer>("NewToken", { ...TOKEN_FIELDS, token: TEXT });

/** A workflow in a list. */
export const WORKFLOW_SUMMARY = object<WorkflowSummary>("WorkflowSummary", {
  workflow: TEXT,
  description: TEXT,
  weight: NATURAL,
  state: oneOf("creating", "active", "deleting"),
});

const REPLICA = object<ReplicaView>("Replica", {
  node: TEXT,
  name: TEXT,
  replica: NATURAL,
  role: oneOf("voter", "learner"),
});

const STEP_FIELDS = {
  map: TEXT,
  combine: nullable(TEXT),
  reduce: TEXT,
  partitions: NATURAL,
  retries: NATURAL,
  timeoutMs: NATURAL,
  onFailure: oneOf("fail", "skip", "pause"),
  description: TEXT,
} as const satisfies { readonly [K in keyof StepDefinition]-?: JsonSchema };

const STEP = object<StepDefinition>("StepDefinition", STEP_FIELDS);

/** A step with its name. */
export const STEP_VIEW = object<StepView>("Step", {
  name: TEXT,
  revision: NATURAL,
  ...STEP_FIELDS,
});

const JOB_FIELDS = { step: TEXT, description: TEXT } as const;
const JOB = object<JobDefinition>("JobDefinition", JOB_FIELDS);

/** A job with its name. */
export const JOB_VIEW = object<JobView>("Job", { name: TEXT, revision: NATURAL, ...JOB_FIELDS });

const HANDLER_FIELDS = {
  name: TEXT,
  revision: NATURAL,
  version: TEXT,
  type: oneOf("mapper", "combiner", "reducer"),
  language: oneOf("javascript", "python", "executable", "container"),
  requiredCapability: TEXT,
  retries: nullable(NATURAL),
  timeoutMs: nullable(NATURAL),
  memoryBytes: nullable(NATURAL),
  description: TEXT,
} as const satisfies { readonly [K in keyof HandlerView]-?: JsonSchema };

/** A handler without its source. */
export const HANDLER = object<HandlerView>("Handler", HANDLER_FIELDS);

/** A handler with its source. */
export const HANDLER_SOURCE = object<HandlerSourceView>("HandlerWithSource", {
  ...HANDLER_FIELDS,
  source: TEXT,
});

/** A workflow with its definitions. */
export const WORKFLOW = object<WorkflowView>("Workflow", {
  workflow: TEXT,
  description: TEXT,
  state: oneOf("creating", "active", "deleting"),
  scheduler: nullable(TEXT),
  schedulerName: nullable(TEXT),
  term: NATURAL,
  replicas: list(REPLICA),
  appliedIndex: NATURAL,
  revision: NATURAL,
  steps: record(STEP),
  jobs: record(JOB),
  handlers: list(HANDLER),
  retention: nullable(object<RetentionDefinition>("Retention", { ageMs: NATURAL, bytes: NATURAL })),
  weight: NATURAL,
});

const VALUE: JsonSchema = { type: ["string", "number", "null"] };
const CHANGES = object<ApplyReport["steps"]>("Changes", { changed: NAMES, unchanged: NAMES });

/** What an apply or a sync changed. */
export const APPLY_REPORT = object<ApplyReport>("ApplyReport", {
  workflow: TEXT,
  created: BOOLEAN,
  handlers: object<ApplyReport["handlers"]>("HandlerChanges", {
    added: NAMES,
    updated: NAMES,
    removed: NAMES,
    unchanged: NAMES,
    kept: NAMES,
  }),
  steps: CHANGES,
  jobs: CHANGES,
  differences: list(
    object<DefinitionDifference>("Difference", {
      entity: oneOf("workflow", "handler", "step", "job"),
      name: TEXT,
      change: oneOf("added", "changed", "removed"),
      fields: record(
        object<DefinitionDifference["fields"][string]>("FieldDifference", {
          before: VALUE,
          after: VALUE,
        }),
      ),
    }),
  ),
});

/** Where a request stands. */
export const REQUEST_STATE = oneOf(
  "queued",
  "running",
  "paused",
  "succeeded",
  "failed",
  "cancelled",
);

/** A key and a value. */
export const PAIR: JsonSchema = { type: "array", minItems: 2, maxItems: 2, items: ANY };

const REQUEST_ERROR = object<RequestError>("RequestError", {
  code: TEXT,
  message: TEXT,
  invocation: nullable(TEXT),
  traceback: TEXT,
  stdout: TEXT,
  stderr: TEXT,
});

/** The pairs of a result. */
export const RESULT = object<{ pairs: unknown }>("Result", { pairs: list(PAIR) });

const REQUEST_FIELDS = {
  request: TEXT,
  workflow: TEXT,
  job: TEXT,
  state: REQUEST_STATE,
  revision: NATURAL,
  submittedAt: TIME,
  endedAt: nullable(TIME),
  result: nullable(RESULT),
  error: nullable(REQUEST_ERROR),
  steps: record(
    object<RequestView["steps"][string]>("Progress", {
      total: NATURAL,
      done: NATURAL,
      failed: NATURAL,
    }),
  ),
  warnings: list(TEXT),
  keptAs: nullable(TEXT),
  retryOf: nullable(TEXT),
} as const satisfies { readonly [K in keyof RequestView]-?: JsonSchema };

/** A request. */
export const REQUEST = object<RequestView>("Request", REQUEST_FIELDS);

/** A page of requests. */
export const REQUEST_LIST = object<RequestList>("Requests", {
  requests: list(REQUEST),
  next: nullable(TEXT),
});

/** What was accepted. */
export const SUBMITTED = object<SubmitAnswer>("Submitted", {
  request: TEXT,
  workflow: TEXT,
  job: TEXT,
  duplicate: BOOLEAN,
});

/** A request that was submitted and waited for. */
export const SUBMITTED_REQUEST = object<RequestView & { duplicate: boolean }>("SubmittedRequest", {
  ...REQUEST_FIELDS,
  duplicate: BOOLEAN,
});

/** What an attempt that did not end well left. */
export const ATTEMPT_ERROR = object<AttemptError>("AttemptError", {
  code: TEXT,
  message: TEXT,
  traceback: TEXT,
  stdout: TEXT,
  stderr: TEXT,
});

/** An attempt. */
export const ATTEMPT = object<AttemptView>("Attempt", {
  invocation: TEXT,
  step: TEXT,
  node: TEXT,
  nodeName: TEXT,
  phase: oneOf("map", "reduce"),
  part: nullable(NATURAL),
  state: oneOf("running", "done", "failed", "lost", "released"),
  grantedAt: TIME,
  startedAt: TIME,
  endedAt: nullable(TIME),
  exit: nullable(
    object<ExitView>("WorkerExit", { code: nullable(NATURAL), signal: nullable(TEXT) }),
  ),
  limits: nullable(
    list(
      object<EnforcedLimitView>("EnforcedLimit", {
        kind: oneOf("memory", "cpu", "pids", "disk", "time", "silence"),
        by: oneOf("cgroup-v2", "cgroup-v1", "rlimit", "looking", "node", "none"),
      }),
    ),
  ),
  error: nullable(ATTEMPT_ERROR),
  live: nullable(TEXT),
  printed: nullable(
    object<NonNullable<AttemptView["printed"]>>("Printed", { stdout: TEXT, stderr: TEXT }),
  ),
});

const OUTPUT_TEXT = object<OutputText>("OutputText", { from: NATURAL, to: NATURAL, text: TEXT });

/** What an attempt has printed so far. */
export const OUTPUT = object<OutputView>("Output", {
  state: oneOf("running", "ended", "gone", "unreachable"),
  stdout: OUTPUT_TEXT,
  stderr: OUTPUT_TEXT,
});
