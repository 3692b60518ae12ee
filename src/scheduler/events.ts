/**
 * What a workflow tells those who follow it (R22). Events come from applied entries, so every replica
 * tells the same ones under the same numbers; a number is that of the command that caused it. A change
 * that raises the revision of a request, or of the definitions, makes it that number; progress has a
 * number and leaves the revision.
 */
import { unreachable } from "../std/assert.ts";
import { revisionOf } from "./apply-kit.ts";
import { openPlaces, unitAt } from "./attempt-block.ts";
import type { NodeId } from "./dataset.ts";
import type { Effect } from "./effects.ts";
import { COMMAND_ORDINALS } from "./keys.ts";
import type { HistoryRow, RequestRow, RequestState, StepCount } from "./rows.ts";
import { type UnitRef, unitText } from "./unit.ts";

/** What has changed. */
export type EventChange =
  | {
      readonly kind: "request";
      readonly request: number;
      readonly job: string;
      readonly state: RequestState;
      /** Of the request. */
      readonly revision: number;
      readonly submittedMs: number;
      readonly endedMs: number | undefined;
      readonly steps: readonly StepCount[];
    }
  | { readonly kind: "removed"; readonly request: number }
  /** With the revision of the definitions. */
  | { readonly kind: "defined"; readonly revision: number }
  /** Told only of requests that somebody follows. */
  | {
      readonly kind: "attempt";
      readonly request: number;
      readonly unit: UnitRef;
      readonly step: string;
      readonly node: NodeId;
      readonly how: "granted" | HistoryRow["how"];
    };

/** A change with its number. */
export interface WorkflowEvent {
  /** Only rises; after it somebody goes on. */
  readonly number: number;
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
    const number = revisionOf({ index, ordinal: ordinal * COMMAND_ORDINALS });
    for (const effect of effects.slice(from, span.end)) {
      const change = changeOf(effect);
      if (change === undefined) continue;
      const about = subjectOf(change);
      // Deleted first, so that the order of the map is that of the numbers.
      events.delete(about);
      events.set(about, { number, change });
    }
    from = span.end;
  }
  return [...events.values()];
}

/**
 * Attempts that began or ended in the same entries, of requests that are followed. Each has a number of
 * its own within those of its command, whatever else is followed.
 */
export function attemptEventsOf(
  effects: readonly Effect[],
  spans: readonly EffectSpan[],
  isFollowed: (request: number) => boolean,
): readonly WorkflowEvent[] {
  const events: WorkflowEvent[] = [];
  let from = 0;
  for (const { index, ordinal, end } of spans) {
    let nth = 0;
    for (const effect of effects.slice(from, end)) {
      for (const change of attemptChanges(effect)) {
        const place = ordinal * COMMAND_ORDINALS + Math.min(nth++, COMMAND_ORDINALS - 1);
        if (!isFollowed(change.request)) continue;
        events.push({ number: revisionOf({ index, ordinal: place }), change });
      }
    }
    from = end;
  }
  return events;
}

/** What an event is about: of several about the same the newest says all. */
export function subjectOf(change: EventChange): string {
  if (change.kind === "defined") return "defined";
  return change.kind === "attempt" ? unitText(change.unit) : `${change.request}`;
}

function attemptChanges(effect: Effect): readonly Extract<EventChange, { kind: "attempt" }>[] {
  if (effect.kind === "attempt-ended") {
    const { unit, step, node, how } = effect;
    return [{ kind: "attempt", request: unit.request, unit, step, node, how }];
  }
  if (effect.kind !== "granted") return [];
  const { attempt } = effect;
  const { step, node } = attempt;
  const { request } = attempt.unit;
  return openPlaces(attempt.open).map((at) => {
    return { kind: "attempt", request, unit: unitAt(attempt, at), step, node, how: "granted" };
  });
}

/** The request as those who follow it see it. */
export function requestChange(request: number, row: RequestRow): EventChange {
  const { job, state, revision, submittedMs, endedMs, steps } = row;
  return { kind: "request", request, job, state, revision, submittedMs, endedMs, steps };
}

function changeOf(effect: Effect): EventChange | undefined {
  switch (effect.kind) {
    case "request-changed":
      return requestChange(effect.request, effect.row);
    case "request-removed":
      return { kind: "removed", request: effect.request };
    case "defined":
      return { kind: "defined", revision: effect.revision };
    case "queued":
    case "unqueued":
    case "still-queued":
    case "delayed":
    case "undelayed":
    case "run-again":
    case "granted":
    case "grant-refused":
    case "attempt-ended":
    case "request-ended":
    case "request-resumed":
    case "named-ready":
    case "named-unready":
    case "named-due":
    case "named-undue":
    case "named-granted":
    case "tree-changed":
    case "tree-sweep":
      return undefined;
    default:
      return unreachable(effect);
  }
}
