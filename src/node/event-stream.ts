/** Follows a workflow or one of its requests: the events of a replica, and the present state where they are gone. */
import type { ClusterNode } from "../actors/cluster-node.ts";
import type { RequestView, StreamEvent } from "../api/ports.ts";
import type { WorkflowEvent } from "../scheduler/events.ts";
import { invocationId, requestId } from "../scheduler/unit.ts";
import { unreachable } from "../std/assert.ts";
import { systemTimers } from "./system.ts";
import { isoTime, progressView } from "./views.ts";

/** Events in one go; who is further behind gets the newest of each request. */
const PAGE_EVENTS = 256;

/** A stream that has nothing to tell says that it lives: below what proxies wait for. */
const IDLE_MS = 15_000;

/** Between two pages: a person sees no more, and a busy workflow does not drown a slow line. */
const PACE_MS = 100;

/** What is followed. */
export interface Followed {
  readonly workflow: string;
  readonly group: number;
  /** Undefined follows all requests. */
  readonly request: number | undefined;
  readonly after: number | undefined;
  readonly deadlineMs: number;
  readonly signal: AbortSignal;
  /** What people call a node. */
  readonly nodeName: (node: string) => string;
  /** The present state of what is followed. */
  readonly present: () => Promise<readonly RequestView[]>;
}

/** Ends with the request that is followed, or by the signal. */
export async function* eventStream(
  node: Pick<ClusterNode, "events">,
  followed: Followed,
): AsyncGenerator<StreamEvent, void, undefined> {
  const { group, request, deadlineMs, signal } = followed;
  let after = followed.after;
  while (!signal.aborted) {
    const waitMs = after === undefined ? 0 : IDLE_MS;
    const call = { group, after, request, limit: PAGE_EVENTS, waitMs };
    const page = await node.events(call, deadlineMs + waitMs);
    if (after === undefined || page.resync) {
      // The number is older than the state: what happens between the two is told twice, not never.
      after = page.next;
      const requests = await followed.present();
      yield { kind: "resync", number: after, requests };
      if (request !== undefined && requests.every(({ endedAt }) => endedAt !== null)) return;
      continue;
    }
    after = page.next;
    if (page.events.length === 0) yield { kind: "idle", number: after };
    let over = false;
    for (const event of page.events) {
      const view = eventView(event, followed);
      yield view;
      over ||= view.kind === "removed" || (view.kind === "request" && view.endedAt !== null);
    }
    // Only then: the attempt that ended the request is told in the same page.
    if (request !== undefined && over) return;
    await new Promise<void>((resolve) => systemTimers.after(PACE_MS, resolve));
  }
}

function eventView(
  { number, change }: WorkflowEvent,
  { workflow, group, nodeName }: Followed,
): StreamEvent {
  switch (change.kind) {
    case "request":
      return {
        kind: "request",
        number,
        revision: change.revision,
        request: requestId(workflow, group, change.request),
        workflow,
        job: change.job,
        state: change.state,
        submittedAt: isoTime(change.submittedMs),
        endedAt: change.endedMs === undefined ? null : isoTime(change.endedMs),
        steps: progressView(change.steps),
      };
    case "removed":
      return { kind: "removed", number, request: requestId(workflow, group, change.request) };
    case "defined":
      return { kind: "defined", number, revision: change.revision, workflow };
    case "attempt": {
      const { unit, step, node, how } = change;
      const id = requestId(workflow, group, change.request);
      return {
        kind: "attempt",
        number,
        request: id,
        invocation: invocationId(id, unit.path),
        phase: unit.kind,
        step,
        node,
        nodeName: nodeName(node),
        state: how === "granted" ? "running" : how,
      };
    }
    default:
      return unreachable(change);
  }
}
