/** Executes units of work: handlers in worker processes, pairs in and out through `PairIo`. */
import { assert, unreachable } from "../std/assert.ts";
import type { Timers } from "../std/clock.ts";
import type { Dataset, HandlerRef, Outcome, Work, WorkError } from "../wire/dataset.ts";
import { Attempt, AttemptFailed, type AttemptListeners, AttemptReleased } from "./attempt.ts";
import { HandlerFault } from "./errors.ts";
import { groupFrames, pairFrames, pairsOf, pairsOfLists } from "./frames.ts";
import { MapperOutput } from "./mapper-output.ts";
import type { WorkerPool } from "./pool.ts";
import type { GroupPart, PairIo } from "./ports.ts";
import { SafeSink, SafeSorter } from "./safe-sink.ts";
import { readSession, type SessionPairs, SessionWriter } from "./session.ts";
import { SlotGate } from "./slot-gate.ts";

/** What an executor hands in with a unit. */
export interface WorkContext extends AttemptListeners {
  /** The next input dataset of a reduce, whose runs are on this node; undefined after the last. */
  readonly inputs: () => Promise<Dataset | undefined>;
  /** The source of a handler's version. */
  readonly source: (version: string) => Promise<string>;
  /** Gives the unit up: its handlers are killed and the outcome is `released`. */
  readonly signal: AbortSignal;
  /** Working directory of the handlers; the worker's own directory without it. */
  readonly attemptDirectory?: string;
  readonly names: {
    readonly request: string;
    readonly invocation: string;
    readonly step: string;
  };
}

/** What a runner needs. */
export interface WorkRunnerOptions {
  readonly io: PairIo;
  /**
   * Must allow two workers for each slot: an attempt keeps one of each language that it uses, and
   * with fewer, attempts that each hold one could wait for each other's second for ever.
   */
  readonly pool: WorkerPool;
  readonly timers: Timers;
  /** Units that run at once. */
  readonly slots: number;
}

type MapWork = Extract<Work, { kind: "map" }>;
type ReduceWork = Extract<Work, { kind: "reduce" }>;

/** Runs units, up to `slots` at once; more wait in line. */
export class WorkRunner {
  readonly #options: WorkRunnerOptions;
  readonly #gate: SlotGate;

  constructor(options: WorkRunnerOptions) {
    assert(options.pool.workersMax >= 2 * options.slots, "two workers for each slot");
    this.#options = options;
    this.#gate = new SlotGate(options.slots);
  }

  /**
   * Runs one unit. Whatever its handlers do wrong is a `failed` outcome; being given up, or having
   * no worker for the language, is `released`. Rejects only for faults of this node: what `io`,
   * `inputs` and `source` reject with.
   */
  async run(work: Work, context: WorkContext): Promise<Outcome> {
    await this.#gate.enter();
    const attempt = new Attempt({
      pool: this.#options.pool,
      timers: this.#options.timers,
      timeoutMs: work.timeoutMs,
      signal: context.signal,
      source: context.source,
      directory: context.attemptDirectory,
      names: context.names,
      listeners: context,
    });
    try {
      return work.kind === "map"
        ? await this.#map(work, attempt)
        : await this.#reduceUnit(work, { attempt, context });
    } catch (error) {
      if (error instanceof AttemptFailed) return { kind: "failed", error: error.failure };
      if (error instanceof AttemptReleased) return { kind: "released", reason: error.message };
      if (error instanceof HandlerFault) return { kind: "failed", error: plainFailure(error) };
      throw error;
    } finally {
      await attempt.close();
      this.#gate.leave();
    }
  }

  async #map(work: MapWork, attempt: Attempt): Promise<Outcome> {
    const { io } = this.#options;
    const writes = new SessionWriter();
    const readHere = work.combiner !== undefined || work.reducer !== undefined;
    const output = new MapperOutput(io, { readHere });
    try {
      await attempt.call(work.mapper, {
        input: pairFrames(io.read(work.input), { records: 0 }),
        session: [],
        onBatch: (records) => output.take(records),
        onMessage: (message) => {
          if (message.kind === "session-set") writes.set(message.key, message.value);
          else output.direct(message.step);
        },
      });
      const mapped = await output.finish();
      const session = await writes.save(io);
      switch (mapped.kind) {
        case "children": {
          const { step, dataset: children } = mapped;
          return { kind: "mapped", step, children, session, warnings: [] };
        }
        case "stored":
          return { kind: "combined", pairs: mapped.dataset, session, warnings: [] };
        case "sorted": {
          const leaf = { attempt, pairs: mapped.sorter, session: writes.pairs() };
          return { ...(await this.#leaf(work, leaf)), session };
        }
        default:
          return unreachable(mapped);
      }
    } catch (error) {
      await attempt.close();
      throw error;
    } finally {
      await output.discard();
    }
  }

  /** A leaf's pairs through the handlers that run in its attempt: a combiner, a reducer, or both. */
  async #leaf(
    work: MapWork,
    leaf: {
      readonly attempt: Attempt;
      readonly pairs: SafeSorter;
      readonly session: SessionPairs;
    },
  ): Promise<Extract<Outcome, { kind: "combined" | "reduced" }>> {
    const { combiner, reducer } = work;
    const { attempt, pairs, session } = leaf;
    const groups = pairs.groups();
    if (combiner === undefined) {
      assert(reducer !== undefined, "somebody in the attempt reads the pairs");
      return this.#reduce(reducer, { attempt, work, groups, session });
    }
    if (reducer === undefined) return this.#combineToStore(combiner, { attempt, groups });
    const combined = new SafeSorter(this.#options.io.sorter());
    try {
      await combine(combiner, { attempt, groups, into: combined });
      return await this.#reduce(reducer, { attempt, work, groups: combined.groups(), session });
    } catch (error) {
      await attempt.close();
      throw error;
    } finally {
      await combined.discard();
    }
  }

  async #combineToStore(
    combiner: HandlerRef,
    options: { readonly attempt: Attempt; readonly groups: AsyncIterable<readonly GroupPart[]> },
  ): Promise<Extract<Outcome, { kind: "combined" }>> {
    const sink = new SafeSink(this.#options.io.sorted({ parts: 1 }));
    try {
      await combine(combiner, { ...options, into: sink });
      const [pairs = []] = await sink.finish();
      return { kind: "combined", pairs, session: [], warnings: [] };
    } catch (error) {
      await options.attempt.close();
      await sink.discard();
      throw error;
    }
  }

  async #reduceUnit(
    work: ReduceWork,
    options: { readonly attempt: Attempt; readonly context: WorkContext },
  ): Promise<Outcome> {
    const session = await readSession(this.#options.io, work.session);
    const groups = this.#options.io.readGroups(each(options.context.inputs));
    return this.#reduce(work.reducer, { attempt: options.attempt, work, groups, session });
  }

  async #reduce(
    reducer: HandlerRef,
    options: {
      readonly attempt: Attempt;
      readonly work: Work;
      readonly groups: AsyncIterable<readonly GroupPart[]>;
      readonly session: SessionPairs;
    },
  ): Promise<Extract<Outcome, { kind: "reduced" }>> {
    const { io } = this.#options;
    const { attempt, work } = options;
    const sink = new SafeSink(work.keepYieldOrder ? io.yielded() : io.sorted(work));
    const count = { records: 0 };
    let yielded = 0;
    try {
      await attempt.call(reducer, {
        input: groupFrames(options.groups, count),
        session: options.session,
        onBatch: (records) => {
          yielded += records.length;
          return sink.add(pairsOf(records));
        },
        onMessage: () => undefined,
      });
      const silent = count.records > 0 && yielded === 0;
      const warnings = silent ? [`${reducer.name} yielded nothing for the input that it got`] : [];
      return { kind: "reduced", parts: await sink.finish(), session: [], warnings };
    } catch (error) {
      await attempt.close();
      await sink.discard();
      throw error;
    }
  }
}

/** A leaf's groups through its combiner, into what sorts again: it may change the keys. */
function combine(
  combiner: HandlerRef,
  options: {
    readonly attempt: Attempt;
    readonly groups: AsyncIterable<readonly GroupPart[]>;
    readonly into: Pick<SafeSink, "add">;
  },
): Promise<void> {
  return options.attempt.call(combiner, {
    input: groupFrames(options.groups, { records: 0 }),
    session: [],
    onBatch: (records) => options.into.add(pairsOfLists(records)),
    onMessage: () => undefined,
  });
}

function plainFailure(fault: HandlerFault): WorkError {
  return { code: fault.code, message: fault.message, traceback: "", stdout: "", stderr: "" };
}

async function* each(
  next: () => Promise<Dataset | undefined>,
): AsyncGenerator<Dataset, void, undefined> {
  for (;;) {
    const dataset = await next();
    if (dataset === undefined) return;
    yield dataset;
  }
}
