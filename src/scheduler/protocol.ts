/**
 * What executors and schedulers say to each other. Executors dial (R20); everything may be lost and is
 * said again, so each message is harmless to repeat: tokens decide what counts.
 */
import type { Token } from "./unit.ts";
import type { Outcome, Work } from "./work.ts";

/** One granted attempt with all that its executor needs to begin. */
export interface Grant {
  readonly token: Token;
  /** Ids as people see them. */
  readonly request: string;
  readonly invocation: string;
  readonly step: string;
  /** Where a reduce unit's input lies; the executor reads those rows from the scheduler. */
  readonly inputs: GrantInputs;
  readonly work: Work;
}

export type GrantInputs =
  /** All of it is in `work`. */
  | { readonly kind: "none" }
  /** The combined pairs of a leaf. */
  | { readonly kind: "invocation"; readonly key: string }
  /** The results of the children, `part` of each. */
  | {
      readonly kind: "children";
      readonly request: number;
      readonly path: readonly number[];
      readonly part: number;
    };

/** How an attempt ended. */
export interface AttemptEnd {
  readonly token: Token;
  readonly outcome: Outcome;
}

export type ExecutorMessage =
  /** Sign of life, first word to a new scheduler, and renewal of what the executor holds, all in one. */
  | {
      readonly kind: "beat";
      readonly group: number;
      /** The executor's run: another one after its process started anew. */
      readonly executor: string;
      /** Rises with each beat, so that one that comes late is known. */
      readonly sequence: number;
      readonly capabilities: readonly string[];
      /** Attempts that the scheduler may have here at once (R20). */
      readonly limit: number;
      /** Attempts that are here and not settled; bounded by credit. */
      readonly holding: readonly Token[];
    }
  | {
      readonly kind: "ended";
      readonly group: number;
      readonly executor: string;
      readonly ends: readonly AttemptEnd[];
    };

/** R16: an executor that has seen a higher term takes no notice of these. */
export type SchedulerMessage =
  /** Answer to a beat, or said when work appears: `ready` units wait for credit. */
  | {
      readonly kind: "demand";
      readonly group: number;
      readonly term: number;
      readonly ready: number;
      /** The newest beat that was heard of this executor; 0 for none. */
      readonly heard: number;
    }
  | {
      readonly kind: "grants";
      readonly group: number;
      readonly term: number;
      readonly executor: string;
      readonly grants: readonly Grant[];
    }
  /** The ends of these attempts are committed, or count no more. */
  | {
      readonly kind: "settled";
      readonly group: number;
      readonly term: number;
      readonly tokens: readonly Token[];
    }
  | {
      readonly kind: "cancel";
      readonly group: number;
      readonly term: number;
      readonly tokens: readonly Token[];
    }
  /** "Not me": perhaps `leader`, if the sender knows. Without a term: it is no scheduler's word. */
  | { readonly kind: "not-scheduler"; readonly group: number; readonly leader: string | undefined };
