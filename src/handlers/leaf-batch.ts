/**
 * Leaves of one step that take little time, run together on warm workers: their calls are sent ahead,
 * all mappers first, then all combiners, then all reducers, and their pairs stay in memory. Each call
 * keeps its own deadline, and only the one that ran when a worker dies has failed.
 *
 * B1. A leaf ends once: with an outcome, or to be run by itself; nothing of it has counted by then.
 * B2. What a worker prints cannot be told apart by call; what its handlers log can. So a failure at a worker that has printed is
 *     not told: that leaf runs again by itself.
 * B3. No leaf waits long for another one: when a call takes long, the others go on without it.
 * B4. Nor can the processes that calls leave running be told apart by call. Where there are some, also when the worker
 *     dies or while a call that takes long may still need them, nothing of the batch is told: each runs again by itself.
 */
import type { Timers } from "../std/clock.ts";
import type { HandlerRef, Printed } from "../wire/dataset.ts";
import { HandlersError } from "./errors.ts";
import { LeafSweep, type Swept } from "./leaf-sweep.ts";
import type { Leaf } from "./leaf-unit.ts";
import { leftBehind } from "./left-processes.ts";
import type { WorkerPool, WorkerUse } from "./pool.ts";
import type { PairIo } from "./ports.ts";
import type { WorkerProcess } from "./worker-process.ts";

/** What a batch is run with, and the handlers that all its leaves share. */
export interface LeafBatchOptions {
  readonly io: PairIo;
  readonly pool: WorkerPool;
  readonly use: WorkerUse;
  readonly timers: Timers;
  readonly nowMs: () => number;
  readonly mapper: HandlerRef;
  readonly combiner: HandlerRef | undefined;
  readonly reducer: HandlerRef;
  /** What its handlers print, or the processes that they start, are known only of calls that are run one by one. */
  readonly onMixed: () => void;
}

/** Runs the leaves; resolves when all have ended and all workers are given back. */
export class LeafBatch {
  readonly #options: LeafBatchOptions;
  readonly #storing: Promise<void>[] = [];

  constructor(options: LeafBatchOptions) {
    this.#options = options;
  }

  /**
   * Resolves when no handler runs any more; outputs may still be on their way to the disk. Rejects only
   * with faults of this node, with leaves that have not ended yet.
   */
  async run(leaves: readonly Leaf[]): Promise<void> {
    const { mapper } = this.#options;
    await this.#sweep(mapper, leaves, (ready) => this.#mapped(ready));
  }

  /** Resolves when all leaves have ended: what they write is synced side by side. */
  async stored(): Promise<void> {
    await Promise.all(this.#storing);
  }

  async #mapped(leaves: readonly Leaf[]): Promise<void> {
    const { io, combiner, reducer } = this.#options;
    const returned: Leaf[] = [];
    for (const leaf of leaves) {
      if (leaf.direction === undefined) leaf.alone();
      else if (leaf.direction.step === null) returned.push(leaf);
      else this.#store(leaf.finishMapped(leaf.direction.step, io));
    }
    const reduce = (ready: readonly Leaf[]) =>
      this.#sweep(reducer, ready, (reduced) => this.#reduced(reduced));
    if (combiner === undefined) await reduce(returned);
    else await this.#sweep(combiner, returned, reduce);
  }

  /** Its error is told by `stored`. */
  #store(storing: Promise<void>): void {
    storing.catch(() => undefined);
    this.#storing.push(storing);
  }

  async #reduced(leaves: readonly Leaf[]): Promise<void> {
    const { io, reducer } = this.#options;
    for (const leaf of leaves) {
      const silent = leaf.given > 0 && leaf.pairs.length === 0;
      const warnings = silent ? [`${reducer.name} yielded nothing for the input that it got`] : [];
      this.#store(leaf.finishReduced(io, warnings));
    }
  }

  /** All calls of one handler, then `next` for those that are through: a late one for itself. */
  async #sweep(
    handler: HandlerRef,
    leaves: readonly Leaf[],
    next: (ready: readonly Leaf[]) => Promise<void>,
  ): Promise<void> {
    if (leaves.length === 0) return;
    const { pool, timers, nowMs } = this.#options;
    const worker = await this.#acquire(handler, leaves);
    if (worker === undefined) return;
    let shown: Leaf | undefined;
    const release = async ([first]: readonly Leaf[]): Promise<void> => {
      if (worker.alive) await worker.settleOutput();
      const printed = worker.printed();
      if (printed !== undefined) {
        this.#options.onMixed();
        const words = sharedWords(printed, leaves);
        if (words !== undefined) first?.printed.push(words);
        if (words !== undefined && first !== shown) showWords(words, first);
      }
      pool.release(worker);
    };
    let swept: Swept;
    try {
      swept = await new LeafSweep({ worker, handler, timers, nowMs }).run(leaves);
    } catch (error) {
      await release([]);
      throw error;
    }
    const { late, slow } = swept;
    shown = slow;
    if (slow !== undefined) void showSlow(worker, slow, leaves);
    const follow = async (through: readonly Leaf[]): Promise<void> => {
      const left = await leftBehind(worker, timers);
      const ready = this.#apart(through, left !== undefined || worker.endedWithOthers);
      await release(ready);
      return next(ready);
    };
    if (late === undefined) return follow(swept.ready);
    const ready = this.#apart(swept.ready, worker.others().length > 0);
    await Promise.all([next(ready), late.then(follow)]);
  }

  /** Where their calls may have left processes, the leaves are run by themselves, and none goes on (B4). */
  #apart(leaves: readonly Leaf[], isMixed: boolean): readonly Leaf[] {
    if (!isMixed) return leaves;
    this.#options.onMixed();
    for (const leaf of leaves) leaf.alone();
    return [];
  }

  async #acquire(handler: HandlerRef, leaves: readonly Leaf[]): Promise<WorkerProcess | undefined> {
    try {
      const { pool, use } = this.#options;
      const source = leaves[0]?.input.source;
      return await pool.acquire(handler, use, source && (() => source(handler.version)));
    } catch (error) {
      if (!(error instanceof HandlersError)) throw error;
      for (const leaf of leaves) {
        leaf.finish({ kind: "released", reason: `${error.code}: ${error.message}` });
      }
      return undefined;
    }
  }
}

/**
 * The others go on without it, so what the worker prints from now on is this call's, for those who look.
 * What was printed before is told with it, as it will be kept.
 */
async function showSlow(worker: WorkerProcess, slow: Leaf, leaves: readonly Leaf[]): Promise<void> {
  await worker.settleOutput();
  const printed = worker.printed();
  const words = printed && sharedWords(printed, leaves);
  if (words !== undefined) showWords(words, slow);
  // Its end may have come meanwhile, and the worker may be another's.
  if (!slow.over)
    worker.prints.onOutput = (stream, chunk) => slow.input.output?.push(stream, chunk);
}

/**
 * Which of the calls has printed is not known (B2): the first that goes on keeps it for all, with a word
 * about that. Where they are of several requests nobody keeps it: one must not be shown to the other.
 */
function sharedWords(printed: Printed, leaves: readonly Leaf[]): Printed | undefined {
  const request = leaves[0]?.input.names.request;
  if (leaves.some(({ input }) => input.names.request !== request)) return undefined;
  const told = (text: string): string =>
    text === "" ? "" : `[by one of ${leaves.length} that ran together]\n${text}`;
  return { stdout: told(printed.stdout), stderr: told(printed.stderr) };
}

/** To those who look while it runs. */
function showWords(words: Printed, leaf: Leaf | undefined): void {
  for (const stream of ["stdout", "stderr"] as const) {
    leaf?.input.output?.push(stream, Buffer.from(words[stream]));
  }
}
