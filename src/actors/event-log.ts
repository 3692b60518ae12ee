/**
 * The newest events of a workflow, on every replica. Subscribers ask for what follows a number and wait
 * where there is nothing yet; nothing is kept for each of them. Who is slower than the log is long, or
 * comes from before it began, is told to look at the present state instead (R22).
 */
import { revisionOf } from "../scheduler/apply-kit.ts";
import type { Effect } from "../scheduler/effects.ts";
import {
  attemptEventsOf,
  type EventChange,
  eventsOf,
  subjectOf,
  type WorkflowEvent,
} from "../scheduler/events.ts";
import type { Clock, Timers } from "../std/clock.ts";
import { Waiters } from "../std/waiters.ts";
import { AttemptLog } from "./attempt-log.ts";
import type { AppliedPlaces } from "./replica.ts";

/** Events that are kept: minutes of a busy workflow, about a megabyte. */
const EVENTS_MAX = 4096;

/** Subscribers that wait at once; more are answered as if their time were over. */
const WAITS_MAX = 10_000;

/** Which events somebody wants. */
export interface EventQuery {
  /** Those with a greater number. */
  readonly after: number;
  /** Only those of this request. */
  readonly request: number | undefined;
  /** At most so many. */
  readonly limit: number;
}

/** What there is for somebody. */
export interface EventPage {
  /** Some that should be here are gone: look at the present state, then go on after `next`. */
  readonly resync: boolean;
  readonly events: readonly WorkflowEvent[];
  /** `after` of the next page. */
  readonly next: number;
}

export class EventLog {
  /** Of requests that are followed. */
  readonly attempts: AttemptLog;
  #events: WorkflowEvent[] = [];
  /** Everything after this number is here. */
  #floor: number;
  /** Everything up to this number has been seen. */
  #seen: number;
  /** Followers are to be woken for attempts. */
  #hasAttempts = false;
  readonly #waiting: Waiters;

  /** All that was applied up to `appliedIndex` is not known here. */
  constructor(timers: Timers, appliedIndex: number) {
    this.#waiting = new Waiters(timers, { max: WAITS_MAX });
    this.attempts = new AttemptLog(timers);
    this.#floor = endOf(appliedIndex);
    this.#seen = this.#floor;
  }

  /** The number after which nothing has happened yet. */
  get now(): number {
    return this.#seen;
  }

  /** Takes what applying some entries has led to. */
  applied(effects: readonly Effect[], places: AppliedPlaces): void {
    const { attempts } = this;
    if (!attempts.isIdle) {
      const isFollowed = (request: number): boolean => attempts.isFollowed(request);
      this.takeAttempts(attemptEventsOf(effects, places.spans, isFollowed));
    }
    this.take(eventsOf(effects, places.spans), places);
  }

  /** Takes events of attempts, before those of the same entries. */
  takeAttempts(events: readonly WorkflowEvent[]): void {
    this.attempts.take(events);
    this.#hasAttempts = events.length > 0;
  }

  /** Takes the events of the entries `firstIndex` to `lastIndex`, which were applied just now. */
  take(
    events: readonly WorkflowEvent[],
    range: { readonly firstIndex: number; readonly lastIndex: number },
  ): void {
    if (endOf(range.firstIndex - 1) > this.#seen) {
      // Entries came in a snapshot: what they would have told is not known.
      this.#floor = endOf(range.firstIndex - 1);
      this.#events = [];
    }
    this.#seen = endOf(range.lastIndex);
    if (events.length === 0 && !this.#hasAttempts) return;
    this.#hasAttempts = false;
    this.#events.push(...events);
    if (this.#events.length > 2 * EVENTS_MAX) {
      const dropped = this.#events.length - EVENTS_MAX;
      this.#floor = this.#events[dropped - 1]?.number ?? this.#floor;
      this.#events = this.#events.slice(dropped);
    }
    this.#waiting.wake();
  }

  /** What follows, at once. */
  page(query: EventQuery): EventPage {
    const { after, request, limit } = query;
    if (after < this.#floor) return { resync: true, events: [], next: this.#seen };
    // From the end: nearly everybody is nearly there.
    let start = this.#events.length;
    while ((this.#events[start - 1]?.number ?? -1) > after) start--;
    const fitting = this.#events.slice(start).filter(({ change }) => fits(change, request));
    if (request !== undefined) {
      fitting.push(...this.attempts.after(request, after));
      fitting.sort((left, right) => left.number - right.number);
    }
    // Cut to the newest of each: who is behind wants to know where things are, not every step there.
    const events = fitting.length > limit ? newestOfEach(fitting).slice(0, limit) : fitting;
    const cut = fitting.length > limit && events.length === limit;
    return {
      resync: false,
      events,
      next: cut ? (events.at(-1)?.number ?? after) : Math.max(after, this.#seen),
    };
  }

  /** What follows, as soon as there is something; after `waitMs` nothing. Undefined `after` is from now on. */
  async after(
    asked: Omit<EventQuery, "after"> & {
      readonly after: number | undefined;
      readonly waitMs: number;
    },
    clock: Clock,
  ): Promise<EventPage> {
    const { after = this.#seen, request, limit, waitMs } = asked;
    const query = { after, request, limit };
    if (request !== undefined) this.attempts.follow(request);
    const untilMs = clock.nowMs() + waitMs;
    for (;;) {
      const page = this.page(query);
      const leftMs = untilMs - clock.nowMs();
      if (page.events.length > 0 || page.resync || leftMs <= 0) return page;
      await this.wait(leftMs);
    }
  }

  /** Resolves when there is something new, or after `waitMs`. */
  wait(waitMs: number): Promise<void> {
    return this.#waiting.wait(waitMs);
  }

  /** Nobody waits any longer. */
  close(): void {
    this.#waiting.wake();
  }
}

/** A number above those of the entry's commands and below those of the next. */
export function endOf(index: number): number {
  return revisionOf({ index: index + 1, ordinal: 0 }) - 1;
}

function fits(change: EventChange, request: number | undefined): boolean {
  return request === undefined || (change.kind !== "defined" && change.request === request);
}

function newestOfEach(events: readonly WorkflowEvent[]): readonly WorkflowEvent[] {
  const newest = new Map<string, WorkflowEvent>();
  for (const event of events) {
    const about = subjectOf(event.change);
    newest.delete(about);
    newest.set(about, event);
  }
  return [...newest.values()];
}
