/** The end of a call's time, for work that knows no deadline of its own. */
import type { Deadline } from "../std/deadline.ts";
import { ClusterError } from "./cluster-errors.ts";
import { systemTimers } from "./system.ts";

/** How a call ends that is not answered. */
export interface CallEnd {
  readonly deadline: Deadline;
  /** Aborted when nobody waits any more. */
  readonly signal: AbortSignal;
}

/**
 * Does a part of a call that changes nothing by itself. Rejects when the call is over, whatever the
 * work does then; its signal tells it. `doing` says what was done then, in the past.
 * @throws {ClusterError} `DEADLINE_PASSED`.
 */
export async function within<Answer>(
  { deadline, signal }: CallEnd,
  doing: string,
  work: (signal: AbortSignal) => Promise<Answer>,
): Promise<Answer> {
  const over = new AbortController();
  const ended = new Promise<never>((_resolve, reject) => {
    over.signal.addEventListener("abort", () => reject(errorOf(over.signal.reason)), {
      once: true,
    });
  });
  const stop = (): void => over.abort(signal.reason);
  if (signal.aborted) stop();
  signal.addEventListener("abort", stop, { once: true });
  const timer = systemTimers.after(deadline.leftMs(), () =>
    over.abort(
      new ClusterError(
        { code: "DEADLINE_PASSED" },
        `the call's ${deadline.ms} ms were over while ${doing}; nothing was changed`,
      ),
    ),
  );
  try {
    return await Promise.race([work(over.signal), ended]);
  } finally {
    timer.cancel();
    signal.removeEventListener("abort", stop);
  }
}

function errorOf(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error("the call was ended");
}
