import fc from "fast-check";
import { expect, test } from "vitest";
import { bytesOf } from "../../test/lib/raft-replica.ts";
import { RaftLog } from "./log.ts";
import type { StoredToken } from "./storage-tasks.ts";
import { EMPTY_CONFIGURATION, type Entry } from "./types.ts";

function entry(index: number, term: number): Entry {
  return { kind: "normal", index, term, data: bytesOf(`${index}/${term}`) };
}

function emptyLog(tailBytesMax = Number.POSITIVE_INFINITY): RaftLog {
  return new RaftLog(
    { compacted: { index: 0, term: 0 }, lastIndex: 0, terms: [], entries: [] },
    { committed: 0, tailBytesMax },
  );
}

/** Writes under way, as a disk sees them: what it has after each of them. */
class Disk {
  readonly tasks: { readonly token: StoredToken; readonly entries: readonly Entry[] }[] = [];
  readonly terms: number[] = [0];

  end(log: RaftLog): void {
    const task = this.tasks.shift();
    if (task === undefined) return;
    for (const one of task.entries) {
      this.terms.length = one.index;
      this.terms.push(one.term);
    }
    log.stored(task.token);
  }
}

test("an entry that was replaced and came back counts only when its last write has ended", () => {
  const log = emptyLog();
  const tokens: StoredToken[] = [];
  for (const term of [1, 2, 1]) {
    // The term at index 1 is 1, then 2, then 1 again, with all three writes under way.
    log.appendFromLeader([entry(1, term)]);
    tokens.push(log.handToStorage(term).token);
  }
  for (const [position, token] of tokens.entries()) {
    log.stored(token);
    expect(log.synced).toBe(position === 2 ? 1 : 0);
  }
});

test("what counts as synced is on the disk, whatever is cut while writes are under way", () => {
  const action = fc.oneof(
    fc.record({ kind: fc.constant("append"), back: fc.nat(3), count: fc.nat(3) }),
    fc.record({ kind: fc.constant("hand") }),
    fc.record({ kind: fc.constant("end") }),
  );
  fc.assert(
    fc.property(
      fc.array(action, { maxLength: 60 }),
      fc.integer({ min: 0, max: 400 }),
      (all, tail) => {
        const log = emptyLog(tail);
        const disk = new Disk();
        const model = [0];
        let term = 1;
        for (const one of all) {
          if (one.kind === "append") {
            const first = Math.max(1, model.length - one.back);
            if (first <= log.committed) continue;
            if (one.back > 0) term += 1;
            const entries = Array.from({ length: one.count }, (_, i) => entry(first + i, term));
            if (entries.length === 0) continue;
            model.length = first;
            model.push(...entries.map((e) => e.term));
            log.appendFromLeader(entries);
          } else if (one.kind === "hand") {
            if (log.hasUnhanded) disk.tasks.push(log.handToStorage(term));
          } else {
            disk.end(log);
            if (log.synced > 2) log.commitTo(log.synced - 2);
          }
          expect(log.lastIndex).toBe(model.length - 1);
          for (let index = 0; index < model.length; index += 1)
            expect(log.termAt(index)).toBe(model[index]);
          for (let index = 1; index <= log.synced; index += 1)
            expect(disk.terms[index]).toBe(model[index]);
          const kept =
            log.memoryBytes <= 2 * tail ||
            log.memoryFirstIndex > Math.min(log.synced, log.committed);
          expect(kept).toBe(true);
        }
      },
    ),
  );
});

test("terms stay known when their entries have left memory, and after compaction", () => {
  const log = emptyLog(0);
  for (const [index, term] of [1, 1, 2, 2, 5].entries()) log.appendOwn(entry(index + 1, term));
  log.stored(log.handToStorage(5).token);
  log.commitTo(5);
  expect(log.memoryFirstIndex).toBe(6);
  expect(log.read(2, 100)).toEqual({ kind: "on-disk" });
  expect([0, 1, 2, 3, 4, 5, 6].map((index) => log.termAt(index))).toEqual([
    0,
    1,
    1,
    2,
    2,
    5,
    undefined,
  ]);
  log.compact(3);
  expect([2, 3, 4, 5].map((index) => log.termAt(index))).toEqual([undefined, 2, 2, 5]);
  expect(log.terms).toEqual([{ firstIndex: 5, term: 5 }]);
});

test("the hint for a rejection is the last entry whose term is not above the refused one", () => {
  const log = emptyLog();
  for (const [index, term] of [1, 1, 3, 3, 6].entries()) log.appendOwn(entry(index + 1, term));
  expect(log.hintFor(9, 4)).toEqual({ index: 4, term: 3 });
  expect(log.hintFor(4, 2)).toEqual({ index: 2, term: 1 });
  expect(log.hintFor(5, 6)).toEqual({ index: 5, term: 6 });
  expect(log.hintFor(3, 0)).toEqual({ index: 0, term: 0 });
});

test("a committed entry is never cut", () => {
  const log = emptyLog();
  log.appendOwn(entry(1, 1));
  log.commitTo(1);
  expect(() => log.appendFromLeader([entry(1, 2)])).toThrow("conflicts with a committed one");
});

test("a log that ends before what was committed is not opened", () => {
  expect(
    () =>
      new RaftLog(
        { compacted: { index: 0, term: 0 }, lastIndex: 1, terms: [], entries: [entry(1, 1)] },
        { committed: 2, tailBytesMax: 100 },
      ),
  ).toThrow("acknowledged entries were lost");
});

test("writes from before a snapshot say nothing about the log after it", () => {
  const log = emptyLog();
  log.appendOwn(entry(1, 1));
  const before = log.handToStorage(1).token;
  const snapshot = {
    index: 5,
    term: 2,
    configuration: EMPTY_CONFIGURATION,
    descriptor: new Uint8Array(),
  };
  log.restore(snapshot);
  log.appendFromLeader([entry(6, 2)]);
  const task = log.handToStorage(2);
  expect(task.snapshot).toBe(snapshot);
  log.stored(before);
  expect(log.installing).toBe(true);
  expect(log.synced).toBe(5);
  log.stored(task.token);
  expect(log.installing).toBe(false);
  expect(log.synced).toBe(6);
});
