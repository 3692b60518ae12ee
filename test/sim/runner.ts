/** Runs the simulated handlers in virtual time: they return, fail, hang, or end long after they should. */
import type { RunnerPort } from "../../src/actors/work-ports.ts";
import { SlotGate } from "../../src/handlers/slot-gate.ts";
import type { Dataset, HandlerRef, Outcome, Piece, Work } from "../../src/wire/dataset.ts";
import { decodePairs } from "../../src/wire/pairs.ts";
import type { SimRuns } from "./blocks.ts";
import type { Chance } from "./chance.ts";
import {
  type Direction,
  expand,
  familyOfReducer,
  HANDLER_TIMEOUT_MS,
  reduceBy,
  sourceOf,
  sumPairs,
} from "./handlers.ts";
import {
  fromRecord,
  groupPairs,
  inlineDataset,
  type KeyValue,
  pairsOfPart,
  sortPairs,
  toDataset,
} from "./pairs.ts";
import { promise, Violation } from "./world.ts";

/** What units do besides their work; shared by all nodes, since a unit may try on several. */
export interface UnitBehaviour {
  /** Whether this try of the unit fails; bounded for each unit. */
  failsNow(unit: string): "failed" | "hangs" | undefined;
  /** Whether the poisoned leaves of a request work again. */
  healed(request: string): boolean;
}

export interface RunnerOptions {
  readonly chance: Chance;
  readonly behaviour: UnitBehaviour;
  readonly runs: SimRuns;
  readonly self: string;
  readonly nowMs: () => number;
  /** Units that run at once. */
  readonly slots: number;
  readonly sleep: (delayMs: number) => Promise<void>;
  /** Chance that a unit runs on after it was given up. */
  readonly zombieRatio: number;
  /** Chance that a piece becomes a run. */
  readonly runRatio: number;
  readonly leaseMs: number;
  /** Tells of a violation, which the executor would take for a failed unit. */
  readonly violate: (violation: Error) => void;
  /** Told of each attempt that comes. @returns what is called at its end. */
  readonly begins: (attempt: Context) => () => void;
}

/** Most handlers take so long. */
const WORK_MS_MAX = 400;

/** A few take so long. */
const LONG_WORK_MS_MAX = 3_000;

/** Pieces are small, so that datasets have several. */
const PIECE_BYTES_MAX = 300;

type Context = Parameters<RunnerPort["run"]>[1];
type MapWork = Extract<Work, { kind: "map" }>;

class UnitFailed extends Error {
  readonly code: string;

  constructor(code: string) {
    super(`simulated ${code}`);
    this.code = code;
  }
}

class UnitReleased extends Error {}

/** Some units print. By their name, so that nothing else that chance decides is changed by it. */
function chanceOfWords(invocation: string): boolean {
  return invocation.endsWith("1");
}

export class SimRunner implements RunnerPort {
  readonly #options: RunnerOptions;
  readonly #gate: SlotGate;

  constructor(options: RunnerOptions) {
    this.#gate = new SlotGate(options.slots);
    this.#options = options;
  }

  beginNoMore(): void {
    this.#gate.shut();
  }

  /** Its handlers do not print while they run. */
  output(): ReturnType<RunnerPort["output"]> {
    return Promise.resolve(undefined);
  }

  async run(work: Work, context: Context): ReturnType<RunnerPort["run"]> {
    const ended = this.#options.begins(context);
    try {
      return await this.#run(work, context);
    } finally {
      ended();
    }
  }

  async #run(work: Work, context: Context): ReturnType<RunnerPort["run"]> {
    const { isSpare, signal } = context;
    if (!isSpare && !(await this.#gate.enter(signal))) {
      return {
        outcome: { kind: "released", reason: "it has not begun" },
        ranMs: 0,
        storedMs: 0,
        run: undefined,
      };
    }
    const sinceMs = this.#options.nowMs();
    try {
      const outcome = await this.#begin(work, context);
      const tookMs = this.#options.nowMs() - sinceMs;
      return { outcome, ranMs: Math.max(tookMs, 1), storedMs: 0, run: { tookMs, agoMs: 0 } };
    } finally {
      if (!isSpare) this.#gate.leave();
    }
  }

  async #begin(work: Work, context: Context): Promise<Outcome> {
    try {
      await this.#behave(work, context);
      if (work.kind === "list") throw new Error("no simulated request lists objects");
      return work.kind === "map"
        ? await this.#map(work, context)
        : await this.#reduce(work, context);
    } catch (error) {
      if (error instanceof Violation) this.#options.violate(error);
      if (error instanceof UnitReleased) return { kind: "released", reason: "given up" };
      if (!(error instanceof UnitFailed)) throw error;
      const { code, message } = error;
      return {
        kind: "failed",
        error: { code, message, traceback: "", stdout: "", stderr: "" },
      };
    }
  }

  /** Takes the time that the unit takes, and does what it may do wrong. */
  async #behave(work: Work, context: Context): Promise<void> {
    const { chance, behaviour, zombieRatio, leaseMs, sleep } = this.#options;
    const unit = `${context.invocation} ${work.kind}`;
    const workMs = chance.hits(0.1)
      ? chance.between(WORK_MS_MAX, LONG_WORK_MS_MAX)
      : chance.between(1, WORK_MS_MAX);
    const zombie = chance.hits(zombieRatio);
    const extraMs = chance.between(1_000, 4_000);
    const fault = behaviour.failsNow(unit);
    if (zombie) {
      // Nothing stops it: as a process in the disk's queue that the kernel cannot kill.
      await sleep(leaseMs + extraMs);
      return;
    }
    const killed = aborted(context.signal);
    const endMs = fault === "hangs" ? HANDLER_TIMEOUT_MS : workMs;
    const how = await Promise.race([sleep(endMs).then(() => "ended"), killed.then(() => "killed")]);
    if (how === "killed") throw new UnitReleased();
    if (fault === "hangs") throw new UnitFailed("HANDLER_TIMEOUT");
    if (fault === "failed") throw new UnitFailed("HANDLER_FAILED");
  }

  async #map(work: MapWork, context: Context): Promise<Outcome> {
    await checkSource(work.mapper, context);
    const input = work.input.flatMap(({ piece, first, count }) =>
      this.#read(piece).slice(first, first + count),
    );
    const session: KeyValue[] = [];
    const mapped = expand(input, {
      step: context.step,
      sessionSet: (key, value) => session.push([key, value]),
      leaf: (poisoned) => {
        if (poisoned && !this.#options.behaviour.healed(context.request)) {
          throw new UnitFailed("SIM_POISONED");
        }
      },
    });
    let direction: Direction | undefined;
    const pairs: KeyValue[] = [];
    for (const yielded of mapped) {
      if ("step" in yielded) direction = yielded;
      else pairs.push(yielded);
    }
    promise(direction !== undefined, "a mapper says first where it maps to");
    const sessionData = inlineDataset(sortPairs(session), "key");
    const words = { stdout: context.invocation, stderr: "" };
    const printed = chanceOfWords(context.invocation) ? words : undefined;
    const common = { session: sessionData, warnings: [], printed };
    if (direction.step !== null) {
      const children = await this.#write(pairs, "yield");
      return { kind: "mapped", step: direction.step, children, ...common };
    }
    const combined = await combine(pairs, work.combiner, context);
    if (work.reducer === undefined) {
      return { kind: "combined", pairs: await this.#write(sortPairs(combined), "key"), ...common };
    }
    const parts = await this.#finish(work.reducer, { work, pairs: combined, scale: 1, context });
    return { kind: "reduced", parts, ...common };
  }

  async #reduce(work: Extract<Work, { kind: "reduce" }>, context: Context): Promise<Outcome> {
    const pairs: KeyValue[] = [];
    for (;;) {
      const next = await context.inputs(false);
      if (next === undefined) break;
      for (const piece of next) {
        promise(piece.order === "key", "what is merged is sorted");
        pairs.push(...this.#read(piece));
      }
    }
    const scale = work.session
      .flatMap((piece) => this.#read(piece))
      .find(([key]) => key === "scale");
    const parts = await this.#finish(work.reducer, {
      work,
      pairs,
      scale: Number(scale?.[1] ?? 1),
      context,
    });
    return { kind: "reduced", parts, session: [], warnings: [] };
  }

  async #finish(
    reducer: HandlerRef,
    task: {
      readonly work: Work;
      readonly pairs: readonly KeyValue[];
      readonly scale: number;
      readonly context: Context;
    },
  ): Promise<readonly Dataset[]> {
    const { work, pairs, scale, context } = task;
    await checkSource(reducer, context);
    const reduced = [...reduceBy(familyOfReducer(reducer.name), groupPairs(pairs), scale)];
    if (work.keepYieldOrder) return [await this.#write(reduced, "yield")];
    const sorted = sortPairs(reduced);
    const parts: Dataset[] = [];
    for (let part = 0; part < work.parts; part++) {
      parts.push(await this.#write(pairsOfPart(sorted, part, work.parts), "key"));
    }
    return parts;
  }

  #read(piece: Piece): readonly KeyValue[] {
    const bytes = piece.kind === "inline" ? piece.bytes : this.#options.runs.read(piece.cid);
    const pairs = decodePairs(bytes).map(fromRecord);
    promise(pairs.length === piece.count, "a piece has as many pairs as it says");
    return pairs;
  }

  #write(pairs: readonly KeyValue[], order: "key" | "yield"): Promise<Dataset> {
    const { chance, runs, runRatio, self } = this.#options;
    return toDataset(pairs, {
      order,
      pieceBytesMax: PIECE_BYTES_MAX,
      store: async (bytes) =>
        chance.hits(runRatio) ? { cid: await runs.store(bytes), holder: self } : undefined,
    });
  }
}

async function checkSource(ref: HandlerRef, context: Context): Promise<void> {
  const source = await context.source(ref.version);
  promise(source === sourceOf(ref.name), `the source of ${ref.name} is another handler's`);
}

async function combine(
  pairs: readonly KeyValue[],
  combiner: HandlerRef | undefined,
  context: Context,
): Promise<readonly KeyValue[]> {
  if (combiner === undefined) return pairs;
  await checkSource(combiner, context);
  return [...sumPairs(groupPairs(pairs))].flatMap(([key, values]) =>
    values.map((value): KeyValue => [key, value]),
  );
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
