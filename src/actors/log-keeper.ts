/**
 * Truncates logs after checkpoints (R3), and keeps a tail, so that a follower that is a little behind
 * needs no snapshot. First the core forgets, then the disk: a core that still knew what the disk has
 * forgotten would ask for it for ever.
 */
import type { RaftCore } from "../raft/raft-core.ts";
import type { RaftStatus } from "../raft/status.ts";
import { errorText } from "../std/errors.ts";
import type { Log } from "../std/log.ts";
import type { LogPort } from "./ports.ts";

/**
 * For a follower that is heard and behind, or that takes a snapshot in, a leader keeps so many times
 * the tail: what comes up meanwhile must still be there, or the next snapshot would be needed at once.
 */
const HOLD_FACTOR = 8;

/** How much of each group's log is kept; the smaller of the two counts. */
export interface TailOptions {
  readonly tailEntries: number;
  /** As the log's records are on disk. */
  readonly tailBytes: number;
}

export interface LogKeeperDeps {
  readonly log: Log;
  readonly logs: Pick<LogPort, "tailStart" | "truncate">;
  readonly replica: (
    group: number,
  ) => { readonly core: Pick<RaftCore, "status" | "compact"> } | undefined;
  readonly tail: TailOptions;
}

export class LogKeeper {
  readonly #deps: LogKeeperDeps;
  #truncating = false;

  constructor(deps: LogKeeperDeps) {
    this.#deps = deps;
  }

  /** The state of each group is in tables up to its index; a truncation under way is not waited for. */
  checkpointed(applied: ReadonlyMap<number, number>): void {
    if (this.#truncating) return;
    const cuts: { readonly group: number; readonly index: number }[] = [];
    for (const [group, index] of applied) {
      const replica = this.#deps.replica(group);
      if (replica === undefined) continue;
      const cut = this.#cutOf(group, replica.core.status(), index);
      if (cut === undefined) continue;
      replica.core.compact(cut);
      cuts.push({ group, index: cut });
    }
    if (cuts.length > 0) void this.#truncate(cuts);
  }

  #cutOf(group: number, status: RaftStatus, durable: number): number | undefined {
    const { tailEntries, tailBytes } = this.#deps.tail;
    const start = (factor: number): number =>
      Math.max(
        status.lastIndex - factor * tailEntries,
        this.#deps.logs.tailStart(group, factor * tailBytes),
      );
    const wanted = Math.min(start(1), Math.max(start(HOLD_FACTOR), neededFrom(status)));
    const cut = Math.min(wanted, durable, status.applied, status.synced);
    return cut > status.compactedIndex ? cut : undefined;
  }

  async #truncate(
    cuts: readonly { readonly group: number; readonly index: number }[],
  ): Promise<void> {
    this.#truncating = true;
    try {
      await this.#deps.logs.truncate(cuts);
    } catch (error) {
      // What the disk has is found out at the next start; the store takes no more writes.
      this.#deps.log.error("logs could not be truncated", { reason: errorText(error) });
    } finally {
      this.#truncating = false;
    }
  }
}

/** The lowest index that a follower who is there may still need the entries above of. */
function neededFrom(status: RaftStatus): number {
  if (status.role !== "leader") return Number.POSITIVE_INFINITY;
  let index = Number.POSITIVE_INFINITY;
  for (const member of status.members) {
    if (member.id === status.id) continue;
    // A snapshot that is not made yet will be of now or later.
    if (member.state === "snapshot" && member.pendingSnapshot > 0)
      index = Math.min(index, member.pendingSnapshot);
    else if (member.state === "replicate" && member.recentActive)
      index = Math.min(index, member.match);
  }
  return index;
}
