/**
 * Ready work as the scheduler sees it: a window of the queue rows of each capability, in key order,
 * minus what it has proposed to grant already. Bounded: what does not fit is read later.
 */
import { assert } from "../std/assert.ts";
import { capabilityOfQueueKey } from "./keys.ts";
import type { QueueRow } from "./rows.ts";

/** Rows kept for each capability; a range of a million children is one row. */
export const READY_ROWS_MAX = 4096;

/** What can be granted next. */
export interface ReadyUnit {
  readonly queueKey: string;
  /** Number of the child within a range; 0 for a single unit. */
  readonly child: number;
}

interface Slot {
  readonly key: string;
  /** First child that no grant was proposed for. */
  next: number;
  readonly end: number;
}

/** The window of one capability. */
export class ReadyList {
  readonly #slots: Slot[] = [];
  /** False when rows beyond the window may exist. */
  #complete: boolean;

  constructor(rows: readonly (readonly [string, QueueRow])[], complete: boolean) {
    this.#complete = complete;
    for (const [key, row] of rows) this.#slots.push(slotOf(key, row));
  }

  /** A row was written. */
  add(key: string, row: QueueRow): void {
    const at = this.#indexOf(key);
    assert(this.#slots[at]?.key !== key, "a queue row is written once");
    if (at === this.#slots.length && !this.#complete) return;
    this.#slots.splice(at, 0, slotOf(key, row));
    if (this.#slots.length > READY_ROWS_MAX) {
      this.#slots.pop();
      this.#complete = false;
    }
  }

  /** A row is gone. */
  remove(key: string): void {
    const at = this.#indexOf(key);
    if (this.#slots[at]?.key === key) this.#slots.splice(at, 1);
  }

  /** Takes the first unit that no grant was proposed for. */
  take(): ReadyUnit | undefined {
    const slot = this.#slots[0];
    if (slot === undefined) return undefined;
    const unit = { queueKey: slot.key, child: slot.next };
    slot.next += 1;
    if (slot.next === slot.end) this.#slots.shift();
    return unit;
  }

  /** Units in the window. */
  count(): number {
    let count = 0;
    for (const slot of this.#slots) count += slot.end - slot.next;
    return count;
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
  if (row.kind === "queue-unit") return { key, next: 0, end: 1 };
  return { key, next: row.next, end: row.end };
}
