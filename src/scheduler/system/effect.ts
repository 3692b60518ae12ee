/** What applying the system group's log writes and tells. */
import type { Transaction } from "../transaction.ts";
import type { SystemRow } from "./rows.ts";

/** A row was written, or is gone; every node follows these, so that each knows the cluster. */
export interface SystemEffect {
  readonly key: string;
  /** Undefined when it is gone. */
  readonly row: SystemRow | undefined;
}

/** Rows and effects of one command after the other. */
export type SystemTransaction = Transaction<SystemRow, SystemEffect>;
