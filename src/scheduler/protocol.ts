/**
 * What executors and schedulers say to each other. Executors dial (R20); everything may be lost and is
 * said again, so each message is harmless to repeat: tokens decide what counts.
 */
import type { AttemptEnd } from "./commands.ts";
import type { Token } from "./unit.ts";
import type { Work } from "./work.ts";

/** Granted attempts with all that their executor needs to begin: one, or children side by side. */
export interface Grant {
  /** Of the first attempt; each further one has the next ordinal. */
  readonly token: Token;
  readonly count: number;
  /** Ids as people see them. */
  readonly request: string;
  /** Of the first attempt; of each further one the last number is one more. */
  readonly invocation: string;
  readonly step: string;
  /** Where a reduce unit's input lies; the executor reads those rows from the scheduler. */
  readonly inputs: GrantInputs;
  /** Its input has one pair for each attempt where there are several. */
  readonly work: Work;
}

export type GrantInputs =
  /** All of it is in `work`. */
  | { readonly kind: "none" }
  /** The combined pairs of a leaf. */
  | { readonly kind: "invocation"; readonly key: string }
  /** The results of the children, in one part. */
  | {
      readonly kind: "children";
      readonly request: number;
      readonly path: readonly number[];
    }
  /** One of several parts of the results of the children. */
  | {
      readonly kind: "part";
      readonly request: number;
      readonly path: readonly number[];
      readonly part: number;
    };

/** How an attempt ended. */
export interface ToldEnd extends AttemptEnd {
  /** Time that it had a slot for itself, in microseconds; 0 when it never began. */
  readonly ranMicros: number;
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
      /** Slots that are lent to this scheduler (R20); 0 while it is another one's turn. */
      readonly slots: number;
      /** Beyond what runs, so much work keeps each slot busy (R20). */
      readonly prefetchMs: number;
      /** So much work of this scheduler may wait here beyond its slots: its part of all that may (R20). */
      readonly aheadMs: number;
      /** Attempts that the scheduler may have here at once (R20). */
      readonly limit: number;
      /** Attempts that are here and not settled; bounded by credit. */
      readonly holding: readonly Token[];
      /** It stops on purpose: whatever it does not hold is given back, also what is on its way. */
      readonly leaving: boolean;
    }
  | {
      readonly kind: "ended";
      readonly group: number;
      readonly executor: string;
      readonly ends: readonly ToldEnd[];
    };

/** What a scheduler has for an executor, and what it believes of it. */
export interface Demand {
  /** Units that wait for credit. */
  readonly ready: number;
  /** Of the workflow's units against those of others, 1 to `WEIGHT_MAX` (R20). */
  readonly weight: number;
  /** The newest beat that was heard of this executor; 0 for none. */
  readonly heard: number;
  /** Attempts that are granted to it, or are about to be: with those that are on their way. */
  readonly held: number;
}

/** R16: an executor that has seen a higher term takes no notice of these. */
export type SchedulerMessage =
  /** Answer to a beat, or said when work appears. */
  | ({ readonly kind: "demand"; readonly group: number; readonly term: number } & Demand)
  | {
      readonly kind: "grants";
      readonly group: number;
      readonly term: number;
      readonly executor: string;
      readonly grants: readonly Grant[];
    }
  /** The ends of these attempts are committed, or count no more; with what there is in their place. */
  | ({
      readonly kind: "settled";
      readonly group: number;
      readonly term: number;
      readonly tokens: readonly Token[];
    } & Demand)
  | {
      readonly kind: "cancel";
      readonly group: number;
      readonly term: number;
      readonly tokens: readonly Token[];
    }
  /** "Not me": perhaps `leader`, if the sender knows. Without a term: it is no scheduler's word. */
  | { readonly kind: "not-scheduler"; readonly group: number; readonly leader: string | undefined };
