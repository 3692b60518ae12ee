import { expect, test } from "vitest";
import { Ledger } from "./ledger.ts";
import type { Work } from "./work.ts";

const WORK: Work = { workflow: "chaos_one", salt: 1, leaves: 1, pauseMs: 0 };
const AT = "2026-01-01T00:00:00Z";

/** Submissions at 100 and 200 ms, both acknowledged and ended. */
function twoEnded(): Ledger {
  const ledger = new Ledger();
  for (const [at, id] of ["a", "b"].entries()) {
    const startMs = 100 * (at + 1);
    const one = ledger.begin({ key: `key ${id}`, work: WORK, startMs, calm: true });
    ledger.acknowledged(one, id, startMs + 10);
    ledger.ended(one, AT, startMs + 50);
  }
  return ledger;
}

const listed = (request: string) => ({ request, state: "succeeded", endedAt: AT });

test("a list with exactly what was acknowledged, ended as it was told, is well", () => {
  expect(twoEnded().compare("chaos_one", [listed("b"), listed("a")])).toEqual([]);
});

test.each([
  ["that is not there", [listed("a")], "b was acknowledged and is lost"],
  ["that nobody submitted", [listed("a"), listed("b"), listed("c")], "c is there, and nobody"],
  ["that ended again", [listed("a"), { ...listed("b"), endedAt: "later" }], "b ended at"],
  ["that ended otherwise", [listed("a"), { ...listed("b"), state: "failed" }], "b ended at"],
  [
    "that is there twice",
    [listed("a"), listed("b"), listed("b")],
    "chaos_one lists a request twice",
  ],
])("a request %s is found", (_, list, problem) => {
  const problems = twoEnded().compare("chaos_one", list);
  expect(problems).toEqual([expect.stringContaining(problem)]);
});

test("what was never acknowledged, and what hangs, is found", () => {
  const ledger = new Ledger();
  ledger.begin({ key: "key a", work: WORK, startMs: 0, calm: true });
  const hangs = ledger.begin({ key: "key b", work: WORK, startMs: 0, calm: true });
  ledger.acknowledged(hangs, "b", 1);
  const list = [{ request: "b", state: "running", endedAt: null }];
  expect(ledger.compare("chaos_one", list)).toEqual([
    "key a was never acknowledged",
    "b hangs: it is running",
  ]);
});

test("one id for two keys is found", () => {
  const ledger = twoEnded();
  const third = ledger.begin({ key: "key c", work: WORK, startMs: 0, calm: true });
  ledger.acknowledged(third, "b", 1);
  expect(ledger.problems).toEqual(["key b and key c both gave b"]);
});

test("the longest gap is between acknowledgements, and a rest is none", () => {
  const ledger = twoEnded();
  expect(ledger.gapMs).toBe(100);
  ledger.rest();
  const late = ledger.begin({ key: "key c", work: WORK, startMs: 5000, calm: true });
  ledger.acknowledged(late, "c", 5100);
  expect(ledger.gapMs).toBe(100);
});

test("a delay counts to now where nothing was acknowledged, and not from before the time", () => {
  const ledger = twoEnded();
  ledger.begin({ key: "key c", work: WORK, startMs: 300, calm: true });
  expect(ledger.delayMsMax(0, 1000)).toBe(700);
  expect(ledger.delayMsMax(200, 305)).toBe(10);
  expect(ledger.delayMsMax(400, 1000)).toBe(0);
});
