/**
 * Watches whether this node is overloaded, while anybody submits to it, and tells the gate in front of the
 * submissions.
 */
import { FloodGate, type NodeState } from "../api/flood-gate.ts";
import type { SubmissionGate, Turn } from "../api/submission-gate.ts";
import type { Clock, Timer, Timers } from "../std/clock.ts";
import type { Log } from "../std/log.ts";

/** Between two looks, milliseconds: so much that what the system counts in ticks of 10 ms is not all chance. */
export const LOOK_MS = 500;
/** Who was not asked for so long looks no more, milliseconds: a node without submissions does nothing. */
export const UNASKED_MS = 60_000;

/** Part of the time in which this thread has something to do: from here on all waits for it, whatever else is idle. */
const FULL = 0.8;
/** With less than this, it is somebody else who needs the processors: to hold submissions would not help. */
const BUSY = 0.33;
/**
 * Part of the machine's processors that is idle. With less, whoever wakes up finds them taken, and a call
 * wakes up some ten threads and processes one after the other, on several nodes.
 */
const IDLE_MIN = 0.25;
/** With more there is time to spare. Between the two nothing is changed. */
const IDLE_ENOUGH = 0.4;

/** How much was worked, as counters that only rise. */
export interface LoadCounters {
  /** Time in which this thread had something to do, milliseconds; what it waited for a processor is in it. */
  readonly busyMs: number;
  /** Time of all the machine's processors together, and of that the idle one, in any unit. */
  readonly processors: number;
  readonly idle: number;
}

/** How far a replica of a workflow on this node is. */
export interface AppliedIndex {
  readonly workflow: string;
  readonly index: number;
}

export interface OverloadDeps {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly load: () => LoadCounters;
  /** Of all workflows that have a replica here. */
  readonly applied: () => Iterable<AppliedIndex>;
  readonly log: Log;
}

/** What was counted up to a time. */
interface Seen {
  readonly atMs: number;
  readonly load: LoadCounters;
  readonly applied: ReadonlyMap<string, number>;
}

export class OverloadWatch implements SubmissionGate {
  readonly #deps: OverloadDeps;
  readonly #gate = new FloodGate();
  #askedMs = 0;
  #timer: Timer | undefined;
  #stopped = false;

  constructor(deps: OverloadDeps) {
    this.#deps = deps;
  }

  ask(workflow: string): Turn {
    const nowMs = this.#deps.clock.nowMs();
    this.#askedMs = nowMs;
    if (this.#timer === undefined && !this.#stopped) this.#lookLater(this.#see());
    return this.#gate.ask(workflow, nowMs);
  }

  /** Looks no more. */
  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
  }

  #see(): Seen {
    const { clock, load, applied } = this.#deps;
    const indexes = [...applied()].map(({ workflow, index }) => [workflow, index] as const);
    return { atMs: clock.nowMs(), load: load(), applied: new Map(indexes) };
  }

  #lookLater(before: Seen): void {
    this.#timer = this.#deps.timers.after(LOOK_MS, () => {
      this.#timer = undefined;
      const now = this.#see();
      this.#look(before, now);
      if (now.atMs - this.#askedMs < UNASKED_MS) this.#lookLater(now);
    });
  }

  #look(before: Seen, now: Seen): void {
    const moved = [...now.applied].filter(([workflow, index]) => {
      const indexBefore = before.applied.get(workflow);
      return indexBefore !== undefined && indexBefore !== index;
    });
    const active = moved.map(([workflow]) => workflow);
    const { held, released } = this.#gate.look(now.atMs, { state: stateOf(before, now), active });
    const { log } = this.#deps;
    for (const workflow of held) {
      log.warn("overloaded: submissions to a workflow are held back for the others", { workflow });
    }
    for (const workflow of released) {
      log.info("submissions to a workflow are held back no more", { workflow });
    }
  }
}

/** How the node did between two looks. */
function stateOf(before: Seen, now: Seen): NodeState {
  const busy = (now.load.busyMs - before.load.busyMs) / (now.atMs - before.atMs);
  const processors = now.load.processors - before.load.processors;
  const idle = processors > 0 ? (now.load.idle - before.load.idle) / processors : 1;
  if (busy > FULL || (busy > BUSY && idle < IDLE_MIN)) return "overloaded";
  return busy > BUSY && idle < IDLE_ENOUGH ? "busy" : "has-time";
}
