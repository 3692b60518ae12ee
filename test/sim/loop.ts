/**
 * Virtual time: events in the order of their due time. One event runs, then all promise jobs that it
 * caused end, then the next one runs.
 */
import type { Clock } from "../../src/std/clock.ts";

/** Events at one moment before the simulation is taken for stuck: nothing real needs so many. */
const EVENTS_AT_ONCE_MAX = 200_000;

/** Events after which the machine's own loop gets a turn, so that it sees rejections and signals. */
const EVENTS_PER_TURN = 5_000;

class Event {
  readonly dueMs: number;
  readonly sequence: number;
  readonly run: () => void;
  cancelled = false;

  constructor(dueMs: number, sequence: number, run: () => void) {
    this.dueMs = dueMs;
    this.sequence = sequence;
    this.run = run;
  }

  cancel(): void {
    this.cancelled = true;
  }
}

/** Taken before anything can replace it. */
const realImmediate = setImmediate;

const RESOLVED = Promise.resolve();

export class SimLoop implements Clock {
  readonly #heap: Event[] = [];
  #nowMs = 0;
  #sequence = 0;
  #eventCount = 0;
  #countAtNow = 0;

  nowMs(): number {
    return this.#nowMs;
  }

  /** Events that have run. */
  get eventCount(): number {
    return this.#eventCount;
  }

  /** Runs once after `delayMs`; events of one moment run in the order in which they were made. */
  after(delayMs: number, run: () => void): { cancel(): void } {
    const dueMs = this.#nowMs + Math.max(0, delayMs);
    const event = new Event(dueMs, this.#sequence++, run);
    this.#push(event);
    return event;
  }

  /** Resolves after `delayMs`. */
  sleep(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      this.after(delayMs, resolve);
    });
  }

  /** Runs events until `done` says so or none is due before `endMs`; `after` looks at each one's end. */
  runUntil(
    endMs: number,
    options: { readonly done: () => boolean; readonly after: () => void },
  ): Promise<void> {
    const { done, after } = options;
    return new Promise((resolve, reject) => {
      // Plain callbacks: awaiting a promise for each event costs as much again as the loop.
      const tick = (): void => {
        process.nextTick(ended);
      };
      const run = (): void => {
        try {
          const isDone = done();
          const event = isDone ? undefined : this.#pop(endMs);
          if (event === undefined) {
            if (!isDone) this.#nowMs = Math.max(this.#nowMs, endMs);
            resolve();
            return;
          }
          this.#moveTo(event.dueMs);
          event.run();
        } catch (error) {
          reject(asError(error));
          return;
        }
        // A tick that a promise job asks for comes when no promise job is left.
        void RESOLVED.then(tick);
      };
      const ended = (): void => {
        try {
          after();
        } catch (error) {
          reject(asError(error));
          return;
        }
        if (this.#eventCount % EVENTS_PER_TURN === 0) realImmediate(run);
        else run();
      };
      run();
    });
  }

  #moveTo(dueMs: number): void {
    this.#countAtNow = dueMs === this.#nowMs ? this.#countAtNow + 1 : 0;
    if (this.#countAtNow > EVENTS_AT_ONCE_MAX)
      throw new Error("time stands still: too many events");
    this.#nowMs = dueMs;
    this.#eventCount += 1;
  }

  #push(event: Event): void {
    const heap = this.#heap;
    let at = heap.push(event) - 1;
    while (at > 0) {
      const parent = (at - 1) >>> 1;
      const above = heap[parent];
      if (above === undefined || before(above, event)) break;
      heap[at] = above;
      at = parent;
    }
    heap[at] = event;
  }

  #pop(endMs: number): Event | undefined {
    for (;;) {
      const top = this.#heap[0];
      if (top === undefined || top.dueMs > endMs) return undefined;
      this.#removeTop();
      if (!top.cancelled) return top;
    }
  }

  #removeTop(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let at = 0;
    for (;;) {
      const left = 2 * at + 1;
      const right = left + 1;
      let smallest = last;
      let place = at;
      for (let child = left; child <= right; child++) {
        const event = heap[child];
        if (event !== undefined && before(event, smallest)) {
          smallest = event;
          place = child;
        }
      }
      heap[at] = smallest;
      if (place === at) return;
      at = place;
    }
  }
}

function before(a: Event, b: Event): boolean {
  return a.dueMs < b.dueMs || (a.dueMs === b.dueMs && a.sequence < b.sequence);
}

function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}
