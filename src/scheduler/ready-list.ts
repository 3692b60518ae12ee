/**
 * Ready work as the scheduler sees it: a window of the queue rows of each capability, in key order,
 * minus what it has proposed to grant already. Bounded: what does not fit is read later.
 */
import { assert } from "../std/assert.ts";
import { GRANT_CHILDREN_MAX } from "./attempt-block.ts";
import { capabilityOfQueueKey } from "./keys.ts";
import { workKind } from "./loads.ts";
import type { QueueRow } from "./rows.ts";

/** Rows kept for each capability; a range of a million children is one row. */
export const READY_ROWS_MAX = 4096;

/** What can be granted next. */
export interface ReadyUnits {
  readonly queueKey: string;
  /** Number of the first child within a range; 0 for a single unit. */
  readonly child: number;
  readonly count: number;
  /** The kind of work that they are (see `workKind`). */
  readonly work: string;
}

interface Slot {
  readonly key: string;
  readonly work: string;
  /** First child that no grant was proposed for. */
  next: number;
  readonly end: number;
}

/** The window of one capability. */
export class ReadyList {
  readonly #slots: Slot[] = [];
  #count = 0;
  /** False when rows beyond the window may exist. */
  #complete: boolean;

  constructor(rows: readonly (readonly [string, QueueRow])[], complete: boolean) {
    this.#complete = complete;
    for (const [key, row] of rows) {
      const slot = slotOf(key, row);
      this.#slots.push(slot);
      this.#count += slot.end - slot.next;
    }
  }

  /** A row was written. */
  add(key: string, row: QueueRow): void {
    const at = this.#indexOf(key);
    assert(this.#slots[at]?.key !== key, "a queue row is written once");
    if (at === this.#slots.length && !this.#complete) return;
    const slot = slotOf(key, row);
    this.#slots.splice(at, 0, slot);
    this.#count += slot.end - slot.next;
    if (this.#slots.length > READY_ROWS_MAX) {
      const last = this.#slots.pop();
      if (last !== undefined) this.#count -= last.end - last.next;
      this.#complete = false;
    }
  }

  /** A row is gone. */
  remove(key: string): void {
    const at = this.#indexOf(key);
    const slot = this.#slots[at];
    if (slot?.key !== key) return;
    this.#slots.splice(at, 1);
    this.#count -= slot.end - slot.next;
  }

  /** The kind of work that is next. */
  get work(): string | undefined {
    return this.#slots[0]?.work;
  }

  /**
   * Takes the first units that no grant was proposed for, side by side, at most `countMax` and as many
   * as one grant may have. A grant stays within one block of results, so that its ends write one row.
   */
  take(countMax: number): ReadyUnits | undefined {
    const slot = this.#slots[0];
    if (slot === undefined || countMax < 1) return undefined;
    const { key: queueKey, next: child, work } = slot;
    const ofBlock = GRANT_CHILDREN_MAX - (child % GRANT_CHILDREN_MAX);
    const count = Math.min(countMax, slot.end - child, ofBlock);
    slot.next += count;
    this.#count -= count;
    if (slot.next === slot.end) this.#slots.shift();
    return { queueKey, child, count, work };
  }

  /** Units in the window. */
  count(): number {
    return this.#count;
  }

  /** True when the window is empty although there may be more rows to read. */
  needsRows(): boolean {
    return this.#slots.length === 0 && !this.#complete;
  }

  #indexOf(key: string): number {
    let low = 0;
    let high = this.#slots.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const slot = this.#slots[middle];
      if (slot !== undefined && slot.key < key) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

function slotOf(key: string, row: QueueRow): Slot {
  assert(capabilityOfQueueKey(key) !== "", "a queue key names its capability");
  if (row.kind === "queue-unit") {
    return { key, work: workKind(row.step, row.unit.kind), next: 0, end: 1 };
  }
  return { key, work: workKind(row.step, "map"), next: row.next, end: row.end };
}
