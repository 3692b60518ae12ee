import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { READY_ROWS_MAX, ReadyList } from "./ready-list.ts";
import type { QueueRow } from "./rows.ts";

function key(number: number): string {
  return `q/none/1${String(number).padStart(6, "0")}`;
}

function range(next: number, end: number): QueueRow {
  return { kind: "queue-range", request: 1, path: [], step: "s", next, end };
}

const UNIT: QueueRow = {
  kind: "queue-unit",
  unit: { kind: "map", request: 1, path: [] },
  step: "s",
  failures: 0,
  losses: 0,
};

function drain(list: ReadyList): readonly string[] {
  const taken: string[] = [];
  for (let unit = list.take(1); unit !== undefined; unit = list.take(1)) {
    taken.push(`${unit.queueKey}:${unit.child}`);
  }
  return taken;
}

describe("a window of ready work", () => {
  test("gives what has the lowest key first, whatever order it came in, and a range child by child", () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.nat(500), { maxLength: 40 }), (numbers) => {
        const list = new ReadyList([], true);
        for (const number of numbers) list.add(key(number), range(3, 5));
        expect(list.count()).toBe(2 * numbers.length);
        const wanted = [...numbers].sort((a, b) => a - b);
        expect(drain(list)).toEqual(wanted.flatMap((one) => [`${key(one)}:3`, `${key(one)}:4`]));
        expect(list.needsRows()).toBe(false);
      }),
    );
  });

  test("takes children side by side, as many as asked for, within a row and within a block", () => {
    const list = new ReadyList([[key(1), range(30, 40)]], true);
    list.add(key(2), UNIT);
    expect(list.take(9)).toMatchObject({ queueKey: key(1), child: 30, count: 2 });
    expect(list.take(3)).toMatchObject({ queueKey: key(1), child: 32, count: 3 });
    expect(list.take(99)).toMatchObject({ queueKey: key(1), child: 35, count: 5 });
    expect(list.count()).toBe(1);
    expect(list.take(0)).toBeUndefined();
    expect(list.take(9)).toMatchObject({ queueKey: key(2), child: 0, count: 1 });
    expect(list.work).toBeUndefined();
  });

  test("a row that is gone gives nothing more", () => {
    const list = new ReadyList([[key(1), range(0, 9)]], true);
    list.take(1);
    list.remove(key(1));
    list.remove(key(2));
    expect(list.count()).toBe(0);
    expect(list.take(1)).toBeUndefined();
  });

  test("beyond its bound it forgets the last rows and says when it needs them", () => {
    const list = new ReadyList([], true);
    for (let at = READY_ROWS_MAX; at >= 0; at--) list.add(key(at), UNIT);
    expect(list.count()).toBe(READY_ROWS_MAX);
    // Not known to follow directly on what is known.
    list.add(key(READY_ROWS_MAX + 9), UNIT);
    expect(drain(list)).toHaveLength(READY_ROWS_MAX);
    expect(list.needsRows()).toBe(true);
  });
});
