/**
 * What an executor is asked to do for one attempt, and what it answers. A grant carries a `Work`;
 * a completion carries an `Outcome`. Both travel over the wire and through the log.
 */
import type { HandlerRuntime } from "../workflow/handler-runtime.ts";
import type { Cid, Dataset, PieceSlice } from "./dataset.ts";
import type { ObjectInput } from "./objects.ts";

export type Language = "javascript" | "python" | "executable" | "container";
export type HandlerType = "mapper" | "combiner" | "reducer";

/** How a handler takes its argument: cast by the name of a builtin of Python, or `null` for an iterator. */
export type ArgumentType =
  | "list"
  | "dict"
  | "tuple"
  | "int"
  | "float"
  | "str"
  | "bool"
  | "set"
  | "frozenset"
  | "sorted"
  | "reversed"
  | "enumerate"
  | "iter"
  | "len"
  | null;

/** A handler at one version, as pinned by a request. */
export interface HandlerRef {
  readonly name: string;
  /** `sha256` in hex over language, metadata and source; the source is kept under it. */
  readonly version: string;
  readonly language: Language;
  readonly type: HandlerType;
  readonly argumentType: ArgumentType;
  /** What its worker may use while it runs, bytes; undefined leaves it to the executor. */
  readonly memoryBytes: number | undefined;
  /** How else its worker is to be run; undefined when nothing is said. */
  readonly runtime?: HandlerRuntime | undefined;
}

/** One handler call (or, for a leaf, mapper, combiner and reducer in one go). */
export type Work =
  | {
      readonly kind: "map";
      readonly mapper: HandlerRef;
      /** Runs on a leaf's pairs; undefined means group by key. */
      readonly combiner: HandlerRef | undefined;
      /** Finishes a leaf in the same attempt; undefined where the executor may not run it. */
      readonly reducer: HandlerRef | undefined;
      /** What an executor must offer to run the reducer as well. */
      readonly reducerCapability: string;
      readonly input: readonly PieceSlice[];
      /** How many parts the result of a leaf is cut into: the `partitions` of the parent's step. */
      readonly parts: number;
      /** True when nobody merges the result (the root): it stays in yield order. */
      readonly keepYieldOrder: boolean;
      readonly timeoutMs: number;
      /** Each pair of the input names an object, of which the mapper is given the content. */
      readonly objects?: ObjectInput | undefined;
      /**
       * Its input was made by a mapper of its own step, not by who has submitted or listed it. Only mappers that
       * are containers are told: those map to themselves, and nobody else's pairs may look as if they had.
       */
      readonly fromOwnStep?: boolean | undefined;
    }
  | {
      /** Finds objects, from `cursor` on; no handler is called. */
      readonly kind: "list";
      readonly sources: Dataset;
      readonly cursor: string;
      /** At most so many, 1 or more. */
      readonly limit: number;
      /** As of a mapper that maps: what it finds are arguments of children, in their order. */
      readonly parts: 1;
      readonly keepYieldOrder: true;
      readonly timeoutMs: number;
    }
  | {
      readonly kind: "reduce";
      readonly reducer: HandlerRef;
      /** Where the sorted input is: pages of pieces that the executor reads from the scheduler. */
      readonly session: Dataset;
      readonly parts: number;
      /** Its share of the inline bytes that the whole result may have. */
      readonly inlineBytes: number;
      readonly keepYieldOrder: boolean;
      readonly timeoutMs: number;
    };

/** What a handler or its process did wrong; kept with the failed attempt and the request. */
export interface WorkError {
  /** A stable code such as `HANDLER_FAILED`, `HANDLER_TIMEOUT`, `HANDLER_NO_DIRECTION`. */
  readonly code: string;
  readonly message: string;
  readonly traceback: string;
  /** The ends of what the handler printed, bounded. */
  readonly stdout: string;
  readonly stderr: string;
}

/** The ends of what the handlers of an attempt that ended well have printed. */
export interface Printed {
  readonly stdout: string;
  readonly stderr: string;
}

/** How a worker's process has ended. */
export type WorkerExit =
  | { readonly kind: "code"; readonly code: number }
  /** By its name, such as `SIGKILL`. */
  | { readonly kind: "signal"; readonly signal: string };

/** What handlers can be limited in. */
export type LimitKind = "memory" | "cpu" | "pids" | "disk" | "time" | "silence";

/**
 * Who enforces a limit: the kernel, by a control group of either version or a limit of a process; the
 * node, by ending what goes over it, which it finds out by looking now and then or by its timers; nobody.
 */
export type LimitEnforcer = "cgroup-v2" | "cgroup-v1" | "rlimit" | "looking" | "node" | "none";

/** A limit that an attempt was held to. */
export interface EnforcedLimit {
  readonly kind: LimitKind;
  readonly by: LimitEnforcer;
}

/** Of each kind one for each handler of an attempt that has one, at most. */
export const ENFORCED_LIMITS_MAX = 32;

/** The greatest code that a process can exit with. */
export const EXIT_CODE_MAX = 255;

/** Longer than an attempt may take, with a wait for a scheduler after it; what is longer is told as this. */
export const RUN_MS_MAX: number = 30 * 24 * 3_600_000;

/**
 * When an attempt ran, in whole milliseconds by the clock of its executor. Both are durations, since the
 * clocks of two nodes may differ by any amount: whoever takes this down reckons back from its own
 * present, and is wrong by no more than the time that this took to get there.
 */
export interface AttemptRun {
  /** From when a worker took it until its handlers were through; 0 to `RUN_MS_MAX`. */
  readonly tookMs: number;
  /**
   * From then until this was told: its output was stored, copied to another node, and perhaps no
   * scheduler was there to be told; 0 to `RUN_MS_MAX`.
   */
  readonly agoMs: number;
}

/** R26: a run of an attempt's input of which no node has a copy any more. */
export interface LostRun {
  readonly cid: Cid;
  /**
   * Of a reduction: the child that made it; undefined where the invocation's own mapper did. Nothing of a
   * map unit: its input is what the parent's mapper made, or the request's arguments.
   */
  readonly child: number | undefined;
  /** Which of the units that reduce the child made it; 0 where it is one. */
  readonly unit: number;
}

/** Lost runs that one attempt tells; the rest shows when these are there again. */
export const LOST_RUNS_MAX = 256;

/** How an attempt ended, as its executor tells it. */
export type Outcome =
  | {
      /** A mapper chose a step; `children` is in yield order, one pair per child. */
      readonly kind: "mapped";
      readonly step: string;
      readonly children: Dataset;
      readonly session: Dataset;
      readonly warnings: readonly string[];
      /** Nothing for the many that print nothing. */
      readonly printed?: Printed | undefined;
      /** What its handlers were held to; nothing where they say nothing of that. */
      readonly limits?: readonly EnforcedLimit[] | undefined;
    }
  | {
      /** A leaf whose reducer must run elsewhere: its combined pairs, sorted by key. */
      readonly kind: "combined";
      readonly pairs: Dataset;
      readonly session: Dataset;
      readonly warnings: readonly string[];
      /** Nothing for the many that print nothing. */
      readonly printed?: Printed | undefined;
      /** What its handlers were held to; nothing where they say nothing of that. */
      readonly limits?: readonly EnforcedLimit[] | undefined;
    }
  | {
      /** A leaf or a reduce unit that is finished: one dataset for each of the parent's partitions. */
      readonly kind: "reduced";
      readonly parts: readonly Dataset[];
      readonly session: Dataset;
      readonly warnings: readonly string[];
      /** Nothing for the many that print nothing. */
      readonly printed?: Printed | undefined;
      /** What its handlers were held to; nothing where they say nothing of that. */
      readonly limits?: readonly EnforcedLimit[] | undefined;
    }
  | {
      /** Objects that were found, in their order, and where the list goes on. */
      readonly kind: "listed";
      readonly children: Dataset;
      readonly cursor: string;
      readonly closed: boolean;
      readonly warnings: readonly string[];
    }
  | {
      readonly kind: "failed";
      readonly error: WorkError;
      /** Of the worker that died of it, or was killed for it; nothing where it lived on. */
      readonly exit?: WorkerExit | undefined;
      /** What its handlers were held to. */
      readonly limits?: readonly EnforcedLimit[] | undefined;
    }
  | {
      /** The executor gave the unit back: drain, no room, cancelled. Counts against nothing. */
      readonly kind: "released";
      readonly reason: string;
      /** Of the worker that was killed to give it back. */
      readonly exit?: WorkerExit | undefined;
    }
  | {
      /** R26: it could not begin, since runs of its input are lost: whoever made them does it again. */
      readonly kind: "lacking";
      /** One at least. */
      readonly lost: readonly LostRun[];
      /** What the unit fails with where nobody can make them again. */
      readonly error: WorkError;
    };

/** How a unit ended, at the runner of its node. */
export interface WorkEnd {
  readonly outcome: Outcome;
  /** Time that it had a slot for itself, which several may share; 0 when it never began. */
  readonly ranMs: number;
  /** Time after that until its output was stored. */
  readonly storedMs: number;
  /** When it ran, as people mean it, not rounded; undefined when no worker took it. */
  readonly run: AttemptRun | undefined;
}
