import { expect, test } from "vitest";
import { Directory } from "./directory.ts";
import { Outlook } from "./outlook.ts";

function made(up: ReadonlySet<string>): Outlook {
  return new Outlook({
    mesh: { self: "a", isUp: (node) => up.has(node) },
    directory: new Directory(),
    seeds: [],
    replica: () => undefined,
    answeredFor: () => undefined,
    clockAheadMs: () => undefined,
  });
}

test("a node that was not reached yet is not up, and has not gone either", () => {
  const outlook = made(new Set());
  expect([outlook.isUp("b"), outlook.hasGone("b")]).toEqual([false, false]);
});

test("a node has gone from its going down until it comes up again", () => {
  const outlook = made(new Set());
  outlook.cameUp("b");
  expect(outlook.hasGone("b")).toBe(false);
  outlook.wentDown("b");
  expect([outlook.hasGone("b"), outlook.hasGone("c")]).toEqual([true, false]);
  outlook.cameUp("b");
  expect(outlook.hasGone("b")).toBe(false);
});
