/** What rounds of the collector say and read, in the words of the ports. */
import type { Row } from "../../scheduler/rows.ts";

/** Blocks and their bytes. */
export interface BlockSum {
  readonly blocks: number;
  readonly bytes: number;
}

/** What a round of the collector came to at one node (R25). */
export interface CollectionReport {
  /** Blocks that were looked at. */
  readonly blocks: number;
  /** Something refers to them. */
  readonly needed: number;
  /** Nothing seems to refer to them, and they stay: until the grace is over, with what was begun before it. */
  readonly waiting: BlockSum;
  /** Nothing seems to refer to them, and somebody who must know did not answer. */
  readonly uncertain: BlockSum;
  readonly deleted: BlockSum;
  /** Why it is not certain of everything, or did not look at everything; empty where all is well. */
  readonly trouble: string;
}

/**
 * "Which rows had the workflow at that moment?" Moment 0 is now, and is held from then on, until `done` or until
 * nobody has asked for half a minute. Answered by the leader.
 */
export interface HeldRowsCall {
  readonly kind: "held-rows";
  readonly group: number;
  readonly moment: number;
  readonly keys: readonly string[];
  readonly scan: { readonly gte: string; readonly lt: string; readonly limit: number } | undefined;
  readonly done: boolean;
}

/** The rows in the order of `keys`, then the scanned ones. */
export interface HeldRowsAnswer {
  readonly kind: "held-rows";
  readonly moment: number;
  readonly values: readonly (Row | undefined)[];
  readonly scanned: readonly { readonly key: string; readonly row: Row }[];
  readonly more: boolean;
}

/** Rows of a workflow between two applied batches, held open. */
export interface CapturedRows {
  /** As `StatePort.scan`, of that moment. */
  scan(range: {
    readonly gte: string;
    readonly lt: string;
    readonly limit: number;
  }): Promise<{ readonly rows: readonly (readonly [string, Row])[]; readonly more: boolean }>;
  close(): Promise<void>;
}
