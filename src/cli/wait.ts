/** Waiting for a request to end, whatever happens to the node that was asked. */
import type { JobxClient } from "../api/client.ts";
import type { RequestView } from "../api/ports.ts";
import type { Clock } from "../std/clock.ts";
import { hasEnded } from "./request-text.ts";

/** One long wait; a node that stops answering is noticed within this and the client's grace. */
const WAIT_MS = 5000;

/** The last view may come this much after the caller's own bound on the waiting. */
export const LAST_ANSWER_MS = 1000;

/** Patience with a cluster that cannot answer while a request is waited for. */
export const WAIT_DEADLINE_MS = 120_000;

/**
 * Resolves with the request, without its result, when it has ended, or as it was when `untilMs` passed.
 * @throws {JobxError} `CLIENT_UNREACHABLE` when no node answers for as long as `client` has patience.
 */
export async function waitForEnd(
  deps: { readonly client: JobxClient; readonly clock: Clock },
  id: string,
  options: {
    /** On the clock; infinity waits for ever. */
    readonly untilMs: number;
    readonly onView: (view: RequestView) => void;
  },
): Promise<RequestView> {
  for (let knowsPaused = false; ; ) {
    const leftMs = Math.max(0, options.untilMs - deps.clock.nowMs());
    const waitMs = Math.ceil(Math.min(leftMs, WAIT_MS));
    const view = await deps.client.request(id, { waitMs, withResult: false, knowsPaused });
    options.onView(view);
    knowsPaused = view.state === "paused";
    if (hasEnded(view) || deps.clock.nowMs() >= options.untilMs) return view;
  }
}
