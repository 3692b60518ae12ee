import { expect, test } from "vitest";
import { type Batch, CondemnedList, isOver } from "./condemned-list.ts";

const BATCH: Batch = {
  sinceMs: 1_000,
  witnesses: new Map([[7, { pins: new Set(["u1", "u2"]), index: 40 }]]),
};

function over(of: Partial<Parameters<typeof isOver>[1]>, batch = BATCH): boolean {
  return isOver(batch, {
    nowMs: 2_000,
    graceMs: 1_000,
    standings: new Map([[7, { pinsLeft: new Set(), oldestAttempt: 41 }]]),
    groups: new Set([7]),
    attempts: true,
    ...of,
  });
}

test("a batch waits for the grace, its uploads, its attempts, and the word of each group", () => {
  expect(over({})).toBe(true);
  expect(over({ nowMs: 1_999 })).toBe(false);
  const uploads = new Map([[7, { pinsLeft: new Set(["u2"]), oldestAttempt: 41 }]]);
  expect(over({ standings: uploads })).toBe(false);
  const attempts = new Map([[7, { pinsLeft: new Set<string>(), oldestAttempt: 40 }]]);
  expect(over({ standings: attempts })).toBe(false);
  expect(over({ standings: attempts, attempts: false })).toBe(true);
  expect(over({ standings: new Map() })).toBe(false);
  expect(over({}, { ...BATCH, sinceMs: undefined })).toBe(false);
});

test("uploads that began after the witness, and groups that are gone, keep nothing", () => {
  const later = new Map([[7, { pinsLeft: new Set(["u3"]), oldestAttempt: 41 }]]);
  expect(over({ standings: later })).toBe(true);
  expect(over({ standings: new Map(), groups: new Set() })).toBe(true);
});

test("a block of a run goes only when its batch is over for runs as well", () => {
  const list = new CondemnedList();
  list.add("file", { batch: BATCH, facts: { bytes: 1, isRun: false } });
  list.add("run", { batch: BATCH, facts: { bytes: 1, isRun: true } });
  const files = { files: new Set([BATCH]), runs: new Set<Batch>() };
  expect(["file", "run", "other"].map((cid) => list.fate(cid, files))).toEqual([
    "delete",
    "wait",
    "wait",
  ]);
  expect(list.fate("run", { ...files, runs: new Set([BATCH]) })).toBe("delete");
  list.drop(BATCH);
  expect(list.fate("file", files)).toBe("wait");
});
