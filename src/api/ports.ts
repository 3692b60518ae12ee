/**
 * What the HTTP API needs from the node it runs in. Every method may be called at any node: the node
 * finds the workflow's scheduler, forwards the call, and tries again inside `deadlineMs` after a
 * failover. All methods reject with a `JobxError` whose code is in `docs/errors.md`; the important
 * ones are `COMMAND_NOT_ACCEPTED` (safe to repeat) and `COMMAND_OUTCOME_UNKNOWN` (repeat with the same
 * key), `WORKFLOW_UNKNOWN`, `JOB_UNKNOWN`, `REQUEST_UNKNOWN`, `NO_MAJORITY`.
 */

/** JSON as it goes through handlers. */
export type Json =
  | null
  | boolean
  | number
  | string
  | readonly Json[]
  | { readonly [key: string]: Json };

export interface CallOptions {
  /** How long the caller is willing to wait, from now. */
  readonly deadlineMs: number;
  readonly signal: AbortSignal;
}

export type RequestState = "queued" | "running" | "paused" | "succeeded" | "failed" | "cancelled";

/** One node as `jobx node list` shows it. */
export interface NodeView {
  readonly id: string;
  readonly name: string;
  /** URL of its HTTP API, as it announced it. */
  readonly api: string;
  readonly state: "up" | "down" | "removing" | "removed";
  readonly capabilities: readonly string[];
  readonly slots: number;
  readonly version: string;
}

export interface ReplicaView {
  readonly node: string;
  readonly name: string;
  readonly replica: number;
  readonly role: "voter" | "learner";
}

export interface WorkflowView {
  readonly workflow: string;
  readonly description: string;
  readonly state: "creating" | "active" | "deleting";
  /** Node id of the scheduler; null while there is none. */
  readonly scheduler: string | null;
  readonly schedulerName: string | null;
  readonly term: number;
  readonly replicas: readonly ReplicaView[];
  readonly appliedIndex: number;
  readonly steps: Readonly<Record<string, StepDefinition>>;
  readonly jobs: Readonly<Record<string, JobDefinition>>;
  readonly handlers: readonly HandlerView[];
}

export interface HandlerView {
  readonly name: string;
  readonly version: string;
  readonly type: "mapper" | "combiner" | "reducer";
  readonly language: "javascript" | "python";
  readonly requiredCapability: string;
  readonly description: string;
}

/** A step as defined; durations in milliseconds. */
export interface StepDefinition {
  readonly map: string;
  readonly combine: string | null;
  readonly reduce: string;
  readonly partitions: number;
  readonly retries: number;
  readonly timeoutMs: number;
  readonly onFailure: "fail" | "skip" | "pause";
  readonly description: string;
}

export interface JobDefinition {
  readonly step: string;
  readonly description: string;
}

/** A source file to become a handler. */
export interface HandlerFile {
  /** Handler name: relative folders and file name joined by `_`. */
  readonly name: string;
  /** Path as the user knows it, for error messages. */
  readonly path: string;
  readonly language: "javascript" | "python";
  readonly source: string;
}

/** Everything `jobx apply` says about a workflow. Parts that are undefined stay as they are. */
export interface WorkflowDefinition {
  readonly workflow: string;
  /** Undefined stays as it is; a new workflow then has none (empty). */
  readonly description: string | undefined;
  /** The whole set: handlers that are not in it are deleted unless a step uses them. */
  readonly handlers: readonly HandlerFile[] | undefined;
  readonly steps: Readonly<Record<string, StepDefinition>> | undefined;
  readonly jobs: Readonly<Record<string, JobDefinition>> | undefined;
}

/** What `apply` or `handler sync` changed, or with `dryRun` would change. */
export interface ApplyReport {
  readonly workflow: string;
  readonly created: boolean;
  readonly handlers: {
    readonly added: readonly string[];
    readonly updated: readonly string[];
    readonly removed: readonly string[];
    readonly unchanged: readonly string[];
    /** Without a file, but a step uses them. */
    readonly kept: readonly string[];
  };
  readonly steps: { readonly changed: readonly string[]; readonly unchanged: readonly string[] };
  readonly jobs: { readonly changed: readonly string[]; readonly unchanged: readonly string[] };
}

export interface RequestError {
  readonly code: string;
  readonly message: string;
  /** The invocation that failed; null when no single one did. */
  readonly invocation: string | null;
  readonly traceback: string;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RequestView {
  readonly request: string;
  readonly workflow: string;
  readonly job: string;
  readonly state: RequestState;
  /** ISO 8601. */
  readonly submittedAt: string;
  readonly endedAt: string | null;
  /** Only when succeeded, and only where it was asked for. Streamed apart when large. */
  readonly result: { readonly pairs: readonly (readonly [Json, Json])[] } | null;
  readonly error: RequestError | null;
  readonly steps: Readonly<
    Record<string, { readonly total: number; readonly done: number; readonly failed: number }>
  >;
  readonly warnings: readonly string[];
}

export interface AttemptView {
  readonly invocation: string;
  readonly step: string;
  /** Node id. */
  readonly node: string;
  readonly nodeName: string;
  readonly phase: "map" | "reduce";
  readonly state: "running" | "done" | "failed" | "lost" | "released";
  readonly startedAt: string;
  readonly endedAt: string | null;
}

export interface SubmitInput {
  readonly workflow: string;
  readonly job: string;
  readonly arguments: readonly (readonly [Json, Json])[];
  /** The same key with the same body gives the same request; with another body `IDEMPOTENCY_CONFLICT`. */
  readonly idempotencyKey: string | undefined;
}

/** The node as the API sees it. */
export interface ClusterPort {
  /** This node. */
  self(): NodeView;
  /** Whether this node can serve, and if not, why: one sentence. */
  ready(): {
    readonly ready: boolean;
    readonly reason: string;
    readonly durability: "sync" | "none";
  };
  nodes(options: CallOptions): Promise<readonly NodeView[]>;
  /** Makes a ticket for `jobx-node --join`. */
  createTicket(
    input: { readonly expiresMs: number; readonly uses: number },
    options: CallOptions,
  ): Promise<string>;
  workflows(
    options: CallOptions,
  ): Promise<
    readonly { readonly workflow: string; readonly description: string; readonly state: string }[]
  >;
  workflow(name: string, options: CallOptions): Promise<WorkflowView>;
  /** Creates or changes; with `dryRun` only checks and compares. Atomic: on an error nothing has changed. */
  apply(
    definition: WorkflowDefinition,
    input: { readonly dryRun: boolean; readonly force: boolean },
    options: CallOptions,
  ): Promise<ApplyReport>;
  deleteWorkflow(name: string, options: CallOptions): Promise<void>;
  /** Resolves with the request's id when a majority has it on disk. */
  submit(
    input: SubmitInput,
    options: CallOptions,
  ): Promise<{ readonly request: string; readonly duplicate: boolean }>;
  /** With `waitMs` answers when the request has ended or after that time, whichever is first. */
  request(
    id: string,
    input: { readonly waitMs: number; readonly withResult: boolean },
    options: CallOptions,
  ): Promise<RequestView>;
  /** Newest first. */
  requests(
    workflow: string,
    input: { readonly limit: number; readonly before: string | undefined },
    options: CallOptions,
  ): Promise<readonly RequestView[]>;
  attempts(
    id: string,
    input: { readonly limit: number },
    options: CallOptions,
  ): Promise<{ readonly attempts: readonly AttemptView[]; readonly truncated: boolean }>;
  cancel(id: string, options: CallOptions): Promise<RequestView>;
  /** Continues a paused request: what failed is tried again. */
  resume(id: string, options: CallOptions): Promise<RequestView>;
  /** The role of a bearer token, or undefined when it is not known here. */
  roleOf(token: string): "read" | "submit" | "admin" | undefined;
  /** Prometheus text. */
  metrics(): string;
}
