/** What comes with a unit, and which units may be run together. */
import type { Dataset, Work } from "../wire/dataset.ts";
import { accessOfNextRun } from "../wire/volume-run.ts";
import type { Secrets, VolumeAccess } from "../wire/worker-protocol.ts";
import type { AttemptListeners } from "./attempt.ts";
import type { PairRecord } from "./ports.ts";
import type { Unseal } from "./unsealed.ts";

/** What an executor hands in with a unit. */
export interface WorkContext extends AttemptListeners {
  /** The workflow's group: a worker that runs its handlers runs no other workflow's. */
  readonly group: number;
  /** R20: of the workflow against others whose units wait for a slot, from 1 on. */
  readonly weight: number;
  /** R20: it need not wait for a slot, unless another one just does not either. */
  readonly isSpare: boolean;
  /**
   * The next input dataset of a reduce, whose runs are on this node, or the first one again; undefined
   * after the last.
   */
  readonly inputs: (again: boolean) => Promise<Dataset | undefined>;
  /** What the mapper is given in place of its unit's pairs, from the beginning each time. */
  readonly input?: (() => AsyncIterable<readonly PairRecord[]>) | undefined;
  /** The source of a handler's version. */
  readonly source: (version: string) => Promise<string>;
  /** Gives the unit up: its handlers are killed and the outcome is `released`. */
  readonly signal: AbortSignal;
  /** Current directory of the handlers; without it one of the worker, empty when a call begins. */
  readonly attemptDirectory?: string;
  readonly names: {
    readonly request: string;
    readonly invocation: string;
    readonly step: string;
    /** The object that it is given, where its request is over a list. */
    readonly object?: string | undefined;
    /** A mapper of the same step has made the input; told to containers alone. */
    readonly fromOwnStep?: boolean | undefined;
  };
  /** How its handlers reach the workflow's volume; undefined where there is none for them. */
  readonly volume?: VolumeAccess | undefined;
  /** Of all its handlers; each is told those that it names. */
  readonly secrets?: Secrets | undefined;
  /** Where its mapper unseals. */
  readonly unseal?: Unseal | undefined;
}

/**
 * Mappers of one kind that may be run together: they are reduced in the same attempt, by the same
 * handlers, and nobody follows what they print.
 */
export function kindOf(work: Work, context: WorkContext): string | undefined {
  if (work.kind !== "map" || work.reducer === undefined) return undefined;
  if (context.input !== undefined) return undefined;
  // What a handler with secrets prints is looked through, and told apart.
  if (context.secrets !== undefined || context.unseal !== undefined) return undefined;
  if (context.onOutput !== undefined || context.attemptDirectory !== undefined) return undefined;
  const refs = [work.mapper, work.combiner, work.reducer];
  // Whose sign it was could not be told.
  if (refs.some((ref) => ref?.runtime?.silenceMs !== undefined)) return undefined;
  const versions = refs.map((ref) => ref?.version ?? "");
  return [context.group, ...versions].join(" ");
}

/** For another run of the same unit, which knows nothing of what an earlier one has written. */
export function nextRun(context: WorkContext): WorkContext {
  return { ...context, volume: accessOfNextRun(context.volume) };
}
