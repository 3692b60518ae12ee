/**
 * What a node has condemned, round by round, and whether a round's blocks may go. Pure: what was asked and what
 * the clock says come in.
 */
import type { Cid } from "../../scheduler/dataset.ts";
import type { BlockFacts } from "../work-ports.ts";
import type { Witness } from "./witness.ts";

/** Blocks that were condemned in one round, before the questions that made the witnesses. */
export interface Batch {
  /** When the last of the questions was answered; undefined until all were. */
  sinceMs: number | undefined;
  /** By group. Groups that are not here were made later, and know nothing of these blocks. */
  witnesses: ReadonlyMap<number, Witness>;
}

/** What is under way in a group now. */
export interface Standing {
  /** Pins of a batch's witness that are still there. */
  readonly pinsLeft: ReadonlySet<string>;
  /** As `oldestAttempt`. */
  readonly oldestAttempt: number;
}

/** What may be done with a block that nothing refers to. */
export type Fate = "delete" | "wait";

interface Condemned {
  readonly batch: Batch;
  readonly facts: BlockFacts;
}

export class CondemnedList {
  readonly #blocks = new Map<Cid, Condemned>();

  get batches(): ReadonlySet<Batch> {
    return new Set([...this.#blocks.values()].map(({ batch }) => batch));
  }

  facts(cid: Cid): BlockFacts | undefined {
    return this.#blocks.get(cid)?.facts;
  }

  add(cid: Cid, condemned: Condemned): void {
    this.#blocks.set(cid, condemned);
  }

  forget(cid: Cid): void {
    this.#blocks.delete(cid);
  }

  /** A batch whose questions were not answered counts for nothing. */
  drop(batch: Batch): void {
    for (const [cid, condemned] of this.#blocks)
      if (condemned.batch === batch) this.#blocks.delete(cid);
  }

  /** `over`: batches whose time has come, by `isOver`, for files and for runs. */
  fate(
    cid: Cid,
    over: { readonly files: ReadonlySet<Batch>; readonly runs: ReadonlySet<Batch> },
  ): Fate {
    const condemned = this.#blocks.get(cid);
    if (condemned === undefined) return "wait";
    const { batch, facts } = condemned;
    return over.files.has(batch) && (!facts.isRun || over.runs.has(batch)) ? "delete" : "wait";
  }
}

/** Whether everything that was under way when a batch was condemned has ended, and the grace is over. */
export function isOver(
  batch: Batch,
  of: {
    readonly nowMs: number;
    readonly graceMs: number;
    readonly standings: ReadonlyMap<number, Standing>;
    /** Groups that exist; what was in others is gone with them. */
    readonly groups: ReadonlySet<number>;
    /** Attempts store runs only, so whoever asks for files need not wait for them. */
    readonly attempts: boolean;
  },
): boolean {
  const { nowMs, graceMs, standings, groups, attempts } = of;
  if (batch.sinceMs === undefined || nowMs - batch.sinceMs < graceMs) return false;
  return [...batch.witnesses].every(([group, witness]) => {
    if (!groups.has(group)) return true;
    const standing = standings.get(group);
    if (standing === undefined) return false;
    if ([...witness.pins].some((pin) => standing.pinsLeft.has(pin))) return false;
    return !attempts || standing.oldestAttempt > witness.index;
  });
}
