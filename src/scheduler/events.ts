/**
 * What a workflow tells those who follow it (R22). Events come from applied entries, so every replica
 * tells the same ones under the same numbers; a number is that of the command that caused it.
 */
import { unreachable } from "../std/assert.ts";
import { revisionOf } from "./apply-client.ts";
import type { Effect } from "./effects.ts";
import { COMMAND_ORDINALS } from "./keys.ts";
import type { RequestRow, RequestState, StepCount } from "./rows.ts";

/** What has changed. */
export type EventChange =
  | {
      readonly kind: "request";
      readonly request: number;
      readonly job: string;
      readonly state: RequestState;
      readonly submittedMs: number;
      readonly endedMs: number | undefined;
      readonly steps: readonly StepCount[];
    }
  | { readonly kind: "removed"; readonly request: number }
  | { readonly kind: "defined" };

/** A change with its number. */
export interface WorkflowEvent {
  readonly revision: number;
  readonly change: EventChange;
}

/** Effects from the one before `end` on belong to this command. */
export interface EffectSpan {
  readonly index: number;
  readonly ordinal: number;
  /** Number of effects up to and with those of this command. */
  readonly end: number;
}

/**
 * The events of some entries that were applied together. Of several changes of one request only the
 * last is told, under its own number: what lies between is gone before anybody could see it.
 */
export function eventsOf(
  effects: readonly Effect[],
  spans: readonly EffectSpan[],
): readonly WorkflowEvent[] {
  const events = new Map<string, WorkflowEvent>();
  let from = 0;
  for (const span of spans) {
    const { index, ordinal } = span;
    const revision = revisionOf({ index, ordinal: ordinal * COMMAND_ORDINALS });
    for (const effect of effects.slice(from, span.end)) {
      const change = changeOf(effect);
      if (change === undefined) continue;
      const about = change.kind === "defined" ? "defined" : `${change.request}`;
      // Deleted first, so that the order of the map is that of the numbers.
      events.delete(about);
      events.set(about, { revision, change });
    }
    from = span.end;
  }
  return [...events.values()];
}

/** The request as those who follow it see it. */
export function requestChange(request: number, row: RequestRow): EventChange {
  const { job, state, submittedMs, endedMs, steps } = row;
  return { kind: "request", request, job, state, submittedMs, endedMs, steps };
}

function changeOf(effect: Effect): EventChange | undefined {
  switch (effect.kind) {
    case "request-changed":
      return requestChange(effect.request, effect.row);
    case "request-removed":
      return { kind: "removed", request: effect.request };
    case "defined":
      return { kind: "defined" };
    case "queued":
    case "unqueued":
    case "still-queued":
    case "delayed":
    case "undelayed":
    case "granted":
    case "grant-refused":
    case "attempt-ended":
    case "request-ended":
    case "request-resumed":
      return undefined;
    default:
      return unreachable(effect);
  }
}
