/**
 * What each executor holds or is about to get, in attempts and in time. R20: beyond its slots an
 * executor gets as much work as it asks for, by the time that units of the kind took so far; of a kind
 * that nothing is known of, one unit for each slot.
 */
import type { NodeId } from "./dataset.ts";
import { addTo } from "./tally.ts";
import type { UnitRef } from "./unit.ts";

/** Kinds of work whose time is remembered; a workflow has fewer steps. */
const KINDS_MAX = 4096;

/** Weight of the newest time in the estimate: what runs long is believed sooner than what runs short. */
const SLOWER_WEIGHT = 0.3;
const FASTER_WEIGHT = 0.15;

/** The kind of work that a unit is: units of one kind take about as long as each other. */
export function workKind(step: string, unit: UnitRef["kind"]): string {
  return `${unit} ${step}`;
}

/** Time that units take, by kind. */
export class RunTimes {
  readonly #ms = new Map<string, number>();

  /** A unit had a slot for so long. */
  note(kind: string, ranMs: number): void {
    const known = this.#ms.get(kind);
    if (known === undefined && this.#ms.size >= KINDS_MAX) this.#ms.clear();
    const weight = ranMs > (known ?? 0) ? SLOWER_WEIGHT : FASTER_WEIGHT;
    this.#ms.set(kind, known === undefined ? ranMs : known + weight * (ranMs - known));
  }

  /** Takes over what another one knows. */
  adopt(other: RunTimes): void {
    for (const [kind, ms] of other.#ms) this.#ms.set(kind, ms);
  }

  of(kind: string): number | undefined {
    return this.#ms.get(kind);
  }
}

/** Attempts by node and kind. */
export class Loads {
  readonly #times: RunTimes;
  readonly #nodes = new Map<NodeId, Map<string, number>>();

  constructor(times: RunTimes) {
    this.#times = times;
  }

  /** More attempts at a node, or fewer where `count` is below zero. */
  add(node: NodeId, kind: string, count: number): void {
    const kinds = this.#nodes.get(node) ?? new Map<string, number>();
    this.#nodes.set(node, kinds);
    addTo(kinds, kind, count);
  }

  /** Attempts at a node. */
  count(node: NodeId): number {
    let count = 0;
    for (const each of this.#nodes.get(node)?.values() ?? []) count += each;
    return count;
  }

  /** How many more units of a kind the node may get. */
  room(
    node: NodeId,
    executor: { readonly slots: number; readonly prefetchMs: number; readonly limit: number },
    kind: string,
  ): number {
    const { slots, prefetchMs, limit } = executor;
    const count = this.count(node);
    const oneEach = 2 * slots - count;
    const runMs = this.#times.of(kind);
    const byTime =
      runMs === undefined ? 0 : (slots * prefetchMs - this.#ms(node, prefetchMs)) / runMs;
    // No work is so short that its time is nothing: then the limit bounds it.
    return Math.min(limit - count, Math.max(oneEach, Math.floor(byTime)));
  }

  /** Work of a kind that nothing is known of counts as much as all that is asked for. */
  #ms(node: NodeId, unknownMs: number): number {
    let sumMs = 0;
    for (const [kind, count] of this.#nodes.get(node) ?? []) {
      sumMs += count * (this.#times.of(kind) ?? unknownMs);
    }
    return sumMs;
  }
}
