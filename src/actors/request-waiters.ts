/** Calls that wait for news of a request at the scheduler: its end, a pause, or the end of a pause. */
import { isLive, rowOf } from "../scheduler/apply-kit.ts";
import type { Effect } from "../scheduler/effects.ts";
import { keys } from "../scheduler/keys.ts";
import type { Row } from "../scheduler/rows.ts";
import type { Timers } from "../std/clock.ts";
import { ActorError } from "./errors.ts";
import type { Call, CallAnswer } from "./ports.ts";
import type { Replica } from "./replica.ts";

/** How a wait was over. `lost`: this node does not lead any more, so ask another. */
export type WaitEnd = "news" | "time" | "lost";

/** Waits at once; each is a timer and some hundred bytes. */
const WAITS_MAX = 10_000;

interface Waiter {
  /** What its caller believes. */
  readonly knowsPaused: boolean;
  readonly end: (how: WaitEnd) => void;
}

export class RequestWaiters {
  readonly #timers: Timers;
  readonly #waitsMax: number;
  readonly #waiting = new Map<number, Set<Waiter>>();
  #count = 0;

  constructor(timers: Timers, { waitsMax = WAITS_MAX }: { readonly waitsMax?: number } = {}) {
    this.#timers = timers;
    this.#waitsMax = waitsMax;
  }

  /**
   * Resolves with news, after `waitMs`, or when leadership is lost. Who knows of a pause is told when it
   * is over, everybody else when one begins: nobody is told twice, so nobody asks again at once.
   * @throws {ActorError} `COMMAND_QUEUE_FULL` when too many wait.
   */
  wait({
    request,
    waitMs,
    knowsPaused,
  }: {
    readonly request: number;
    readonly waitMs: number;
    readonly knowsPaused: boolean;
  }): Promise<WaitEnd> {
    if (this.#count >= this.#waitsMax) {
      return Promise.reject(
        new ActorError({ code: "COMMAND_QUEUE_FULL" }, `${this.#waitsMax} callers wait already`),
      );
    }
    return new Promise((resolve) => {
      const waiting = this.#waiting.get(request) ?? new Set();
      this.#waiting.set(request, waiting);
      this.#count += 1;
      const end = (how: WaitEnd): void => {
        if (!waiting.delete(waiter)) return;
        this.#count -= 1;
        if (waiting.size === 0) this.#waiting.delete(request);
        timer.cancel();
        resolve(how);
      };
      const waiter: Waiter = { knowsPaused, end };
      const timer = this.#timers.after(waitMs, () => end("time"));
      waiting.add(waiter);
    });
  }

  /** What has happened to requests. */
  applied(effects: readonly Effect[]): void {
    for (const effect of effects) {
      if (effect.kind === "request-ended") this.ended(effect.request);
      if (effect.kind === "request-changed") {
        this.changed(effect.request, effect.state === "paused");
      }
    }
  }

  /** The request has ended, or is not there. */
  ended(request: number): void {
    for (const { end } of [...(this.#waiting.get(request) ?? [])]) end("news");
  }

  /** The request has not ended, and is paused or not. */
  changed(request: number, paused: boolean): void {
    for (const { knowsPaused, end } of [...(this.#waiting.get(request) ?? [])]) {
      if (knowsPaused !== paused) end("news");
    }
  }

  leaderLost(): void {
    for (const waiting of [...this.#waiting.values()]) {
      for (const { end } of [...waiting]) end("lost");
    }
  }
}

/** Answers who waits for a request, where it is led. */
export async function serveWait<E, F>(
  call: Extract<Call, { kind: "wait" }>,
  replica: Replica<Row, E, F>,
  waiters: RequestWaiters,
): Promise<CallAnswer> {
  if (replica.leadingTerm === undefined) {
    return { kind: "not-scheduler", leader: replica.leaderNode };
  }
  const { request } = call;
  const told = waiters.wait(call);
  // Looked at after the waiter stands, so that an end in between is not missed.
  const key = keys.request(request);
  const row = await replica.query((view) => rowOf(view, "request", key));
  if (row === undefined || !isLive(row)) waiters.ended(request);
  else waiters.changed(request, row.state === "paused");
  const how = await told;
  if (how === "lost") return { kind: "not-scheduler", leader: undefined };
  return { kind: "waited", news: how === "news" };
}
