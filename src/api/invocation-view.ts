/** Invocations as the API shows them: each run of a step's handlers on one input, or on one part of results. */
import type { AdminCallOptions } from "./admin-port.ts";
import type { AttemptError } from "./attempt-view.ts";

/**
 * `waiting`: no node has it yet, or not at the moment. `running`: a node has it and runs it, or will when a
 * slot and its input are there; which of the two is known there alone until it ends. `failed`: for good, so that its request failed
 * or goes on without it. `cancelled`: its request ended, or its invocation was skipped, before it was done.
 */
export type InvocationState = "waiting" | "running" | "done" | "failed" | "cancelled";

/** A handler at the version that the request has pinned. */
export interface HandlerUsed {
  readonly type: "mapper" | "combiner" | "reducer";
  readonly name: string;
  readonly version: string;
}

/** An invocation in a list. */
export interface InvocationSummary {
  readonly invocation: string;
  readonly phase: "map" | "reduce";
  /** Which partition a reduction is of; null for a map. */
  readonly part: number | null;
  readonly step: string;
  /** What its attempts run: of a map the mapper, and once it is done what else ran with it. */
  readonly handlers: readonly HandlerUsed[];
  /** The map that made it, or whose children's results it reduces; null for the root. */
  readonly parent: string | null;
  /** Invocations whose parent it is: those it mapped to, and its reductions. */
  readonly children: number;
  readonly state: InvocationState;
  /**
   * Those that ended well, failed or were lost, and the one that is under way; what was given back does not
   * count. Null where it is not known, since older ones are not kept.
   */
  readonly attempts: number | null;
  /** Node id of the newest attempt; null before the first, and where nothing of it is kept. */
  readonly node: string | null;
  readonly nodeName: string | null;
  /** ISO 8601, as are the others; null where it is not kept: for reductions of children. */
  readonly createdAt: string | null;
  /** Of the newest attempt, as the next one; see the view of attempts. */
  readonly grantedAt: string | null;
  readonly startedAt: string | null;
  /** Null until its state is final. */
  readonly endedAt: string | null;
  /** Why it failed, or what its request is paused for. */
  readonly errorCode: string | null;
}

/** A stretch of pairs that is kept in one place. */
export interface PieceView {
  readonly stored: "inline" | "run";
  /** Those of the piece that count here, from number `first` on. */
  readonly pairs: number;
  readonly first: number;
  /** Of the whole piece. */
  readonly bytes: number;
  /** SHA-256 in hex: of the inline bytes, or of the run's manifest, which is its content id. */
  readonly hash: string;
  /** Names of nodes that had the run when it was recorded; none for inline pieces. */
  readonly holders: readonly string[];
}

/** What an invocation was given or has made. */
export interface DatasetView {
  readonly pairs: number;
  /** Null for a part of a piece: only whole pieces have a known size. */
  readonly bytes: number | null;
  /** The first of them. */
  readonly pieces: readonly PieceView[];
  readonly truncated: boolean;
  /** The pairs, where they were asked for. */
  readonly content: readonly (readonly [unknown, unknown])[] | null;
}

/** One invocation. */
export interface InvocationView extends InvocationSummary {
  readonly request: string;
  readonly workflow: string;
  /** The key of its argument as JSON, where it has one pair and that is inline or was asked for. */
  readonly key: string | null;
  /** Null for the reduction of children: its input are the outputs of these, in the list of its parent. */
  readonly input: DatasetView | null;
  /** Null until it is done, and for reductions of the root that are joined in the request's result. */
  readonly output: DatasetView | null;
  readonly error: AttemptError | null;
}

/** Which invocations of a request a list shows, each parent's side by side, children before reductions. */
export interface InvocationPage {
  readonly limit: number;
  /** Only what follows this one. */
  readonly after: string | undefined;
  readonly parent: string | undefined;
  readonly step: string | undefined;
  /** Undefined is every state. */
  readonly states: readonly InvocationState[] | undefined;
}

export interface InvocationList {
  readonly invocations: readonly InvocationSummary[];
  /** `after` of the next page; null when there is none. */
  readonly next: string | null;
}

/** Reads invocations; a request is named as in `ClusterPort`. */
export interface InvocationPort {
  /**
   * In an order that does not change.
   * @throws `REQUEST_UNKNOWN`; `INVOCATION_UNKNOWN` for a parent that there is not.
   */
  list(request: string, page: InvocationPage, options: AdminCallOptions): Promise<InvocationList>;
  /**
   * @throws `REQUEST_UNKNOWN`, `INVOCATION_UNKNOWN`; `RESULT_TOO_LARGE` for pairs above `RESULT_BYTES_MAX`
   * that are asked for.
   */
  show(
    request: string,
    of: {
      readonly invocation: string;
      readonly withInput: boolean;
      readonly withOutput: boolean;
    },
    options: AdminCallOptions,
  ): Promise<InvocationView>;
}
