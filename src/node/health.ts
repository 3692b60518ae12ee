/**
 * Whether a node makes progress: not that it answers, but that what is to be done gets done. Looked at
 * regularly, judged by how long something has not moved.
 */

/** One reason not to be ready. */
export interface Trouble {
  readonly code:
    | "stopping"
    | "starting"
    | "removed"
    | "version"
    /** A replica has lost something, and waits to be replaced (R4). */
    | "damage"
    /** A replica stopped though its store is whole; it goes on when the process starts anew. */
    | "stopped"
    | "no-leader"
    | "disk-hangs"
    | "loop-stalled"
    | "not-applying"
    | "not-committing";
  readonly message: string;
}

/** A replica at one moment. */
export interface ReplicaSample {
  readonly group: number;
  readonly leads: boolean;
  readonly lastIndex: number;
  readonly commitIndex: number;
  readonly appliedIndex: number;
}

/** Entries that are there and do not move for so long are not on their way any more, ms. */
export const STUCK_MS = 10_000;

/** A write that is under way for so long will hardly end well, ms. */
export const DISK_HANGS_MS = 5_000;

/** A loop that stood still for so long missed heartbeats, ms; said for a while after it went on. */
export const LOOP_STALLED_MS = 2_000;
const STALL_SAID_MS = 10_000;

interface Watched {
  sample: ReplicaSample;
  /** Since when the applied index stays behind the committed one; undefined while it does not. */
  applyingMs: number | undefined;
  /** Since when a leader's entries wait to be committed. */
  committingMs: number | undefined;
}

/** Replicas that take no part, with the reasons, and which of them are damaged; by group. */
export function stoppedTroubles(
  stopped: ReadonlyMap<number, string>,
  damaged: ReadonlyMap<number, unknown>,
): readonly Trouble[] {
  return [...stopped].map(([group, reason]) => ({
    code: damaged.has(group) ? "damage" : "stopped",
    message: `the replica of group ${group} takes no part: ${reason}`,
  }));
}

/** Watches replicas, the disk and the loop of one node. Plain bookkeeping: times come in. */
export class ProgressWatch {
  readonly #everyMs: number;
  readonly #replicas = new Map<number, Watched>();
  #lookedMs: number;
  #stalledMs = Number.NEGATIVE_INFINITY;
  #stallMs = 0;

  /** `look` will be called every `everyMs`. */
  constructor(everyMs: number, nowMs: number) {
    this.#everyMs = everyMs;
    this.#lookedMs = nowMs;
  }

  look(nowMs: number, samples: readonly ReplicaSample[]): void {
    const lateMs = nowMs - this.#lookedMs - this.#everyMs;
    this.#lookedMs = nowMs;
    if (lateMs >= LOOP_STALLED_MS) {
      this.#stalledMs = nowMs;
      this.#stallMs = lateMs;
    }
    const present = new Set(samples.map(({ group }) => group));
    for (const group of this.#replicas.keys()) {
      if (!present.has(group)) this.#replicas.delete(group);
    }
    for (const sample of samples) this.#watch(nowMs, sample);
  }

  /** Why the node makes no progress now; `writeMs`: how long the write under way takes already. */
  troubles(nowMs: number, writeMs: number): readonly Trouble[] {
    const troubles: Trouble[] = [];
    if (writeMs >= DISK_HANGS_MS) {
      const message = `a write to the log has not ended for ${seconds(writeMs)} s`;
      troubles.push({ code: "disk-hangs", message });
    }
    if (nowMs - this.#stalledMs < STALL_SAID_MS) {
      const message = `the control loop stood still for ${seconds(this.#stallMs)} s`;
      troubles.push({ code: "loop-stalled", message });
    }
    for (const [group, { sample, applyingMs, committingMs }] of this.#replicas) {
      if (applyingMs !== undefined && nowMs - applyingMs >= STUCK_MS) {
        const message = `group ${group} is committed up to ${sample.commitIndex} and applies nothing after ${sample.appliedIndex}`;
        troubles.push({ code: "not-applying", message });
      }
      if (committingMs !== undefined && nowMs - committingMs >= STUCK_MS) {
        const message = `group ${group}, which this node leads, commits nothing after ${sample.commitIndex}`;
        troubles.push({ code: "not-committing", message });
      }
    }
    return troubles;
  }

  #watch(nowMs: number, sample: ReplicaSample): void {
    const known = this.#replicas.get(sample.group);
    const applyMoved = known === undefined || sample.appliedIndex > known.sample.appliedIndex;
    const commitMoved = known === undefined || sample.commitIndex > known.sample.commitIndex;
    const waitsToApply = sample.appliedIndex < sample.commitIndex;
    const waitsToCommit = sample.leads && sample.commitIndex < sample.lastIndex;
    this.#replicas.set(sample.group, {
      sample,
      applyingMs: since(waitsToApply, applyMoved ? undefined : known.applyingMs, nowMs),
      committingMs: since(waitsToCommit, commitMoved ? undefined : known.committingMs, nowMs),
    });
  }
}

function since(waits: boolean, beforeMs: number | undefined, nowMs: number): number | undefined {
  return waits ? (beforeMs ?? nowMs) : undefined;
}

function seconds(ms: number): string {
  return (ms / 1000).toFixed(1);
}
