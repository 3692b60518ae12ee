/**
 * Rows of a workflow as they were at one moment, held open at its leader while somebody reads them page by page.
 * Each holds old versions of its group's rows on the disk, so there are few, and none that nobody asks.
 */
import type { Clock, Timer, Timers } from "../../std/clock.ts";
import type { Random } from "../../std/random.ts";
import { ActorError } from "../errors.ts";
import type { StatesPort } from "../ports.ts";
import type { WorkflowGroup } from "../workflow-group.ts";
import type { CapturedRows } from "./report.ts";

/** Moments held open at once for one purpose. */
const MOMENTS_MAX = 4;

/** Nobody has asked for the next page for so long. */
const IDLE_MS = 30_000;

/** How long the last entries of the log may take until they are applied, and between two looks. */
const SETTLE_MS_MAX = 3_000;
const SETTLE_LOOK_MS = 20;

/** Numbers begin somewhere, so that one of another leader is not taken for one of this. */
const NUMBERS = 2 ** 40;

interface Moment {
  readonly group: number;
  readonly rows: CapturedRows;
  usedMs: number;
}

/** The leader's replica, as far as moments are concerned. */
interface LedReplica
  extends Pick<WorkflowGroup["replica"], "leadingTerm" | "leaderNode" | "appliedIndex"> {
  readonly core: { status(): { readonly lastIndex: number } };
  linearize(): Promise<unknown>;
}

export interface HeldMomentsDeps {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: Random;
  readonly states: Pick<StatesPort, "captureRows">;
  readonly workflow: (group: number) => { readonly replica: LedReplica } | undefined;
}

export class HeldMoments {
  readonly #deps: HeldMomentsDeps;
  readonly #moments = new Map<number, Moment>();
  #last: number;
  #making = 0;
  #timer: Timer | undefined;

  constructor(deps: HeldMomentsDeps) {
    this.#deps = deps;
    this.#last = Math.floor(deps.random.next() * NUMBERS);
  }

  /**
   * Holds the present one, and all that the log had by now; its number.
   * @throws {ActorError} `COLLECTION_BUSY`, `COLLECTION_GONE`; those of linearizable reads.
   */
  async hold(group: number): Promise<number> {
    if (this.#moments.size + this.#making >= MOMENTS_MAX) {
      throw new ActorError({ code: "COLLECTION_BUSY" }, "too many ask this node at once");
    }
    this.#making += 1;
    try {
      await this.#settled(group);
      const rows = await this.#deps.states.captureRows(group);
      this.#last += 1;
      this.#moments.set(this.#last, { group, rows, usedMs: this.#deps.clock.nowMs() });
      this.#arm();
      return this.#last;
    } finally {
      this.#making -= 1;
    }
  }

  /** Its rows, which are held on. @throws {ActorError} `COLLECTION_GONE` when it is not held any more. */
  rows(group: number, number: number): CapturedRows {
    const moment = this.#moments.get(number);
    if (moment?.group !== group) throw momentGone();
    moment.usedMs = this.#deps.clock.nowMs();
    return moment.rows;
  }

  async close(number: number): Promise<void> {
    const moment = this.#moments.get(number);
    this.#moments.delete(number);
    await moment?.rows.close();
  }

  stop(): void {
    this.#timer?.cancel();
    for (const number of this.#moments.keys()) void this.close(number);
  }

  /**
   * Everything that was in the leader's log is applied here. A majority's word alone would do for what was
   * acknowledged; what waits for disks may be older than anybody remembers, and name blocks.
   */
  async #settled(group: number): Promise<void> {
    const replica = this.#deps.workflow(group)?.replica;
    if (replica === undefined) throw momentGone();
    const term = replica.leadingTerm;
    const { lastIndex } = replica.core.status();
    await replica.linearize();
    const endMs = this.#deps.clock.nowMs() + SETTLE_MS_MAX;
    while (replica.appliedIndex < lastIndex) {
      if (this.#deps.clock.nowMs() > endMs) throw momentGone();
      await new Promise<void>((resolve) => {
        this.#deps.timers.after(SETTLE_LOOK_MS, resolve);
      });
    }
    if (term === undefined || replica.leadingTerm !== term) throw momentGone();
  }

  #arm(): void {
    this.#timer ??= this.#deps.timers.after(IDLE_MS, () => {
      this.#timer = undefined;
      const sinceMs = this.#deps.clock.nowMs() - IDLE_MS;
      for (const [number, { usedMs }] of this.#moments) {
        if (usedMs <= sinceMs) this.close(number).catch(() => undefined);
      }
      if (this.#moments.size > 0) this.#arm();
    });
  }
}

export function momentGone(): ActorError {
  const message = "the moment that is asked for is not held any more";
  return new ActorError({ code: "COLLECTION_GONE" }, message);
}
