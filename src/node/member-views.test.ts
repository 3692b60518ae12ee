import { expect, test } from "vitest";
import { workersAmong } from "../actors/whom-to-ask.ts";
import type { MemberRow } from "../scheduler/system/rows.ts";
import { nodeOffer, stateOfMember } from "./member-views.ts";

const MEMBER: MemberRow = {
  ...{ kind: "member", node: "n1", name: "one", addresses: [], api: "", storeId: "s" },
  ...{ slots: 2, capabilities: ["python"], durability: "sync", version: "1" },
  ...{ versions: { min: 1, max: 1 }, state: "joined" },
};

test.each([
  ["joined", true, "up"],
  ["joined", false, "down"],
  ["drained", true, "drained"],
  ["removing", true, "removing"],
  ["removed", false, "removed"],
] as const)("a member that is %s is shown, reached: %j, as %s", (state, isUp, shown) => {
  expect(stateOfMember({ state }, isUp)).toBe(shown);
});

test("exactly who is given work is told of as one that takes it", () => {
  for (const state of ["joined", "drained", "removing"] as const) {
    for (const isUp of [true, false]) {
      const member = { ...MEMBER, state };
      const workers = workersAmong([member], { self: "other", isUp: () => isUp });
      expect([state, isUp, nodeOffer(member, isUp).state === "up"]).toEqual([
        state,
        isUp,
        workers.length === 1,
      ]);
    }
  }
});
