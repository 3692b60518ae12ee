/**
 * What each executor holds or is about to get, in attempts and in time. R20: beyond its slots an
 * executor gets as much work as it asks for, by the time that units of the kind took so far, and none of
 * a kind that nothing is known of. A slot that is taken for long is taken for nobody knows how long:
 * nothing is to wait for it.
 */
import type { NodeId } from "./dataset.ts";
import { addTo } from "./tally.ts";
import type { UnitRef } from "./unit.ts";

/** Kinds of work whose time is remembered; a workflow has fewer steps. */
const KINDS_MAX = 4096;

/** Weight of the newest time in the estimate: what runs long is believed sooner than what runs short. */
const SLOWER_WEIGHT = 0.3;
const FASTER_WEIGHT = 0.15;

/** A unit that was granted so many times the prefetch ago, and then some, keeps its slot for long. */
const STUCK_PREFETCHES = 4;
const STUCK_MS_MIN = 200;

/** Age from which on a unit counts as one that keeps a slot for long, milliseconds since its grant. */
export function stuckMs(prefetchMs: number): number {
  return STUCK_MS_MIN + STUCK_PREFETCHES * prefetchMs;
}

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

  /**
   * How many more units of a kind the node may get in the slots and the work ahead that it lends to this
   * scheduler; `stuck` of the slots are taken for long.
   */
  room(
    node: NodeId,
    executor: {
      readonly slots: number;
      readonly prefetchMs: number;
      readonly aheadMs: number;
      readonly limit: number;
      readonly stuck: number;
    },
    kind: string,
  ): number {
    const { slots, prefetchMs, aheadMs, limit, stuck } = executor;
    const count = this.count(node);
    const waiting = Math.max(0, count - slots);
    const runMs = this.#times.of(kind);
    // No work is so short that its time is nothing: then the limit bounds it.
    let prefetched = 0;
    if (runMs !== undefined) {
      const waitingMs = waiting === 0 ? 0 : (this.#ms(node, prefetchMs) * waiting) / count;
      prefetched = Math.floor((aheadMs - stuck * prefetchMs - waitingMs) / runMs);
    }
    return Math.min(limit - count, Math.max(0, slots - count) + Math.max(0, prefetched));
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
