/**
 * Attempts of requests that somebody follows, on one replica. Nothing is kept of the others, since a
 * workflow may have thousands of attempts a second and its log of events is for requests. Only a hint:
 * who wants to know all attempts reads them from the rows.
 */
import type { WorkflowEvent } from "../scheduler/events.ts";
import type { Timers } from "../std/clock.ts";

/** Events that are kept of a request: what happens in the time between two looks of a follower. */
const EVENTS_MAX = 512;

/** Requests that are followed with their attempts at once; beyond that others are told less. */
const REQUESTS_MAX = 256;

/** Who has not looked for so long follows no more: several times what a follower waits for something. */
const FOLLOW_MS = 60_000;

interface Followed {
  events: WorkflowEvent[];
  /** Somebody has looked since the timer was set. */
  renewed: boolean;
}

export class AttemptLog {
  readonly #timers: Timers;
  readonly #followed = new Map<number, Followed>();
  #pruning = false;

  constructor(timers: Timers) {
    this.#timers = timers;
  }

  /** Somebody looks at the request, and will again. */
  follow(request: number): void {
    const followed = this.#followed.get(request);
    if (followed !== undefined) followed.renewed = true;
    else if (this.#followed.size < REQUESTS_MAX) {
      this.#followed.set(request, { events: [], renewed: true });
    }
    this.#pruneLater();
  }

  /** Whether events of its attempts are wanted. */
  isFollowed(request: number): boolean {
    return this.#followed.has(request);
  }

  /** Whether those of any are. */
  get isIdle(): boolean {
    return this.#followed.size === 0;
  }

  /** Events in the order of their numbers. */
  take(events: readonly WorkflowEvent[]): void {
    for (const event of events) {
      if (event.change.kind !== "attempt") continue;
      const followed = this.#followed.get(event.change.request);
      if (followed === undefined) continue;
      followed.events.push(event);
      if (followed.events.length > 2 * EVENTS_MAX) {
        followed.events = followed.events.slice(-EVENTS_MAX);
      }
    }
  }

  /** The newest of those with a greater number. */
  after(request: number, number: number): readonly WorkflowEvent[] {
    const events = this.#followed.get(request)?.events ?? [];
    return events.filter((event) => event.number > number).slice(-EVENTS_MAX);
  }

  #pruneLater(): void {
    if (this.#pruning) return;
    this.#pruning = true;
    this.#timers.after(FOLLOW_MS, () => {
      this.#pruning = false;
      for (const [request, followed] of this.#followed) {
        if (!followed.renewed) this.#followed.delete(request);
        followed.renewed = false;
      }
      if (this.#followed.size > 0) this.#pruneLater();
    });
  }
}
