/** What a workflow file says, checked; all defaults are filled in that do not depend on handlers. */

import type { StepHandler } from "./container-step.ts";

/** What a fan-in does when a child has failed for good. */
export type OnFailure = "fail" | "skip" | "pause";

/** A step: which handlers run, and how often and how long they may. */
export interface StepDefinition {
  readonly map: string;
  /** Null groups the mapper's pairs by key. */
  readonly combine: string | null;
  readonly reduce: string;
  /** Into how many parts the results of an invocation's children are cut; 1 to `PARTITIONS_MAX`. */
  readonly partitions: number;
  /** How often a failed attempt is repeated, 0 to `RETRIES_MAX`; undefined leaves it to the handlers. */
  readonly retries: number | undefined;
  /** Bound on one attempt, 1 to `TIMEOUT_MS_MAX`; undefined leaves it to the handlers. */
  readonly timeoutMs: number | undefined;
  readonly onFailure: OnFailure;
  readonly description: string;
  /** Handlers that come with it: of a step that runs an image. */
  readonly handlers?: readonly StepHandler[];
}

/** A job: the noun that requests are sent to. */
export interface JobDefinition {
  /** The step of the root invocation. */
  readonly step: string;
  readonly description: string;
}

/** When finished requests are removed, the oldest first. */
export interface RetentionDefinition {
  /** Since their end. */
  readonly ageMs: number;
  /** Of all of them together. */
  readonly bytes: number;
}

/** A workflow file. What is undefined was not mentioned and stays as it is in the cluster. */
export interface WorkflowDocument {
  readonly workflow: string;
  readonly description: string | undefined;
  /** Folder of handlers, relative to the file. */
  readonly handlers: string | undefined;
  readonly steps: Readonly<Record<string, StepDefinition>> | undefined;
  readonly jobs: Readonly<Record<string, JobDefinition>> | undefined;
  /** Null leaves it to the nodes. */
  readonly retention: RetentionDefinition | null | undefined;
  /** Of its units against those of other workflows for a node's slots, 1 to `WEIGHT_MAX`. */
  readonly weight: number | undefined;
}

/** One part: most steps need no partitioned fan-in, and one reducer call sees all keys in order. */
export const PARTITIONS_DEFAULT = 1;
/** Each part is a unit of its own and a run for every child, so a thousand children make a million runs. */
export const PARTITIONS_MAX = 1024;
/** Repeats that survive a passing fault without hiding a handler that always fails. */
export const RETRIES_DEFAULT = 3;
/** More than this is a loop, not a retry. */
export const RETRIES_MAX = 100;
/** Long enough for real work, short enough that a hanging handler is noticed the same day. */
export const TIMEOUT_MS_DEFAULT = 10 * 60_000;
/** Two weeks: below the 2^31 - 1 ms that timers of the runtime can hold. */
export const TIMEOUT_MS_MAX = 14 * 24 * 3_600_000;
/** Fail at once: silence about lost data is something to ask for. */
export const ON_FAILURE_DEFAULT: OnFailure = "fail";
/** Definitions travel in one log entry, which holds 1 MiB; these many with short texts fit. */
export const STEPS_MAX = 256;
/** As `STEPS_MAX`. */
export const JOBS_MAX = 256;
/** Handlers of one workflow; also the bound on a folder walk. */
export const HANDLERS_MAX = 1000;
/** Characters of a description: a paragraph, shown in lists. */
export const DESCRIPTION_LENGTH_MAX = 4096;
/** Ten years: nobody plans further. */
export const RETENTION_MS_MAX = 10 * 366 * 24 * 3_600_000;
/** As much as every other workflow that says nothing. */
export const WEIGHT_DEFAULT = 1;
/** Who has the least weight still gets one part in a hundred of the time beside who has the most. */
export const WEIGHT_MAX = 100;
/** A thousand terabytes: more than one workflow's requests take. */
export const RETENTION_BYTES_MAX = 2 ** 50;
