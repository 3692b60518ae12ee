/**
 * What a workflow's replicated state is made of. One row is one value under one key of `keys.ts`.
 * R12: rows live in the store, not in memory; a row is small, and nothing in it grows with the work.
 */
import type { Dataset, NodeId } from "./dataset.ts";
import type { NamedRow } from "./named/rows.ts";
import type { Listing, ObjectInput } from "./objects.ts";
import type { TreeRow } from "./tree/rows.ts";
import type { Token, UnitRef } from "./unit.ts";
import type { EnforcedLimit, HandlerRef, Printed, WorkError, WorkerExit } from "./work.ts";

/** What happens to the request when a unit has failed for good. */
export type FailurePolicy = "fail" | "skip" | "pause";

export type RequestState = "queued" | "running" | "paused" | "succeeded" | "failed" | "cancelled";

export interface MetaRow {
  readonly kind: "meta";
  readonly group: number;
  readonly name: string;
  readonly description: string;
  /** Number of the next request. */
  readonly nextRequest: number;
  /** R14: stamp of the newest request, whose own row may be gone; 0 before the first. */
  readonly newestMs: number;
  /** Revision of the newest plan. */
  readonly plan: number;
  /** How long finished requests are kept; undefined leaves it to the node that leads. */
  readonly retention: Retention | undefined;
  /** R20: of its units against those of other workflows, 1 to `WEIGHT_MAX`. */
  readonly weight: number;
}

/** When finished requests are removed, the oldest first. */
export interface Retention {
  /** Since their end. */
  readonly ageMs: number;
  /** Of all of them together, as `bytesOfRequest` reckons them. */
  readonly bytes: number;
}

export interface HandlerDefinition {
  readonly handler: HandlerRef;
  /** `none` runs anywhere. */
  readonly capability: string;
  /** For steps that do not say it themselves, as is `timeoutMs`; `step-limits.ts` decides. */
  readonly retries: number | undefined;
  readonly timeoutMs: number | undefined;
  readonly description: string;
}

export interface SourceRow {
  readonly kind: "source";
  readonly source: string;
}

/** A step with its handlers as they were when it was defined. */
export interface StepDefinition {
  readonly name: string;
  readonly description: string;
  readonly mapper: HandlerDefinition;
  readonly combiner: HandlerDefinition | undefined;
  readonly reducer: HandlerDefinition;
  /** Into how many parts the results of an invocation's children are cut for its reduction. */
  readonly partitions: number;
  /** How many more times a failed unit is tried; undefined leaves it to the handlers. */
  readonly retries: number | undefined;
  readonly timeoutMs: number | undefined;
  readonly onFailure: FailurePolicy;
}

export interface JobDefinition {
  readonly name: string;
  readonly step: string;
  readonly description: string;
}

/**
 * All definitions at one revision. A request pins the one it began with, so that later changes do
 * not touch it; revisions that nobody pins are removed with the requests that did.
 */
export interface PlanRow {
  readonly kind: "plan";
  readonly handlers: readonly HandlerDefinition[];
  readonly steps: readonly StepDefinition[];
  readonly jobs: readonly JobDefinition[];
  /** R22: when each of them last changed, in their order. */
  readonly revisions: PlanRevisions;
}

/** Numbers of the commands that made or last changed the definitions of a plan. */
export interface PlanRevisions {
  readonly handlers: readonly number[];
  readonly steps: readonly number[];
  readonly jobs: readonly number[];
}

/** Why a request failed. */
export interface Failure {
  readonly error: WorkError;
  /** Undefined when no single unit is to blame. */
  readonly unit: UnitRef | undefined;
}

/** Invocations of one step in a request. */
export interface StepCount {
  readonly step: string;
  readonly total: number;
  readonly done: number;
  readonly failed: number;
}

/**
 * Why an attempt did not end well. `final`: its unit failed for good, or its request is paused for it.
 * `retried`: it failed or was lost, and its unit is tried again. `released`: it was given back.
 */
export type BadEndKind = "final" | "retried" | "released";

/** Attempts of a request that did not end well. */
export type BadEndCounts = Readonly<Record<BadEndKind, number>>;

export interface RequestRow {
  readonly kind: "request";
  readonly job: string;
  readonly initialStep: string;
  readonly plan: number;
  readonly state: RequestState;
  /** R22: of the command that last changed its state, as `revisionOf`; how far it is does not count. */
  readonly revision: number;
  readonly submittedMs: number;
  readonly endedMs: number | undefined;
  readonly arguments: Dataset;
  readonly result: Dataset | undefined;
  readonly failure: Failure | undefined;
  readonly steps: readonly StepCount[];
  /** What handlers did that is probably not meant; the first few. */
  readonly warnings: readonly string[];
  /** Attempts that did not end well; of each kind the newest have rows. */
  readonly badEnds: BadEndCounts;
  /** Attempts that ended well and printed something; what the newest of them printed has rows. */
  readonly printedCount: number;
  /** A name under which retention does not touch it. */
  readonly keptAs: string | undefined;
  /** The request whose arguments it was given once more. */
  readonly retryOf: number | undefined;
  /** Its arguments tell where objects are listed, and its root lists them; undefined of others. */
  readonly objects?: ObjectInput | undefined;
}

/** A finished request that retention may remove; its key has the time of its end. */
export interface EndedRow {
  readonly kind: "ended";
  readonly bytes: number;
}

/** The request that is kept under a name. */
export interface KeptRow {
  readonly kind: "kept";
  readonly request: number;
}

/** A removed request (R4: its tombstone) whose other rows are still being deleted, slice by slice. */
export interface RemovalRow {
  readonly kind: "removal";
}

/** What there is of requests. */
export interface RetainedRow {
  readonly kind: "retained";
  /** Finished ones that are not kept by name. */
  readonly count: number;
  /** Of these together, as `bytesOfRequest` reckons. */
  readonly bytes: number;
  /** Those that have not ended. */
  readonly open: number;
  /** Those that are kept by name, whether they have ended or not. */
  readonly kept: number;
}

/** How many refer to a plan (requests) or to a source (plans); it goes with the last one. */
export interface PinsRow {
  readonly kind: "pins";
  readonly count: number;
}

/** A client's key that can be forgotten some time after the moment in this row's key. */
export interface ExpiryRow {
  readonly kind: "expiry";
}

/** R9: the workflow is being deleted. */
export interface ClosedRow {
  readonly kind: "closed";
}

/** An invocation that has mapped, or a leaf whose reducer runs apart from its mapper. */
export interface InvocationRow {
  readonly kind: "invocation";
  readonly step: string;
  /** `children`: waits for them; `reducing`: its reduce units run; `done`: kept to be looked at. */
  readonly state: "children" | "reducing" | "done";
  /** The step that it mapped to; undefined for a leaf. */
  readonly childStep: string | undefined;
  /** One pair per child, in yield order; for a leaf the combined pairs. */
  readonly data: Dataset;
  readonly childCount: number;
  /** Children that are done or were skipped. */
  readonly childDone: number;
  readonly session: Dataset;
  /** Units that reduce it side by side, one for each part of its children's results; 0 before that. */
  readonly reduceCount: number;
  /** Those of them that are done; what they made has rows of its own where they are several. */
  readonly reduceDone: number;
  /** The unit of these by which it was skipped: it is told after the row of that end is forgotten. */
  readonly failedPart: FailedPart | undefined;
  /** Of the root of a request over a list: its children are in segment rows, and `data` is empty. */
  readonly listing?: Listing | undefined;
}

/** R18: pairs of up to `SEGMENT_CHILDREN` consecutive children of a list, in their order. */
export interface SegmentRow {
  readonly kind: "segment";
  readonly data: Dataset;
}

/** A unit that failed for good. */
export interface FailedPart {
  readonly part: number;
  /** Of its last error. */
  readonly code: string;
  /** As `HistoryRow` counts. */
  readonly attempts: number;
}

/**
 * When an attempt was under way, by the clock of the stamps (R14): `grantedMs` <= `startedMs` <= `endedMs`.
 * For people; nothing is decided by it.
 */
export interface AttemptTimes {
  readonly grantedMs: number;
  /** A worker of its executor took it; undefined when none did, or when nobody could tell. */
  readonly startedMs: number | undefined;
  /** Its handlers were through; where that is not known, its end was noted. */
  readonly endedMs: number;
}

/** How one child ended. */
export interface ChildResult extends AttemptTimes {
  readonly child: number;
  /** Undefined: kept in rows of its own. Empty for a child that was skipped. */
  readonly data: Dataset | undefined;
  /** Of the error for which it was skipped; undefined of one that is done. */
  readonly failureCode: string | undefined;
  /** Of the unit by which it ended, as `HistoryRow` counts. */
  readonly attempts: number;
  readonly node: NodeId;
}

/** What children of a stretch do not share. */
export interface StretchChild extends Pick<ChildResult, "data"> {
  /** After the grant, so that few bytes tell it. */
  readonly startedAfterMs: number | undefined;
  readonly endedAfterMs: number;
}

/** What children of a stretch share. */
export type StretchAlike = Pick<ChildResult, "failureCode" | "attempts" | "node" | "grantedMs">;

/** Consecutive children that one node ran, granted at one time, and that ended alike. */
export interface Stretch extends StretchAlike {
  readonly first: number;
  readonly children: readonly StretchChild[];
}

/** R18: results of up to `BLOCK_CHILDREN` consecutive children, in their order. */
export interface BlockRow {
  readonly kind: "block";
  readonly stretches: readonly Stretch[];
}

/**
 * One part of what a child's unit has made, so that the unit which merges a part reads no other one.
 * Of a child that was skipped it does not count.
 */
export interface ResultRow {
  readonly kind: "result";
  readonly data: Dataset;
}

/** The child was skipped when some of its units had made a part: their rows, which follow, do not count. */
export interface VoidRow {
  readonly kind: "void";
}

/** Children of an invocation that nobody works on yet: `next` up to but not including `end`. */
export interface QueueRangeRow {
  readonly kind: "queue-range";
  readonly request: number;
  readonly path: readonly number[];
  readonly step: string;
  readonly next: number;
  readonly end: number;
}

/** One unit that is ready: a reduce, a root, or a unit that is tried again. */
export interface QueueUnitRow {
  readonly kind: "queue-unit";
  readonly unit: UnitRef;
  readonly step: string;
  readonly failures: number;
  /** From `AGAIN` on: that much and the losses of a unit that is over and runs again (R26). */
  readonly losses: number;
}

export interface DelayedRow {
  readonly kind: "delayed";
  readonly unit: UnitRef;
  readonly step: string;
  readonly failures: number;
  readonly losses: number;
}

/** R26: a unit that is over and runs again, since what it made is lost; kept for the bound. */
export interface RemakeRow {
  readonly kind: "remake";
  /** Times that it was begun, at most `REMAKES_MAX`. */
  readonly tries: number;
  /** It is under way: attempts of the unit count. */
  readonly open: boolean;
  /** The stamp under which it was over last; 0 before that. */
  readonly endedMs: number;
  /** Keys of the `starved` rows of units that wait for it; what does not fit waits for its time. */
  readonly waiting: readonly string[];
}

/** R26: a delayed unit that waits for others to make its input again. */
export interface StarvedRow {
  readonly kind: "starved";
  /** Key of its `delayed` row. */
  readonly delayed: string;
  /** Units that it still waits for, 1 or more. */
  readonly left: number;
}

/** Ready work of a paused request, out of the way of the others. */
export interface ParkedRow {
  readonly kind: "parked";
  readonly row: QueueRangeRow | QueueUnitRow;
}

/** Units of one grant that somebody works on: one, or consecutive children of a range. */
export interface AttemptRow {
  readonly kind: "attempt";
  /** The first of them. */
  readonly unit: UnitRef;
  /** Which are live: bit k stands for the k-th unit after `unit`, under the k-th token. */
  readonly open: number;
  readonly step: string;
  readonly node: NodeId;
  /** The executor's run: a node that restarted is another holder. */
  readonly executor: string;
  readonly failures: number;
  readonly losses: number;
  readonly grantedMs: number;
}

/** An attempt that has ended; of leaves only the newest that did not end well, the rest is in blocks. */
export interface HistoryRow extends AttemptTimes {
  readonly kind: "history";
  readonly token: Token;
  readonly unit: UnitRef;
  readonly step: string;
  readonly node: NodeId;
  readonly how: "done" | "failed" | "lost" | "released";
  /**
   * Those of its unit so far since the request was last resumed, itself among them. What was given back
   * does not count.
   */
  readonly attempts: number;
  readonly error: WorkError | undefined;
  /** Of its worker; undefined when that lived on, or went with its node. */
  readonly exit: WorkerExit | undefined;
  /** What its handlers were held to; undefined where nobody told. */
  readonly limits?: readonly EnforcedLimit[] | undefined;
}

/** What an attempt that ended well has printed; its unit has no other such attempt. */
export interface PrintedRow extends AttemptTimes {
  readonly kind: "printed";
  readonly unit: UnitRef;
  readonly step: string;
  readonly node: NodeId;
  readonly printed: Printed;
}

/**
 * What consecutive commands of one run of an entry node were answered, kept so that their repetition
 * gets the same (R15). At the place of a command that never came there is nothing.
 */
export interface AnswerBlockRow {
  readonly kind: "answer-block";
  readonly answers: readonly (Answer | undefined)[];
}

/** The blocks of answers that are kept of an entry node: those of its newest run, both ends included. */
export interface AnswerWindowRow {
  readonly kind: "answer-window";
  readonly boot: number;
  /** What is in earlier blocks was answered too long ago to tell. */
  readonly firstBlock: number;
  readonly lastBlock: number;
}

export interface KeyedAnswerRow {
  readonly kind: "keyed";
  /** Tells the same command from another one under the same key. */
  readonly bodyHash: string;
  readonly answer: Answer;
  readonly stampMs: number;
}

/** Result of a command, as every replica computed it. */
export type Answer =
  | { readonly kind: "ok" }
  /** `repeated`: the same key had brought it before. */
  | { readonly kind: "request"; readonly request: number; readonly repeated: boolean }
  | { readonly kind: "revision"; readonly revision: number }
  /** Of a command with many parts: how many changed something. */
  | { readonly kind: "changed"; readonly count: number }
  /** Of a change of the tree: what it made or changed, if it is one thing (else 0), and its revision. */
  | { readonly kind: "inode"; readonly inode: number; readonly revision: number }
  | { readonly kind: "refused"; readonly code: string; readonly message: string };

export type QueueRow = QueueRangeRow | QueueUnitRow;

/** Every kind of row of a workflow's state. */
export type Row =
  | MetaRow
  | SourceRow
  | PlanRow
  | RequestRow
  | InvocationRow
  | SegmentRow
  | BlockRow
  | ResultRow
  | VoidRow
  | QueueRangeRow
  | QueueUnitRow
  | DelayedRow
  | ParkedRow
  | AttemptRow
  | HistoryRow
  | PrintedRow
  | AnswerBlockRow
  | AnswerWindowRow
  | KeyedAnswerRow
  | EndedRow
  | KeptRow
  | RemovalRow
  | RetainedRow
  | PinsRow
  | ExpiryRow
  | NamedRow
  | ClosedRow
  | RemakeRow
  | StarvedRow
  | TreeRow;
