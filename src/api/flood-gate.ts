/**
 * Who may submit while a node is overloaded.
 *
 * A producer at full speed takes all the processor time that there is, long before any queue is full, and
 * then every call of every workflow is slow. So while the node is overloaded, and only then, the workflow
 * that submits most is held to a rate, at first a low one, which rises while there is time to spare and is
 * halved when there is not. What is above the rate waits in a short line, and beyond that is refused, each
 * caller with a time of its own to come back at.
 *
 * Held is only who asks clearly more than another workflow that is active too: a flood that has the node for
 * itself delays nobody, and of equal ones none is to blame. If that does not help, the next one is held too.
 * Who asks `UNHELD_PER_S_MAX` times a second or less is never held.
 */
import { DecayingRate } from "../std/decaying-rate.ts";
import type { Turn } from "./submission-gate.ts";

/** Who asks so often or less, a second, is never held. */
export const UNHELD_PER_S_MAX = 10;
/** So many submissions a second a held workflow has at each node: a flood is slow and not stopped. */
export const HELD_PER_S_MIN = 5;
/** A rate above this is as good as none: a node cannot do so much. */
export const HELD_PER_S_MAX = 1_000;
/** So many looks in a row say that a node is overloaded before somebody is held: work comes in bursts. */
export const OVERLOADED_LOOKS = 2;
/** Who submitted, or had anything done here, is active for so long, milliseconds. */
export const ACTIVE_MS = 5_000;
/**
 * Of a held workflow, calls wait for their turn for so long, milliseconds, and so many at a time; more are
 * refused. `Retry-After` knows whole seconds: without a line all would come at the same moment of each.
 */
export const LINE_MS_MAX = 1_000;
export const LINE_CALLS_MAX = 100;
/** The longest time that a caller is told to stay away, seconds. */
export const AWAY_S_MAX = 10;
/** Workflows that are watched at once; further ones are let in. */
export const FLOWS_MAX = 10_000;

/** What is clearly more: so many times as much. */
const CLEARLY = 2;
/** Of its rate, what a held workflow keeps at a look at an overloaded node. */
const KEPT = 0.5;
/** What it is given more at a look at one that has time to spare: a part of its rate, and at least so much. */
const RISE = 0.05;
const RISE_PER_S_MIN = 0.5;
/** The same while nobody else is active, as a factor. */
const RISE_ALONE = 2;
/** Rates are those of about so long, milliseconds. */
const RATE_MS = 2_000;
/** Who was not refused for so long is held no more: longer than anybody was told to stay away, milliseconds. */
const UNREFUSED_MS = 1_500 * AWAY_S_MAX;
/** Who was not active for so long is forgotten, milliseconds. */
const FORGOTTEN_MS = 2 * UNREFUSED_MS;

/** How a node does. */
export type NodeState = "overloaded" | "busy" | "has-time";

/** What a look at the node says. */
export interface NodeLook {
  readonly state: NodeState;
  /** Workflows of which something was done here since the last look, whoever asked for it. */
  readonly active: Iterable<string>;
}

/** What a look changed: workflows that are held from now on, and those that are no more. */
export interface GateNews {
  readonly held: readonly string[];
  readonly released: readonly string[];
}

/** What is known of a workflow at this node. */
interface Flow {
  readonly workflow: string;
  /** Submissions that were asked for, those that were refused included. */
  readonly asked: DecayingRate;
  activeMs: number;
  held: Held | undefined;
}

/** How a workflow is held. */
interface Held {
  perSecond: number;
  /** When the next submission may be made, behind those that wait. */
  turnMs: number;
  /** When the last one that was refused is to come back. */
  backMs: number;
  refusedMs: number;
}

/** One for each node. Times are of a clock that never goes back. */
export class FloodGate {
  readonly #flows = new Map<string, Flow>();
  #overloadedLooks = 0;

  /** Asked for each submission. */
  ask(workflow: string, nowMs: number): Turn {
    const flow = this.#active(workflow, nowMs);
    flow?.asked.add(nowMs);
    return flow?.held === undefined ? { kind: "admitted", waitMs: 0 } : turnOf(flow.held, nowMs);
  }

  /** To be told some times a second how the node does. */
  look(nowMs: number, { state, active }: NodeLook): GateNews {
    for (const workflow of active) this.#active(workflow, nowMs);
    for (const [workflow, { activeMs }] of this.#flows) {
      if (nowMs - activeMs > FORGOTTEN_MS) this.#flows.delete(workflow);
    }
    this.#overloadedLooks = state === "overloaded" ? this.#overloadedLooks + 1 : 0;
    const released = [...this.#flows.values()].filter((flow) => this.#adjust(flow, state, nowMs));
    const isTime = this.#overloadedLooks >= OVERLOADED_LOOKS;
    const held = isTime ? this.#hold(nowMs) : undefined;
    return {
      held: held === undefined ? [] : [held.workflow],
      released: released.map(({ workflow }) => workflow),
    };
  }

  #active(workflow: string, nowMs: number): Flow | undefined {
    let flow = this.#flows.get(workflow);
    if (flow === undefined && this.#flows.size < FLOWS_MAX) {
      const asked = new DecayingRate(RATE_MS);
      flow = { workflow, asked, activeMs: nowMs, held: undefined };
      this.#flows.set(workflow, flow);
    }
    if (flow !== undefined) flow.activeMs = nowMs;
    return flow;
  }

  /** Gives a workflow that is held its next rate. True if it is held no more. */
  #adjust(flow: Flow, state: NodeState, nowMs: number): boolean {
    const { held } = flow;
    if (held === undefined) return false;
    const isAlone = this.#others(flow, nowMs).length === 0;
    held.perSecond = isAlone ? held.perSecond * RISE_ALONE : nextRate(held.perSecond, state);
    if (held.perSecond <= HELD_PER_S_MAX && nowMs - held.refusedMs <= UNREFUSED_MS) return false;
    flow.held = undefined;
    return true;
  }

  /** Holds the one that asks most of those that are not held, if it is to blame. */
  #hold(nowMs: number): Flow | undefined {
    let most: Flow | undefined;
    let mostPerS = UNHELD_PER_S_MAX;
    for (const flow of this.#flows.values()) {
      const perSecond = flow.asked.perSecond(nowMs);
      if (flow.held !== undefined || perSecond <= mostPerS) continue;
      mostPerS = perSecond;
      most = flow;
    }
    if (most === undefined) return undefined;
    const others = this.#others(most, nowMs);
    if (!others.some(({ asked }) => CLEARLY * asked.perSecond(nowMs) <= mostPerS)) return undefined;
    const [turnMs, backMs, refusedMs] = [nowMs, nowMs, nowMs];
    most.held = { perSecond: HELD_PER_S_MIN, turnMs, backMs, refusedMs };
    return most;
  }

  /** The other workflows that are active. */
  #others(flow: Flow, nowMs: number): readonly Flow[] {
    return [...this.#flows.values()].filter(
      (other) => other !== flow && nowMs - other.activeMs <= ACTIVE_MS,
    );
  }
}

/** The rate of a held workflow, a second, beside others. */
function nextRate(perSecond: number, state: NodeState): number {
  switch (state) {
    case "overloaded":
      return Math.max(HELD_PER_S_MIN, KEPT * perSecond);
    case "busy":
      return perSecond;
    case "has-time":
      return perSecond + Math.max(RISE_PER_S_MIN, RISE * perSecond);
  }
}

/** As `ask`. Who is refused has a place further behind in the same line, so that not all come back at once. */
function turnOf(held: Held, nowMs: number): Turn {
  const stepMs = 1000 / held.perSecond;
  const waitMs = Math.max(0, held.turnMs - nowMs);
  if (waitMs <= LINE_MS_MAX && waitMs <= LINE_CALLS_MAX * stepMs) {
    held.turnMs = nowMs + waitMs + stepMs;
    return { kind: "admitted", waitMs };
  }
  held.refusedMs = nowMs;
  held.backMs = Math.min(Math.max(held.backMs, held.turnMs) + stepMs, nowMs + 1000 * AWAY_S_MAX);
  return { kind: "refused", awayS: Math.ceil((held.backMs - nowMs) / 1000) };
}
