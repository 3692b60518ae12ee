/** Executes units of work: handlers in worker processes, pairs in and out through `PairIo`. */
import { assert } from "../std/assert.ts";
import type { Timers } from "../std/clock.ts";
import type { Dataset, HandlerRef, Outcome, Work, WorkError } from "../wire/dataset.ts";
import { isName } from "../wire/handler-metadata.ts";
import { Attempt, AttemptFailed, type AttemptListeners, AttemptReleased } from "./attempt.ts";
import { HandlerFault } from "./errors.ts";
import { groupFrames, pairFrames, pairsOf, pairsOfLists } from "./frames.ts";
import type { WorkerPool } from "./pool.ts";
import type { PairIo } from "./ports.ts";
import { SafeSink } from "./safe-sink.ts";
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
    const output = new MapperOutput(io);
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
      const { step, dataset } = await output.finish();
      const session = await writes.save(io);
      if (step !== null) return { kind: "mapped", step, children: dataset, session, warnings: [] };
      const pairs =
        work.combiner === undefined
          ? dataset
          : await this.#combine(work.combiner, { attempt, pairs: dataset });
      if (work.reducer === undefined) return { kind: "combined", pairs, session, warnings: [] };
      const reduced = await this.#reduce(work.reducer, {
        attempt,
        work,
        inputs: only(pairs),
        session: writes.pairs(),
      });
      return { ...reduced, session };
    } catch (error) {
      await attempt.close();
      await output.discard();
      throw error;
    }
  }

  /** A leaf's pairs, grouped, through its combiner; sorted again, since it may change the keys. */
  async #combine(
    combiner: HandlerRef,
    options: { readonly attempt: Attempt; readonly pairs: Dataset },
  ): Promise<Dataset> {
    const { io } = this.#options;
    const { attempt, pairs } = options;
    const sink = new SafeSink(io.sorted({ parts: 1 }));
    try {
      await attempt.call(combiner, {
        input: groupFrames(io.readGroups(only(pairs)), { records: 0 }),
        session: [],
        onBatch: (records) => sink.add(pairsOfLists(records)),
        onMessage: () => undefined,
      });
      const [combined = []] = await sink.finish();
      return combined;
    } catch (error) {
      await attempt.close();
      await sink.discard();
      throw error;
    }
  }

  async #reduceUnit(
    work: ReduceWork,
    options: { readonly attempt: Attempt; readonly context: WorkContext },
  ): Promise<Outcome> {
    const session = await readSession(this.#options.io, work.session);
    const inputs = each(options.context.inputs);
    return this.#reduce(work.reducer, { attempt: options.attempt, work, inputs, session });
  }

  async #reduce(
    reducer: HandlerRef,
    options: {
      readonly attempt: Attempt;
      readonly work: Work;
      readonly inputs: AsyncIterable<Dataset>;
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
        input: groupFrames(io.readGroups(options.inputs), count),
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

/** Where a mapper's pairs go, once it has said so. */
class MapperOutput {
  readonly #io: PairIo;
  #sink: SafeSink | undefined;
  #step: string | null = null;

  constructor(io: PairIo) {
    this.#io = io;
  }

  /** The mapper's first word: a step, or null for "return". */
  direct(step: string | null): void {
    if (this.#sink !== undefined) throw protocolFault("a second direction");
    if (step !== null && !isName(step)) {
      const message = `no name of a step: ${step.slice(0, 200)}`;
      throw new HandlerFault({ code: "HANDLER_OUTPUT_INVALID" }, message);
    }
    this.#step = step;
    this.#sink = new SafeSink(step === null ? this.#io.sorted({ parts: 1 }) : this.#io.yielded());
  }

  async take(records: readonly unknown[]): Promise<void> {
    if (this.#sink === undefined) throw protocolFault("pairs before a direction");
    await this.#sink.add(pairsOf(records));
  }

  async finish(): Promise<{ readonly step: string | null; readonly dataset: Dataset }> {
    if (this.#sink === undefined) throw protocolFault("no direction");
    const [dataset = []] = await this.#sink.finish();
    return { step: this.#step, dataset };
  }

  async discard(): Promise<void> {
    await this.#sink?.discard();
  }
}

function protocolFault(message: string): HandlerFault {
  return new HandlerFault({ code: "HANDLER_PROTOCOL" }, message);
}

function plainFailure(fault: HandlerFault): WorkError {
  return { code: fault.code, message: fault.message, traceback: "", stdout: "", stderr: "" };
}

async function* only(dataset: Dataset): AsyncGenerator<Dataset, void, undefined> {
  yield dataset;
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
