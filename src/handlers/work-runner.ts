/** Executes units of work: handlers in worker processes, pairs in and out through `PairIo`. */
import { assert, unreachable } from "../std/assert.ts";
import type { Clock, Timers } from "../std/clock.ts";
import type { Dataset, HandlerRef, Outcome, Work, WorkEnd } from "../wire/dataset.ts";
import { Attempt, AttemptFailed, AttemptReleased, AttemptStrayed } from "./attempt.ts";
import { HandlerFault } from "./errors.ts";
import { groupFrames, pairFrames, pairsOf, pairsOfLists } from "./frames.ts";
import { LeafBatch } from "./leaf-batch.ts";
import { readInputs } from "./leaf-inputs.ts";
import { Leaf } from "./leaf-unit.ts";
import { MapperOutput } from "./mapper-output.ts";
import { Paces } from "./paces.ts";
import type { WorkerPool } from "./pool.ts";
import type { GroupPart, PairIo } from "./ports.ts";
import { SafeSink, SafeSorter } from "./safe-sink.ts";
import { readSession, type SessionPairs, SessionWriter } from "./session.ts";
import { Slot } from "./slot.ts";
import { SlotGate } from "./slot-gate.ts";
import { endOf, plainFailure, runOf, withPrinted } from "./unit-end.ts";
import { UnitLine, type WaitingUnit } from "./unit-line.ts";
import { type Unseal, unsealed } from "./unsealed.ts";
import { kindOf, nextRun, type WorkContext } from "./work-context.ts";

/** What a runner needs. */
export interface WorkRunnerOptions {
  readonly io: PairIo;
  /**
   * Must allow two workers for each slot and the spare one: an attempt keeps one of each language that it uses, and
   * with fewer, attempts that each hold one could wait for each other's second for ever.
   */
  readonly pool: WorkerPool;
  readonly clock: Clock;
  readonly timers: Timers;
  /** Units that run at once. */
  readonly slots: number;
  /** A unit that waited for a slot for so long is given back, milliseconds; three seconds unless said. */
  readonly waitingMsMax?: number;
}

/** Longest wait of a unit for a slot, milliseconds. */
const WAITING_MS_MAX = 3_000;

/** A unit that began took some time, whatever the clock can tell. */
const RAN_MS_MIN = 0.001;

/** Work that handlers do: listing objects is none of it. */
export type CalledWork = Exclude<Work, { kind: "list" }>;

type MapWork = Extract<Work, { kind: "map" }>;
type ReduceWork = Extract<Work, { kind: "reduce" }>;

/** A unit that has a slot. */
interface Run {
  readonly attempt: Attempt;
  /** Where its mapper unseals. */
  readonly unseal: Unseal | undefined;
  /** True: its input may have been read before. */
  readonly again: boolean;
  /** To be waited for when its last handler is done: the slot is free then. */
  readonly through: () => Promise<void>;
}

/** What is told of a unit that has a slot. */
interface UnitListeners {
  readonly begun: () => void;
  readonly through: () => Promise<void>;
}

/** A unit that has not begun. */
interface Waiting extends WaitingUnit {
  readonly work: CalledWork;
  readonly context: WorkContext;
  readonly resolve: (end: WorkEnd) => void;
  readonly reject: (error: unknown) => void;
}

/** Runs units, up to `slots` at once; more wait in line. Short ones share a slot. */
export class WorkRunner {
  readonly #options: WorkRunnerOptions;
  readonly #paces = new Paces();
  readonly #line: UnitLine<Waiting>;
  /** Outputs that are stored while other units have the slots: each takes memory for sorting. */
  readonly #storing: SlotGate;
  #free: number;
  #pumping = false;

  constructor(options: WorkRunnerOptions) {
    const { workersMax } = options.pool;
    assert(workersMax >= 2 * (options.slots + 1), "two workers for each slot and the spare one");
    this.#options = options;
    const { slots, clock, timers, waitingMsMax = WAITING_MS_MAX } = options;
    this.#line = new UnitLine({ paces: this.#paces, slots, clock, timers, waitingMsMax });
    this.#storing = new SlotGate(options.slots);
    this.#free = options.slots;
  }

  /**
   * Runs one unit. Whatever its handlers do wrong is a `failed` outcome; being given up, or having
   * no worker for the language, is `released`. Rejects only for faults of this node: what `io`,
   * `inputs` and `source` reject with.
   */
  run(work: CalledWork, context: WorkContext): Promise<WorkEnd> {
    return new Promise((resolve, reject) => {
      const outcome: Outcome = { kind: "released", reason: "no slot was free for it" };
      const leave = (): void => resolve({ outcome, ranMs: 0, storedMs: 0, run: undefined });
      const { signal } = context;
      this.#line.enter({
        work,
        context,
        kind: kindOf(work, context),
        group: context.group,
        weight: context.weight,
        isSpare: context.isSpare,
        signal,
        leave,
        resolve,
        reject,
      });
      this.#pumpSoon();
    });
  }

  /** Units that wait for a slot, and all that still come, are given back. */
  beginNoMore(): void {
    this.#line.shut();
  }

  /** At the end of this job of the loop: units that come together are seen together. */
  #pumpSoon(): void {
    if (this.#pumping) return;
    this.#pumping = true;
    queueMicrotask(() => {
      this.#pumping = false;
      this.#pump();
    });
  }

  #pump(): void {
    // One at a time may have a slot beyond those that there are.
    while (this.#free >= 0) {
      const units = this.#free > 0 ? this.#line.take() : this.#line.takeSpare();
      if (units.length === 0) return;
      this.#free--;
      const slot: Slot = new Slot(this.#options.clock.nowMs(), () => {
        this.#free++;
        this.#line.left(units, slot.heldMs);
        this.#pumpSoon();
      });
      void this.#serve(units, slot);
    }
  }

  async #serve(units: readonly Waiting[], slot: Slot): Promise<void> {
    const [first] = units;
    try {
      if (units.length > 1) await this.#together(units, slot);
      else if (first !== undefined) await this.#byItself(first, slot);
    } catch (error) {
      for (const unit of units) unit.reject(error);
    } finally {
      slot.leave(this.#options.clock.nowMs());
    }
  }

  async #byItself(unit: Waiting, slot: Slot): Promise<void> {
    const { clock } = this.#options;
    const { kind } = unit;
    const stored: (() => void)[] = [];
    let begunMs: number | undefined;
    try {
      const outcome = await this.#begin(unit, {
        begun: () => {
          begunMs ??= clock.nowMs();
        },
        through: async () => {
          await this.#storing.enter();
          stored.push(() => this.#storing.leave());
          slot.leave(clock.nowMs());
        },
      });
      const nowMs = clock.nowMs();
      slot.leave(nowMs);
      const ranMs = Math.max(slot.heldMs, RAN_MS_MIN);
      if (kind !== undefined && outcome.kind !== "released") this.#paces.ran(kind, ranMs);
      const storedMs = slot.msSince(nowMs);
      const run = begunMs === undefined ? undefined : runOf(begunMs, nowMs - storedMs, nowMs);
      unit.resolve({ outcome, ranMs, storedMs, run });
    } finally {
      for (const leave of stored) leave();
    }
  }

  /** Leaves of one kind in one slot. The time of each is its share of all. */
  async #together(units: readonly Waiting[], slot: Slot): Promise<void> {
    const { io, pool, timers, clock } = this.#options;
    const works = units.flatMap(({ work }) => (work.kind === "map" ? [work] : []));
    const inputs = await readInputs(
      io,
      works.map(({ input }) => input),
    );
    const leaves = units.map((unit, at) => {
      const { parts, keepYieldOrder, timeoutMs } = unit.work;
      const { names, volume, signal, source, output } = unit.context;
      const pairs = inputs[at] ?? [];
      const about = { names, volume, signal, source, output };
      const input = { ...about, pairs, timeoutMs, parts, keepYieldOrder };
      const leaf: Leaf = new Leaf(input, (end) => {
        // Next in line and alone: what a batch is not made for, or a call that was not begun.
        if (end.kind === "alone") {
          output?.again();
          this.#line.reenter({ ...unit, kind: undefined, context: nextRun(unit.context) });
          this.#pumpSoon();
        } else {
          const shareMs = slot.msUntil(clock.nowMs()) / units.length;
          const ranMs = Math.max(shareMs, leaf.usedMs, RAN_MS_MIN);
          const nowMs = clock.nowMs();
          const { begunMs, throughMs = nowMs } = leaf;
          const run = begunMs === undefined ? undefined : runOf(begunMs, throughMs, nowMs);
          unit.resolve({ outcome: end.outcome, ranMs, storedMs: slot.msSince(nowMs), run });
        }
      });
      if (inputs[at] === undefined) leaf.alone();
      return leaf;
    });
    const [work] = works;
    const kind = units[0]?.kind;
    const group = units[0]?.context.group;
    assert(
      work?.reducer !== undefined && kind !== undefined && group !== undefined,
      "leaves of one kind are run together",
    );
    const { mapper, combiner, reducer } = work;
    const nowMs = (): number => clock.nowMs();
    const onMixed = (): void => this.#paces.apart(kind);
    const handlers = { mapper, combiner, reducer, onMixed };
    const batch = new LeafBatch({ io, pool, use: { user: group }, timers, nowMs, ...handlers });
    await batch.run(leaves.filter(({ over }) => !over));
    slot.leave(clock.nowMs());
    this.#paces.ran(kind, slot.heldMs / units.length);
    await batch.stored();
  }

  /**
   * `begun` is told when a worker takes it, each time. `through` is waited for when no handler runs any more and the outputs are still to be stored. A
   * stray error that may be another unit's is nothing that this one did: it runs once more, with all
   * of its time, in workers that have served nobody.
   */
  async #begin(unit: Waiting, listeners: UnitListeners): Promise<Outcome> {
    try {
      return await this.#attempt(unit, { ...listeners, again: false });
    } catch (error) {
      if (!(error instanceof AttemptStrayed)) throw error;
      unit.context.output?.again();
      const next = { ...unit, context: nextRun(unit.context) };
      return this.#attempt(next, { ...listeners, again: true });
    }
  }

  async #attempt(
    { work, context, kind }: Waiting,
    options: UnitListeners & { readonly again: boolean },
  ): Promise<Outcome> {
    const { through, again, begun } = options;
    const attempt = new Attempt({
      pool: this.#options.pool,
      use: { user: context.group, fresh: again },
      timers: this.#options.timers,
      timeoutMs: work.timeoutMs,
      signal: context.signal,
      source: context.source,
      directory: context.attemptDirectory,
      names: context.names,
      volume: context.volume,
      secrets: context.secrets,
      listeners: context,
      onBegin: begun,
    });
    const { unseal } = context;
    const run: Run = {
      unseal: work.kind === "map" && work.mapper.runtime?.unseals === true ? unseal : undefined,
      attempt,
      again,
      through: async () => {
        await attempt.close();
        await through();
      },
    };
    try {
      const outcome =
        work.kind === "map"
          ? await this.#map(work, run, context)
          : await this.#reduceUnit(work, { run, context });
      await attempt.close();
      // In a batch nobody could tell which unit has printed what; what is logged there can be told.
      if (kind !== undefined && attempt.hasPrinted) this.#paces.apart(kind);
      return withPrinted(outcome, attempt.printed, attempt.limits.said);
    } catch (error) {
      if (error instanceof AttemptFailed || error instanceof AttemptReleased) {
        return endOf(error, attempt.exit, attempt.limits.all);
      }
      if (error instanceof HandlerFault) return { kind: "failed", error: plainFailure(error) };
      throw error;
    } finally {
      await attempt.close();
    }
  }

  async #map(work: MapWork, run: Run, { input }: WorkContext): Promise<Outcome> {
    const { io } = this.#options;
    const { attempt } = run;
    const writes = new SessionWriter();
    const readHere = work.combiner !== undefined || work.reducer !== undefined;
    const output = new MapperOutput(io, { readHere });
    try {
      await attempt.call(work.mapper, {
        input: pairFrames(inputOf(input?.() ?? io.read(work.input), run), { records: 0 }),
        session: [],
        onBatch: (records) => output.take(records),
        onMessage: (message) => {
          if (message.kind === "session-set") writes.set(message.key, message.value);
          else output.direct(message.step);
        },
      });
      if (output.stores) await run.through();
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
          const leaf = { run, pairs: mapped.sorter, session: writes.pairs() };
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
      readonly run: Run;
      readonly pairs: SafeSorter;
      readonly session: SessionPairs;
    },
  ): Promise<Extract<Outcome, { kind: "combined" | "reduced" }>> {
    const { combiner, reducer } = work;
    const { run, pairs, session } = leaf;
    const { attempt } = run;
    const groups = pairs.groups();
    if (combiner === undefined) {
      assert(reducer !== undefined, "somebody in the attempt reads the pairs");
      return this.#reduce(reducer, { run, work, groups, session });
    }
    if (reducer === undefined) return this.#combineToStore(combiner, { run, groups });
    const combined = new SafeSorter(this.#options.io.sorter());
    try {
      await combine(combiner, { attempt, groups, into: combined });
      return await this.#reduce(reducer, { run, work, groups: combined.groups(), session });
    } catch (error) {
      await attempt.close();
      throw error;
    } finally {
      await combined.discard();
    }
  }

  async #combineToStore(
    combiner: HandlerRef,
    options: { readonly run: Run; readonly groups: AsyncIterable<readonly GroupPart[]> },
  ): Promise<Extract<Outcome, { kind: "combined" }>> {
    const sink = new SafeSink(this.#options.io.sorted({ parts: 1 }));
    const { run, groups } = options;
    try {
      await combine(combiner, { attempt: run.attempt, groups, into: sink });
      await run.through();
      const [pairs = []] = await sink.finish();
      return { kind: "combined", pairs, session: [], warnings: [] };
    } catch (error) {
      await run.attempt.close();
      await sink.discard();
      throw error;
    }
  }

  async #reduceUnit(
    work: ReduceWork,
    options: { readonly run: Run; readonly context: WorkContext },
  ): Promise<Outcome> {
    const session = await readSession(this.#options.io, work.session);
    const groups = this.#options.io.readGroups(each(options.context.inputs, options.run.again));
    return this.#reduce(work.reducer, { run: options.run, work, groups, session });
  }

  async #reduce(
    reducer: HandlerRef,
    options: {
      readonly run: Run;
      readonly work: Work;
      readonly groups: AsyncIterable<readonly GroupPart[]>;
      readonly session: SessionPairs;
    },
  ): Promise<Extract<Outcome, { kind: "reduced" }>> {
    const { io } = this.#options;
    const { run, work } = options;
    const { attempt } = run;
    const sink = new SafeSink(work.keepYieldOrder ? io.yielded(yieldedOf(work)) : io.sorted(work));
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
      await run.through();
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

/** A root that several units reduce has their outputs in one result. */
function yieldedOf(work: Work): { readonly inlineBytes?: number } {
  return work.kind === "reduce" ? { inlineBytes: work.inlineBytes } : {};
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

async function* each(
  next: WorkContext["inputs"],
  again: boolean,
): AsyncGenerator<Dataset, void, undefined> {
  let dataset = await next(again);
  while (dataset !== undefined) {
    yield dataset;
    dataset = await next(false);
  }
}

/** What a mapper is given, with sealed values opened where it unseals. */
function inputOf(
  records: ReturnType<PairIo["read"]>,
  { attempt, unseal }: Run,
): ReturnType<PairIo["read"]> {
  if (unseal === undefined) return records;
  return unsealed(records, { unseal, hide: (texts) => attempt.hide(texts) });
}
