/**
 * Mounts that go by what they were told of a workflow's names, where it is led. A change of the tree is
 * answered only when each of them has said that it knows of it (TL1), or was not heard of for so long that
 * it goes by nothing any more (TL2). So what was answered is seen everywhere, whatever a kernel had kept.
 */
import type { Clock, Timers } from "../std/clock.ts";
import { Waiters } from "../std/waiters.ts";

/**
 * How long a mount that was not heard of is waited for. It counts from when its question was sent, stops
 * trusting what it knows early enough that also the kernel's timeouts are over by then, and asks more often.
 */
export const TREE_LEASE_MS = 3_000;

/** Mounts of one workflow that are waited for; more have to ask the cluster for each name. */
export const TREE_LEASES_MAX = 256;

interface Lease {
  /** It knows of all up to this number. */
  knows: number;
  heardMs: number;
}

export class TreeLeases {
  readonly #clock: Clock;
  readonly #leases = new Map<string, Lease>();
  /** As many as commands are under way, which is bounded where they come in. */
  readonly #waiting: Waiters;
  /** Until then mounts may go by what another leader has told them. */
  #strangeUntilMs = Number.NEGATIVE_INFINITY;

  constructor(clock: Clock, timers: Timers) {
    this.#clock = clock;
    this.#waiting = new Waiters(timers, { max: Number.POSITIVE_INFINITY });
  }

  /** This node begins to lead; `hadLeader` when another one may have given leases before. */
  begin(hadLeader: boolean): void {
    this.#leases.clear();
    if (hadLeader) this.#strangeUntilMs = this.#clock.nowMs() + TREE_LEASE_MS;
  }

  /** This node does not lead any more: nobody waits here. */
  end(): void {
    this.#leases.clear();
    this.#strangeUntilMs = Number.NEGATIVE_INFINITY;
    this.#waiting.wake();
  }

  /** A mount is there and knows of all up to `knows`. False when there are too many: it must not go by what it knows. */
  heard(mount: string, knows: number): boolean {
    const lease = this.#leases.get(mount);
    if (lease === undefined && this.#leases.size >= TREE_LEASES_MAX) return false;
    this.#leases.set(mount, { knows, heardMs: this.#clock.nowMs() });
    this.#waiting.wake();
    return true;
  }

  /** A mount goes by nothing any more. */
  left(mount: string): void {
    if (this.#leases.delete(mount)) this.#waiting.wake();
  }

  /**
   * Resolves when every mount but `by` knows of the change `revision`, or goes by nothing any more that it was told
   * before: which is so after the time of a lease, whatever it asks meanwhile.
   */
  async settled(revision: number, by: string | undefined): Promise<void> {
    const endMs = this.#clock.nowMs() + TREE_LEASE_MS;
    for (;;) {
      const leftMs = endMs - this.#clock.nowMs();
      const waitMs = Math.min(leftMs, this.#waitMs(revision, by));
      if (waitMs <= 0) return;
      await this.#waiting.wait(waitMs);
    }
  }

  /** How long at most there is somebody to wait for. */
  #waitMs(revision: number, by: string | undefined): number {
    const nowMs = this.#clock.nowMs();
    let untilMs = this.#strangeUntilMs;
    for (const [mount, { knows, heardMs }] of this.#leases) {
      if (mount === by || knows >= revision) continue;
      const endMs = heardMs + TREE_LEASE_MS;
      if (endMs <= nowMs) this.#leases.delete(mount);
      else untilMs = Math.max(untilMs, endMs);
    }
    return untilMs - nowMs;
  }
}
