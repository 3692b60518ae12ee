/** Runs handlers in real worker processes over a real block store, in a directory of its own. */
import { createHash } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BlockStore } from "../../src/fs/block-store.ts";
import { StoredPairIo } from "../../src/fs/pair-io.ts";
import { WorkerPool, type WorkerPoolOptions } from "../../src/handlers/pool.ts";
import type { WorkContext } from "../../src/handlers/work-context.ts";
import { type CalledWork, WorkRunner } from "../../src/handlers/work-runner.ts";
import type { Clock, Timers } from "../../src/std/clock.ts";
import { decodeKey, encodeKey } from "../../src/std/ordered-key.ts";
import type {
  ArgumentType,
  Dataset,
  HandlerRef,
  HandlerType,
  Language,
  Outcome,
  PieceSlice,
  WorkEnd,
} from "../../src/wire/dataset.ts";

/** The machine's clock and timers. */
export const machineClock: Clock & Timers = {
  nowMs: () => performance.now(),
  after(delayMs, run) {
    const timer = setTimeout(run, delayMs);
    return { cancel: () => clearTimeout(timer) };
  },
};

/** A key and a value, as handlers see them. */
export type Pair = readonly [unknown, unknown];

/** A handler and its source. */
export interface TestHandler {
  readonly ref: HandlerRef;
  readonly source: string;
}

/** Makes a handler of a source without its comment: what the runner is given has been checked. */
export function handlerOf(
  language: Language,
  type: HandlerType,
  source: string,
  options: {
    readonly argumentType?: ArgumentType;
    readonly name?: string;
    readonly memoryBytes?: number;
    readonly runtime?: HandlerRef["runtime"];
  } = {},
): TestHandler {
  const { argumentType = null, name = `a.${type}`, memoryBytes, runtime } = options;
  const version = createHash("sha256").update(`${language}${type}${source}`).digest("hex");
  const ref = { name, version, language, type, argumentType, memoryBytes, runtime };
  return { ref, source };
}

/** What a unit may be given besides its handlers. */
export interface RunOptions {
  readonly timeoutMs?: number;
  readonly parts?: number;
  readonly inlineBytes?: number;
  readonly keepYieldOrder?: boolean;
  readonly context?: Partial<WorkContext>;
}

/** A runner and everything below it. */
export class HandlerKit {
  readonly directory: string;
  readonly io: StoredPairIo;
  readonly pool: WorkerPool;
  readonly runner: WorkRunner;
  /** How often a source was asked for. */
  sourcesAsked = 0;
  /** Of the unit that ended last, with its times. */
  lastEnd: WorkEnd | undefined;
  readonly #sources = new Map<string, string>();

  constructor(options: {
    readonly directory: string;
    readonly store: BlockStore;
    readonly slots: number;
    readonly pool: Partial<WorkerPoolOptions>;
    readonly clock: Clock;
    readonly waitingMsMax: number;
  }) {
    this.directory = options.directory;
    this.io = new StoredPairIo({ store: options.store, self: "self" });
    this.pool = new WorkerPool({
      directory: join(options.directory, "workers"),
      clock: machineClock,
      timers: machineClock,
      workersMax: 2 * (options.slots + 1),
      ...options.pool,
    });
    this.runner = new WorkRunner({
      io: this.io,
      pool: this.pool,
      clock: options.clock,
      timers: machineClock,
      slots: options.slots,
      waitingMsMax: options.waitingMsMax,
    });
  }

  static async open(
    options: {
      readonly slots?: number;
      readonly pool?: Partial<WorkerPoolOptions>;
      /** By which the runner measures how long units take. */
      readonly clock?: Clock;
      /** An hour unless said: on a slow machine units wait for long. */
      readonly waitingMsMax?: number;
    } = {},
  ): Promise<HandlerKit> {
    const directory = await mkdtemp(join(tmpdir(), "jobx-handlers-"));
    const store = await BlockStore.open({ directory: join(directory, "blocks") });
    return new HandlerKit({
      directory,
      store,
      slots: options.slots ?? 1,
      pool: options.pool ?? {},
      clock: options.clock ?? machineClock,
      waitingMsMax: options.waitingMsMax ?? 3_600_000,
    });
  }

  async close(): Promise<void> {
    await this.pool.close();
    await rm(this.directory, { recursive: true, force: true });
  }

  /** Pairs as a dataset in their order. */
  async dataset(pairs: Iterable<Pair>): Promise<Dataset> {
    const sink = this.io.yielded();
    await this.#fill(sink, pairs);
    return (await sink.finish())[0] ?? [];
  }

  /** Pairs as a dataset sorted by key. */
  async sortedDataset(pairs: Iterable<Pair>): Promise<Dataset> {
    const sink = this.io.sorted({ parts: 1 });
    await this.#fill(sink, pairs);
    return (await sink.finish())[0] ?? [];
  }

  async pairsOf(dataset: Dataset): Promise<Pair[]> {
    const pairs: Pair[] = [];
    for await (const records of this.io.read(slicesOf(dataset))) {
      for (const record of records) {
        const value: unknown = JSON.parse(Buffer.from(record.value).toString());
        pairs.push([decodeKey(record.key), value]);
      }
    }
    return pairs;
  }

  /** Runs a map unit. */
  async map(
    handlers: {
      readonly mapper: TestHandler;
      readonly combiner?: TestHandler;
      readonly reducer?: TestHandler;
    },
    pairs: Iterable<Pair>,
    options: RunOptions = {},
  ): Promise<Outcome> {
    const work: CalledWork = {
      kind: "map",
      mapper: this.#known(handlers.mapper),
      combiner: handlers.combiner && this.#known(handlers.combiner),
      reducer: handlers.reducer && this.#known(handlers.reducer),
      reducerCapability: "none",
      input: slicesOf(await this.dataset(pairs)),
      parts: options.parts ?? 1,
      keepYieldOrder: options.keepYieldOrder ?? false,
      timeoutMs: options.timeoutMs ?? 30_000,
    };
    return this.#run(work, this.#context(options));
  }

  /** Runs a reduce unit over datasets that are sorted. */
  async reduce(
    reducer: TestHandler,
    inputs: readonly Dataset[],
    options: RunOptions & { readonly session?: Dataset } = {},
  ): Promise<Outcome> {
    let left = [...inputs];
    const work: CalledWork = {
      kind: "reduce",
      reducer: this.#known(reducer),
      session: options.session ?? [],
      parts: options.parts ?? 1,
      inlineBytes: options.inlineBytes ?? 4096,
      keepYieldOrder: options.keepYieldOrder ?? false,
      timeoutMs: options.timeoutMs ?? 30_000,
    };
    const next = (again: boolean) => {
      if (again) left = [...inputs];
      return Promise.resolve(left.shift());
    };
    const context = { ...this.#context(options), inputs: next };
    return this.#run(work, context);
  }

  async #run(work: CalledWork, context: WorkContext): Promise<Outcome> {
    this.lastEnd = await this.runner.run(work, context);
    return this.lastEnd.outcome;
  }

  #known(handler: TestHandler): HandlerRef {
    this.#sources.set(handler.ref.version, handler.source);
    return handler.ref;
  }

  #context(options: RunOptions): WorkContext {
    return {
      group: 1,
      weight: 1,
      isSpare: false,
      inputs: () => Promise.resolve(undefined),
      source: (version) => {
        this.sourcesAsked++;
        return Promise.resolve(this.#sources.get(version) ?? "");
      },
      signal: new AbortController().signal,
      names: { request: "r1", invocation: "i1", step: "s1" },
      ...options.context,
    };
  }

  async #fill(
    sink: ReturnType<StoredPairIo["yielded" | "sorted"]>,
    pairs: Iterable<Pair>,
  ): Promise<void> {
    const records = Array.from(pairs, ([key, value]) => ({
      key: encodeKey(key),
      value: Buffer.from(JSON.stringify(value)),
    }));
    for (let at = 0; at < records.length; at += 256) await sink.add(records.slice(at, at + 256));
  }
}

function slicesOf(dataset: Dataset): PieceSlice[] {
  return dataset.map((piece) => ({ piece, first: 0, count: piece.count }));
}

/** The pairs of an outcome with one dataset, of each where there are more; any other outcome itself. */
export async function resultOf(kit: HandlerKit, outcome: Outcome): Promise<unknown> {
  const datasets = datasetsOf(outcome);
  const [first] = datasets;
  if (first === undefined) return outcome;
  if (datasets.length === 1) return kit.pairsOf(first);
  return Promise.all(datasets.map((dataset) => kit.pairsOf(dataset)));
}

function datasetsOf(outcome: Outcome): readonly Dataset[] {
  switch (outcome.kind) {
    case "mapped":
    case "listed":
      return [outcome.children];
    case "combined":
      return [outcome.pairs];
    case "reduced":
      return outcome.parts;
    case "failed":
    case "released":
    case "lacking":
      return [];
  }
}

/** Why an outcome failed; undefined when it did not. */
export function failureOf(
  outcome: Outcome,
): Extract<Outcome, { readonly kind: "failed" }>["error"] | undefined {
  return outcome.kind === "failed" ? outcome.error : undefined;
}
