/** Calls that wait for news of a request at the scheduler: its end, a pause, or the end of a pause. */
import type { Effect } from "../scheduler/effects.ts";
import type { Timers } from "../std/clock.ts";
import { ActorError } from "./errors.ts";

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
