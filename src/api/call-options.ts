/** How a call to the cluster ends. */
import type { Deadline } from "../std/deadline.ts";

export interface CallOptions {
  /** How long the caller is willing to wait for all of it. */
  readonly deadline: Deadline;
  readonly signal: AbortSignal;
  /** Where reading is all that is asked: from this node's own replica, however old (R15). */
  readonly stale?: boolean;
  /** The mount that calls: it need not be told of what it changes by this. */
  readonly mount?: string | undefined;
}
