/** Follows a request until it has ended, whatever happens to the node that tells of it. */
import type { JobxClient } from "../api/client.ts";
import type { RequestState, StepProgress } from "../api/ports.ts";
import type { ClientDeps } from "../api/transport.ts";
import { RemoteError } from "../api/transport.ts";
import { isJobxError } from "../std/errors.ts";

/** Pause before another node is asked to tell. */
const AGAIN_MS = 300;

/** How a request stands, as it is shown while it runs. */
export interface Progress {
  readonly state: RequestState;
  readonly steps: StepProgress;
}

/** Patience with a cluster that tells nothing. */
const PATIENCE_MS = 120_000;

/**
 * Tells each change until the request has ended or `untilMs` has passed.
 * @throws {JobxError} what the cluster says of a request that it does not know; `CLIENT_UNREACHABLE`
 * when nobody has answered for two minutes.
 */
export async function followRequest(
  deps: { readonly client: JobxClient; readonly machine: ClientDeps },
  id: string,
  how: {
    readonly untilMs: number;
    readonly onProgress: (progress: Progress) => void;
    /** One of its attempts began or ended; not told of all where there are very many. */
    readonly onAttempt?: () => void;
  },
): Promise<void> {
  const { clock, sleep } = deps.machine;
  let after: number | undefined;
  let heardMs = clock.nowMs();
  while (clock.nowMs() < how.untilMs) {
    try {
      for await (const event of deps.client.events(id, after)) {
        heardMs = clock.nowMs();
        after = event.number;
        const [present] = event.kind === "resync" ? event.requests : [];
        const progress = event.kind === "request" ? event : present;
        if (progress !== undefined) {
          how.onProgress(progress);
          if (progress.endedAt !== null) return;
        }
        if (event.kind === "attempt") how.onAttempt?.();
        if (event.kind === "removed" || heardMs >= how.untilMs) return;
      }
    } catch (error) {
      if (!mayGoOn(error) || clock.nowMs() - heardMs >= PATIENCE_MS) throw error;
    }
    await sleep(AGAIN_MS);
  }
}

/** A node that went away, or could not go on telling; not one that says that there is no such request. */
function mayGoOn(error: unknown): boolean {
  if (error instanceof RemoteError) return error.details.status >= 500;
  // A connection that broke in the middle of a stream is no coded error.
  return !isJobxError(error) || error.code === "CLIENT_UNREACHABLE";
}
