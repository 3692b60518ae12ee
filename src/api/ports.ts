/**
 * What the HTTP API needs from the node it runs in. Every method may be called at any node: the node
 * finds the workflow's scheduler, forwards the call, and tries again inside the deadline after a
 * failover. All methods reject with a `JobxError` whose code is in `docs/errors.md`; the important
 * ones are `COMMAND_NOT_ACCEPTED` (safe to repeat) and `COMMAND_OUTCOME_UNKNOWN` (repeat with the same
 * key, where the call takes one, else look first), `WORKFLOW_UNKNOWN`, `JOB_UNKNOWN`, `REQUEST_UNKNOWN`, `NO_MAJORITY`.
 */

import type { ObjectInput } from "../wire/objects.ts";
import type { AdminPort } from "./admin-port.ts";
import type { AttemptError, AttemptList, AttemptView, OutputView } from "./attempt-view.ts";
import type { CallOptions } from "./call-options.ts";
import type { ClusterView, VersionRangeView } from "./cluster-view.ts";
import type { CopyPort } from "./copy-port.ts";
import type { FilePort } from "./file-port.ts";
import type { InodePort } from "./inode-port.ts";
import type { InvocationPort } from "./invocation-view.ts";
import type { RequestPage, RequestState, RequestWait } from "./request-page.ts";
import type { SecretPort } from "./secret-port.ts";
import type { SnapshotPort } from "./snapshot-port.ts";
import type { OwnFiles, VolumePort } from "./volume-port.ts";

/** JSON as it goes through handlers. */
export type Json =
  | null
  | boolean
  | number
  | string
  | readonly Json[]
  | { readonly [key: string]: Json };

export type { RequestPage, RequestState, RequestWait } from "./request-page.ts";
export type { CallOptions };

/** One node as `jobx node list` shows it. */
export interface NodeView {
  readonly id: string;
  readonly name: string;
  /** URL of its HTTP API, as it announced it. */
  readonly api: string;
  readonly state: "up" | "down" | "drained" | "removing" | "removed";
  readonly capabilities: readonly string[];
  readonly slots: number;
  readonly version: string;
  /** The cluster versions that its program supports. */
  readonly versions: VersionRangeView;
  /** With `none` a power cut loses what the node acknowledged. */
  readonly durability: "sync" | "none";
  /** How far its clock is ahead of the median; null while that is not known. */
  readonly clockAheadMs: number | null;
  /** Too far: the node leads nothing that another could. */
  readonly clockIsOff: boolean;
  /** Names of the groups whose replicas on it are damaged and wait to be replaced. */
  readonly damaged: readonly string[];
}

/** What a bearer token stands for. */
export interface Principal {
  readonly role: "read" | "submit" | "admin";
  /** Names of the workflows that it is limited to; null is all of them, and the cluster itself. */
  readonly workflows: readonly string[] | null;
  /** A handler's, which may use the files of its workflow and nothing else. */
  readonly filesOnly?: true;
  readonly own?: OwnFiles;
}

/** A token as `jobx token list` shows it; its text is told once, when it is made. */
export interface TokenView {
  /** The beginning of its hash. */
  readonly id: string;
  readonly name: string;
  readonly role: "read" | "submit" | "admin";
  /** Names of the workflows that it is limited to; null is all, and the cluster. */
  readonly workflows: readonly string[] | null;
  readonly createdAt: string;
}

/** What a new token is answered with. */
export interface TokenAnswer extends TokenView {
  /** Told here and never again. */
  readonly token: string;
}

/** A workflow in a list. */
export interface WorkflowSummary {
  readonly workflow: string;
  readonly description: string;
  readonly weight: number;
  readonly state: "creating" | "active" | "deleting";
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
  /** When a definition last changed. */
  readonly revision: number;
  readonly steps: Readonly<Record<string, StepDefinition>>;
  readonly jobs: Readonly<Record<string, JobDefinition>>;
  readonly handlers: readonly HandlerView[];
  /** Null leaves it to the nodes. */
  readonly retention: RetentionDefinition | null;
  /** Of its units against those of other workflows for a node's slots, from 1 on. */
  readonly weight: number;
}

/** When finished requests are removed, the oldest first. */
export interface RetentionDefinition {
  readonly ageMs: number;
  readonly bytes: number;
}

export interface HandlerView {
  readonly name: string;
  /** Rises with each change; so do those of steps and jobs. */
  readonly revision: number;
  readonly version: string;
  readonly type: "mapper" | "combiner" | "reducer";
  readonly language: "javascript" | "python" | "executable" | "container";
  readonly requiredCapability: string;
  /** For steps that do not say it themselves, as is `timeoutMs`; null leaves it to others. */
  readonly retries: number | null;
  readonly timeoutMs: number | null;
  /** What an attempt may use; null leaves it to the node. */
  readonly memoryBytes: number | null;
  readonly description: string;
}

/** A step with what is in force; durations in milliseconds. */
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

/** A step as it is written: what is undefined is left to its handlers, and then to the defaults. */
export interface WrittenStep extends Omit<StepDefinition, "retries" | "timeoutMs"> {
  readonly retries: number | undefined;
  readonly timeoutMs: number | undefined;
}

export interface JobDefinition {
  readonly step: string;
  readonly description: string;
}

/** A handler with its source. */
export interface HandlerSourceView extends HandlerView {
  readonly source: string;
}

export interface StepView extends StepDefinition {
  readonly name: string;
  readonly revision: number;
}

export interface JobView extends JobDefinition {
  readonly name: string;
  readonly revision: number;
}

/** A change of one step, job or handler; `revision` is the one that it must have, if any. */
export type EntityChange = {
  readonly workflow: string;
  readonly name: string;
  readonly revision: number | undefined;
} & (
  | {
      readonly entity: "step";
      readonly action: "create" | "update";
      readonly value: WrittenStep;
    }
  | { readonly entity: "job"; readonly action: "create" | "update"; readonly value: JobDefinition }
  | { readonly entity: "step" | "job" | "handler"; readonly action: "delete" }
);

/** One thing that an apply changes. */
export interface DefinitionDifference {
  readonly entity: "workflow" | "handler" | "step" | "job";
  readonly name: string;
  readonly change: "added" | "changed" | "removed";
  /** Of what was changed: each field that differs. */
  readonly fields: Readonly<
    Record<
      string,
      { readonly before: string | number | null; readonly after: string | number | null }
    >
  >;
}

/** A source file to become a handler. */
export interface HandlerFile {
  /** Handler name: relative folders and file name joined by `_`. */
  readonly name: string;
  /** Path as the user knows it, for error messages. */
  readonly path: string;
  readonly language: "javascript" | "python" | "executable" | "container";
  readonly source: string;
}

/** Everything `jobx apply` says about a workflow. Parts that are undefined stay as they are. */
export interface WorkflowDefinition {
  readonly workflow: string;
  /** Undefined stays as it is; a new workflow then has none (empty). */
  readonly description: string | undefined;
  /** The whole set: handlers that are not in it are deleted unless a step uses them. */
  readonly handlers: readonly HandlerFile[] | undefined;
  readonly steps: Readonly<Record<string, WrittenStep>> | undefined;
  /** Handlers that come with these steps: they are added to the others, whole set or not. */
  readonly stepHandlers?: readonly HandlerFile[];
  readonly jobs: Readonly<Record<string, JobDefinition>> | undefined;
  readonly retention: RetentionDefinition | null | undefined;
  readonly weight: number | undefined;
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
  /** The same in detail. */
  readonly differences: readonly DefinitionDifference[];
}

export interface RequestError extends AttemptError {
  /** The invocation that failed; null when no single one did. */
  readonly invocation: string | null;
}

export interface RequestView {
  readonly request: string;
  readonly workflow: string;
  readonly job: string;
  readonly state: RequestState;
  /** Rises with each change of its state; how far it is does not count. */
  readonly revision: number;
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
  /** The name under which retention does not touch it. */
  readonly keptAs: string | null;
  /** The request whose arguments it was given once more. */
  readonly retryOf: string | null;
}

export interface RequestList {
  readonly requests: readonly RequestView[];
  /** `before` of the next page; null when there is none. */
  readonly next: string | null;
}

/** Why a request is where it is. */
export interface WhyView {
  readonly request: string;
  readonly state: RequestState;
  /** One sentence. */
  readonly why: string;
}

/** What a submission is answered with, besides the request's view when it was waited for. */
export interface SubmitAnswer {
  readonly request: string;
  readonly workflow: string;
  readonly job: string;
  /** True when the same key had brought this request before. */
  readonly duplicate: boolean;
}

export interface SubmitInput {
  readonly workflow: string;
  readonly job: string;
  readonly arguments: readonly (readonly [Json, Json])[];
  /** Of a request over a list: the arguments are its sources, and its root lists them. */
  readonly objects?: ObjectInput | undefined;
  /** The same key with the same body gives the same request; with another body `IDEMPOTENCY_CONFLICT`. */
  readonly idempotencyKey: string | undefined;
  /** A name under which retention does not touch the request. @throws `REQUEST_NAME_TAKEN`. */
  readonly keep: string | undefined;
}

/** Progress of each step. */
export type StepProgress = RequestView["steps"];

/**
 * What those who follow a workflow or a request are told. `number` is the event's own and rises; a
 * stream that is asked for what comes after one misses nothing. `revision` is that of what the event is
 * about, as it is then: what a change may expect. Progress of a request has a number and leaves its
 * revision as it is.
 */
export type StreamEvent = { readonly number: number } & (
  | { readonly kind: "removed"; readonly request: string }
  /** The present state: at the beginning, and where what happened meanwhile is not known any more. */
  | { readonly kind: "resync"; readonly requests: readonly RequestView[] }
  | ({ readonly kind: "request" } & Pick<
      RequestView,
      "request" | "workflow" | "job" | "state" | "revision" | "submittedAt" | "endedAt" | "steps"
    >)
  /** The definitions were replaced; with the workflow's revision. */
  | { readonly kind: "defined"; readonly workflow: string; readonly revision: number }
  /** An attempt began or ended, where one request is followed: the newest few hundred, as they happen. */
  | ({ readonly kind: "attempt"; readonly request: string } & Pick<
      AttemptView,
      "invocation" | "phase" | "step" | "node" | "nodeName" | "state"
    >)
  /** Nothing has happened for a while; the stream lives. */
  | { readonly kind: "idle" }
);

/**
 * The node as the API sees it. A request is named by its id, or by `WORKFLOW:NAME` when it is kept
 * under a name.
 */
export interface ClusterPort {
  /** What operators do. */
  readonly admin: AdminPort;
  readonly files: FilePort;
  readonly copies: CopyPort;
  readonly inodes: InodePort;
  readonly volumes: VolumePort;
  readonly snapshots: SnapshotPort;
  readonly secrets: SecretPort;
  readonly invocations: InvocationPort;
  /** Of the program. */
  version(): string;
  /** This node. */
  self(): NodeView;
  /** Whether this node can serve and makes progress, and if not, why: one sentence, and all reasons. */
  ready(): {
    readonly ready: boolean;
    readonly reason: string;
    readonly reasons: readonly { readonly code: string; readonly message: string }[];
    /** What an operator should see to, and does not keep this node from serving. */
    readonly warnings: readonly { readonly code: string; readonly message: string }[];
    readonly durability: "sync" | "none";
  };
  nodes(options: CallOptions): Promise<readonly NodeView[]>;
  /** The cluster's version, as this node has applied it. @throws {JobxError} `NODE_NOT_READY`. */
  clusterView(): ClusterView;
  /** Makes a token; the answer is the only place where its text is ever told. */
  createToken(
    input: {
      readonly name: string;
      readonly role: TokenView["role"];
      readonly workflows: readonly string[] | null;
    },
    options: CallOptions,
  ): Promise<TokenAnswer>;
  tokens(options: CallOptions): Promise<readonly TokenView[]>;
  /** Takes effect on every node as soon as it has applied it. @throws `TOKEN_UNKNOWN`, `TOKEN_LAST_ADMIN`. */
  revokeToken(id: string, options: CallOptions): Promise<void>;
  workflows(options: CallOptions): Promise<readonly WorkflowSummary[]>;
  workflow(name: string, options: CallOptions): Promise<WorkflowView>;
  /** Creates or changes; with `dryRun` only checks and compares. Atomic: on an error nothing has changed. */
  apply(
    definition: WorkflowDefinition,
    input: {
      readonly dryRun: boolean;
      readonly force: boolean;
      /** The revision that the workflow must have. @throws `REVISION_CHANGED`. */
      readonly revision: number | undefined;
    },
    options: CallOptions,
  ): Promise<ApplyReport>;
  /** @throws `WORKFLOW_EXISTS`. */
  createWorkflow(
    input: { readonly workflow: string; readonly description: string; readonly weight: number },
    options: CallOptions,
  ): Promise<WorkflowView>;
  steps(workflow: string, options: CallOptions): Promise<readonly StepView[]>;
  /** @throws `STEP_UNKNOWN`. */
  step(workflow: string, name: string, options: CallOptions): Promise<StepView>;
  jobs(workflow: string, options: CallOptions): Promise<readonly JobView[]>;
  /** @throws `JOB_UNKNOWN`. */
  job(workflow: string, name: string, options: CallOptions): Promise<JobView>;
  /** @throws `HANDLER_UNKNOWN`. */
  handler(workflow: string, name: string, options: CallOptions): Promise<HandlerSourceView>;
  /**
   * Resolves with the entity as it is then; null for one that was deleted.
   * @throws `STEP_UNKNOWN` and others for what is not there, `STEP_EXISTS`, `STEP_IN_USE` and others,
   * `REVISION_CHANGED`.
   */
  changeEntity(change: EntityChange, options: CallOptions): Promise<StepView | JobView | null>;
  deleteWorkflow(name: string, options: CallOptions): Promise<void>;
  /** Resolves with the request's id when a majority has it on disk. */
  submit(
    input: SubmitInput,
    options: CallOptions,
  ): Promise<{ readonly request: string; readonly duplicate: boolean }>;
  /**
   * With `waitMs` answers when there is news of the request or after that time, whichever is first.
   * Its end is news, and a pause or, for a caller who knows of that, the end of the pause.
   * @throws `RESULT_TOO_LARGE` with `withResult`, for a result above `RESULT_BYTES_MAX`.
   */
  request(id: string, input: RequestWait, options: CallOptions): Promise<RequestView>;
  requests(workflow: string, page: RequestPage, options: CallOptions): Promise<RequestList>;
  /**
   * The pairs of a succeeded request's result as they are read: lines of JSON in UTF-8, in pieces of
   * whole lines. @throws `RESULT_NOT_THERE`.
   */
  result(id: string, options: CallOptions): Promise<AsyncIterable<Uint8Array>>;
  /** Submits once more what the request was given, to the definitions of now. */
  retry(
    id: string,
    input: { readonly idempotencyKey: string | undefined; readonly keep: string | undefined },
    options: CallOptions,
  ): Promise<SubmitAnswer>;
  /**
   * Follows a workflow, or one of its requests until it has ended. `after` is the number of the last
   * event that the caller has seen. Ends when `signal` says so.
   */
  events(
    of: { readonly workflow: string } | { readonly request: string },
    after: number | undefined,
    options: CallOptions,
  ): AsyncIterable<StreamEvent>;
  /**
   * What a running attempt has printed after so many bytes of each stream, of the node that runs it.
   * Kept there as far as the last 64 KiB of each, and for a minute after the end of one that is read.
   * @throws `ATTEMPT_UNKNOWN` for what is no name of an attempt.
   */
  output(
    id: string,
    of: { readonly attempt: string; readonly stdout: number; readonly stderr: number },
    options: CallOptions,
  ): Promise<OutputView>;
  /** Why a request is where it is, in one sentence. */
  why(id: string, options: CallOptions): Promise<WhyView>;
  /** With a revision, which it must have: @throws `REVISION_CHANGED`, as do the next ones; `REQUEST_NOT_ENDED`. */
  deleteRequest(id: string, revision: number | undefined, options: CallOptions): Promise<void>;
  attempts(
    id: string,
    input: { readonly limit: number },
    options: CallOptions,
  ): Promise<AttemptList>;
  cancel(id: string, revision: number | undefined, options: CallOptions): Promise<RequestView>;
  /** Continues a paused request: what failed is tried again. */
  resume(id: string, revision: number | undefined, options: CallOptions): Promise<RequestView>;
  /**
   * What a bearer token allows, or undefined for one that there is not, by a copy that is not older than
   * the call. @throws `NO_MAJORITY` for a token that is not known here, when nobody can be asked.
   */
  principal(
    token: string,
    options: { readonly deadlineMs: number },
  ): Promise<Principal | undefined>;
  /** Whether there is such a token by this node's copy, however old: for who was let in already. */
  isTokenKnown(token: string): boolean;
  /** How old this node's copy may be, ms: of the workflow, or of the system group; undefined when it cannot tell. */
  copyAgeMs(workflow: string | undefined): number | undefined;
  /** The workflow that a request's id names, whether or not there is such a request. */
  workflowOf(request: string): string | undefined;
  /** Prometheus text. */
  metrics(): Promise<string>;
}
