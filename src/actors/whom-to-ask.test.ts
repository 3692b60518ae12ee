import { expect, test } from "vitest";
import type { MemberRow } from "../scheduler/system/rows.ts";
import { isFitToLead, toldOfDamage, whyUnled } from "./whom-to-ask.ts";

const voters = ["a", "b", "c"];

test.each([
  [
    [],
    [],
    "a majority of its replicas cannot be reached: of those on a, b, c this node reaches none",
  ],
  [
    ["a"],
    ["b"],
    "a majority of its replicas cannot be reached: of those on a, b, c this node reaches only a",
  ],
  [["a", "c"], ["b"], "b, which leads it, cannot be reached from this node"],
  [["a", "c"], ["b", "a"], "b, which leads it, cannot be reached from this node"],
  [["a", "c"], ["a"], "this node reaches a, c, and none of them leads it by now"],
  [["a", "c"], [], "this node reaches a, c, and none of them leads it by now"],
])("who reaches %j and hears that %j lead is told why nobody does", (reached, named, why) => {
  const isUp = (node: string): boolean => reached.some((one) => one === node);
  expect(whyUnled({ voters, named, isUp, nameOf: (node) => node })).toBe(why);
});

const MEMBER: MemberRow = {
  kind: "member",
  node: "a",
  name: "a",
  addresses: [],
  api: "",
  storeId: "store",
  slots: 1,
  capabilities: [],
  durability: "sync",
  versions: { min: 1, max: 1 },
  version: "1.0.0",
  state: "joined",
};

test("only a member in service leads, and none whose clock is known to be wrong", () => {
  expect(isFitToLead(MEMBER, 0)).toBe(true);
  expect(isFitToLead(MEMBER, undefined)).toBe(true);
  expect(isFitToLead(MEMBER, 3_600_000)).toBe(false);
  expect(isFitToLead(MEMBER, -3_600_000)).toBe(false);
  for (const state of ["drained", "removing", "removed"] as const)
    expect(isFitToLead({ ...MEMBER, state }, 0)).toBe(false);
  expect(isFitToLead(undefined, 0)).toBe(false);
});

test("who cannot read who belongs tells those it knew of its damage, as far as they are up", () => {
  const mesh = { self: "a", isUp: (node: string) => node !== "c" };
  const candidates = ["c", "a", "b"];
  expect(toldOfDamage({ members: [], candidates, mesh })).toEqual(["b"]);
  const members = ["a", "c", "d"].map((node) => ({ ...MEMBER, node }));
  expect(toldOfDamage({ members, candidates, mesh })).toEqual(["d"]);
});
