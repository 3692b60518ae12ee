/** Waiting for what other processes do: a condition and a deadline, never a fixed time. */
import { setTimeout as sleep } from "node:timers/promises";

/** Between two looks: short beside an election, long beside a call. */
const LOOK_MS = 50;

/**
 * Asks until the answer is neither undefined nor false, and returns it. An `ask` that fails is asked
 * again: nodes are dying here.
 * @throws {Error} after `deadlineMs`, with the reason of the last failure.
 */
export async function eventually<Answer>(
  what: string,
  deadlineMs: number,
  ask: () => Answer | Promise<Answer>,
): Promise<Exclude<Answer, undefined | false>> {
  const endMs = performance.now() + deadlineMs;
  let last: unknown;
  for (;;) {
    try {
      last = undefined;
      const answer = await ask();
      if (isThere(answer)) return answer;
    } catch (error) {
      last = error;
    }
    if (performance.now() >= endMs) {
      throw new Error(`within ${deadlineMs} ms: ${what}; ${String(last ?? "it was not so")}`, {
        cause: last,
      });
    }
    await sleep(LOOK_MS);
  }
}

function isThere<Answer>(answer: Answer): answer is Exclude<Answer, undefined | false> {
  return answer !== undefined && answer !== false;
}
