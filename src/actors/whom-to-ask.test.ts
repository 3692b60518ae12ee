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
    ["a b"],
    "a majority of its replicas cannot be reached: of those on a, b, c this node reaches only a",
  ],
  [["a", "c"], ["c b"], "b, which leads it as far as c knows, cannot be reached from this node"],
  [
    ["a", "c"],
    ["c b", "d a"],
    "b, which leads it as far as c knows, cannot be reached from this node",
  ],
  [
    ["a", "c"],
    ["d b", "a b", "c b"],
    "b, which leads it as far as c, d know, cannot be reached from this node",
  ],
  [
    ["a", "c"],
    ["a b"],
    "b, which leads it as far as this node knows, cannot be reached from this node",
  ],
  // The newer word is the last one.
  [
    ["a", "c"],
    ["c b", "d e"],
    "e, which leads it as far as d knows, cannot be reached from this node",
  ],
  [["a", "c"], ["c a"], "this node reaches a, c, and none of them leads it by now"],
  [["a", "c"], [], "this node reaches a, c, and none of them leads it by now"],
])(
  "node a, which reaches %j and is told that %j lead, says why nobody does",
  (reached, told, why) => {
    const isUp = (node: string): boolean => reached.some((one) => one === node);
    const named = new Map(told.map((word) => [word.charAt(0), word.charAt(2)]));
    expect(whyUnled({ voters, named, self: "a", isUp, nameOf: (node) => node })).toBe(why);
  },
);

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

test("a node that is being removed is told of damage while it is up, since it may lead; one that was removed is not", () => {
  const mesh = { self: "a", isUp: () => true };
  const members = [
    { ...MEMBER, node: "a" },
    { ...MEMBER, node: "b", state: "removing" as const },
    { ...MEMBER, node: "c", state: "removed" as const },
    { ...MEMBER, node: "d", state: "drained" as const },
  ];
  expect(toldOfDamage({ members, candidates: [], mesh })).toEqual(["b", "d"]);
});
