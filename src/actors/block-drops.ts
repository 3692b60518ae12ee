/**
 * Copies that are too many are given up so that the last one never is. A node deletes a copy only after others, as
 * many as there are to be, have read theirs and promised to keep them for a while; who has promised deletes nothing
 * in that time, and who is about to delete promises nothing. So at each deletion the others are there, whatever
 * each node takes the members to be, and whoever ordered it. Promises are in memory: a node that may have made some
 * before it started anew deletes nothing until these are over.
 */
import type { Cid, NodeId } from "../scheduler/dataset.ts";
import type { Clock } from "../std/clock.ts";
import type { Caller } from "./caller.ts";
import type { RunsPort } from "./work-ports.ts";

/** How long a promise holds, by the clock of the one who makes it. */
export const KEPT_MS = 600_000;

/** Within so long after it has asked a node deletes, by its own clock: far less than promises hold. */
const DROP_WITHIN_MS = 60_000;

/** Until others have read so many blocks of a slow disk. */
const ASK_MS = 30_000;

/** Blocks that are promised to be kept at once: about 20 MB. What is more is refused, and its other copies stay. */
export const KEPT_MAX = 200_000;

export interface BlockDropsDeps {
  readonly clock: Clock;
  readonly caller: Pick<Caller, "ask">;
  readonly runs: Pick<RunsPort, "haveBlocks" | "blockFacts"> & {
    readonly coded: Pick<RunsPort["coded"], "offer" | "drop">;
  };
  /** Whether this store was never open before, so that no promise can have been made. */
  readonly isNew: boolean;
}

export class BlockDrops {
  readonly #deps: BlockDropsDeps;
  readonly #keptUntilMs = new Map<Cid, number>();
  readonly #leaving = new Set<Cid>();
  readonly #fromMs: number;

  constructor(deps: BlockDropsDeps) {
    this.#deps = deps;
    this.#fromMs = deps.isNew ? Number.NEGATIVE_INFINITY : deps.clock.nowMs() + KEPT_MS;
  }

  /** Promises to keep blocks; for each whether it does: it is here, and was read whole. */
  async keep(cids: readonly Cid[]): Promise<readonly boolean[]> {
    const { clock, runs } = this.#deps;
    // The promise first: from here on none of them begins to leave.
    const untilMs = clock.nowMs() + KEPT_MS;
    const promised = cids.map((cid) => this.#promise(cid, untilMs));
    await runs.haveBlocks(cids);
    const facts = await runs.blockFacts(cids);
    return cids.map((_, at) => promised[at] === true && facts[at] !== undefined);
  }

  /** Deletes blocks that all of the keepers promise to keep; for each whether it did. */
  async drop(cids: readonly Cid[], keepers: readonly NodeId[]): Promise<readonly boolean[]> {
    const { clock, runs } = this.#deps;
    const begunMs = clock.nowMs();
    const mayLeave =
      keepers.length === 0 || begunMs < this.#fromMs
        ? []
        : cids.filter((cid) => !this.#leaving.has(cid) && !this.#isKept(cid, begunMs));
    if (mayLeave.length === 0) return cids.map(() => false);
    const leaving = [...new Set(mayLeave)];
    for (const cid of leaving) this.#leaving.add(cid);
    const dropped = new Set<Cid>();
    try {
      await runs.coded.offer(leaving);
      const kept = await this.#keptBy(leaving, keepers);
      if (clock.nowMs() - begunMs <= DROP_WITHIN_MS && kept.length > 0) {
        const gone = await runs.coded.drop(kept);
        kept.forEach((cid, at) => {
          if (gone[at] === true) dropped.add(cid);
        });
      }
    } finally {
      // Who is offered and stays is wanted again.
      await runs.haveBlocks(leaving.filter((cid) => !dropped.has(cid)));
      for (const cid of leaving) this.#leaving.delete(cid);
    }
    return cids.map((cid) => dropped.has(cid));
  }

  async #keptBy(cids: readonly Cid[], keepers: readonly NodeId[]): Promise<readonly Cid[]> {
    const answers = await Promise.all(
      [...new Set(keepers)].map((node) =>
        this.#deps.caller.ask(node, { kind: "keep-blocks", cids }, ASK_MS),
      ),
    );
    return cids.filter((_, at) =>
      answers.every((answer) => answer?.kind === "blocks" && answer.here[at] === true),
    );
  }

  #promise(cid: Cid, untilMs: number): boolean {
    if (this.#leaving.has(cid)) return false;
    if (this.#keptUntilMs.size >= KEPT_MAX && !this.#keptUntilMs.has(cid)) {
      this.#forgetOver();
      if (this.#keptUntilMs.size >= KEPT_MAX) return false;
    }
    // Last in the order of the map, which is that of their ends.
    this.#keptUntilMs.delete(cid);
    this.#keptUntilMs.set(cid, untilMs);
    return true;
  }

  #isKept(cid: Cid, nowMs: number): boolean {
    return (this.#keptUntilMs.get(cid) ?? Number.NEGATIVE_INFINITY) > nowMs;
  }

  #forgetOver(): void {
    const nowMs = this.#deps.clock.nowMs();
    for (const [cid, untilMs] of this.#keptUntilMs) {
      if (untilMs > nowMs) return;
      this.#keptUntilMs.delete(cid);
    }
  }
}
