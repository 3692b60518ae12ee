import { expect, test } from "vitest";
import type { AppliedRecord } from "../wire/state-record.ts";
import type { LoadedGroup } from "./log-store-types.ts";
import { planRecovery } from "./recovery.ts";

const log: LoadedGroup = {
  group: "a",
  replica: 1,
  hardState: { term: 3, vote: undefined, commit: 5 },
  compacted: { index: 4, term: 2 },
  lastIndex: 9,
  terms: [
    { firstIndex: 5, term: 2 },
    { firstIndex: 7, term: 3 },
  ],
  entries: [],
  configuration: undefined,
};
const applied = (index: number, term: number, begin = 1): AppliedRecord => ({
  generation: 1,
  index,
  term,
  begin,
  hash: { high: 0, low: 0 },
  note: new Uint8Array(),
});
const NO_LOG = { groups: [], destroyed: [], damaged: [], damagedAll: undefined };
const NO_STATE = { groups: new Map<string, AppliedRecord>(), damaged: [], damagedAll: undefined };

function kindOf(found: LoadedGroup, state: AppliedRecord | undefined): string | undefined {
  const groups = new Map(state === undefined ? [] : [["a", state] as const]);
  const plan = planRecovery({ ...NO_LOG, groups: [found] }, { ...NO_STATE, groups });
  return plan.get("a")?.kind;
}

test("a state inside the log is ready, if its entry has the same term there", () => {
  expect(kindOf(log, applied(4, 2))).toBe("ready");
  expect(kindOf(log, applied(6, 2))).toBe("ready");
  expect(kindOf(log, applied(9, 3))).toBe("ready");
  expect(kindOf(log, applied(7, 2))).toBe("damaged");
  expect(kindOf(log, applied(4, 1))).toBe("damaged");
});

test("a state as installed above the log's start is an install to finish, whatever the log holds there", () => {
  expect(kindOf(log, applied(10, 3, 10))).toBe("restart-log");
  expect(kindOf(log, applied(7, 4, 7))).toBe("restart-log");
});

test("a state beyond the log's end or before its start is damage", () => {
  expect(kindOf(log, applied(10, 3))).toBe("damaged");
  expect(kindOf(log, applied(10, 3, 4))).toBe("damaged");
  expect(kindOf(log, applied(3, 2))).toBe("damaged");
});

test("without state a log from the beginning begins it, a shortened one is damaged", () => {
  expect(kindOf({ ...log, compacted: { index: 0, term: 0 } }, undefined)).toBe("begin-state");
  expect(kindOf({ ...log, compacted: { index: 1, term: 1 } }, undefined)).toBe("begin-state");
  expect(kindOf(log, undefined)).toBe("damaged");
});

test("state is dropped for a tombstone only, never because its group is unknown", () => {
  const groups = new Map([
    ["a", applied(1, 1)],
    ["b", applied(1, 1)],
  ]);
  const destroyed = [{ group: "a", replica: 3 }];
  const plan = planRecovery({ ...NO_LOG, destroyed }, { ...NO_STATE, groups });
  expect(plan.get("a")).toEqual({ kind: "drop-state" });
  expect(plan.get("b")).toMatchObject({ kind: "damaged" });
});

test("damage in either database is damage of the group", () => {
  const damaged = [{ group: "a", reason: "r" }];
  const byLog = planRecovery({ ...NO_LOG, damaged }, NO_STATE);
  const byState = planRecovery({ ...NO_LOG, groups: [log] }, { ...NO_STATE, damaged });
  const byAll = planRecovery({ ...NO_LOG, groups: [log] }, { ...NO_STATE, damagedAll: "all" });
  expect([byLog, byState, byAll].map((plan) => plan.get("a"))).toEqual([
    { kind: "damaged", reason: "r" },
    { kind: "damaged", reason: "r" },
    { kind: "damaged", reason: "all" },
  ]);
});
