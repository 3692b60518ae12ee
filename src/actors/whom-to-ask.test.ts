import { expect, test } from "vitest";
import { whyUnled } from "./whom-to-ask.ts";

const voters = ["a", "b", "c"];

test.each([
  [
    [],
    undefined,
    "a majority of its replicas cannot be reached: of those on a, b, c this node reaches none",
  ],
  [
    ["a"],
    "b",
    "a majority of its replicas cannot be reached: of those on a, b, c this node reaches only a",
  ],
  [["a", "c"], "b", "b, which leads it, cannot be reached from this node"],
  [["a", "c"], undefined, "this node reaches a, c, and none of them leads it by now"],
])("who reaches %j and hears that %s leads is told why nobody does", (reached, named, why) => {
  const isUp = (node: string): boolean => reached.some((one) => one === node);
  expect(whyUnled({ voters, named, isUp, nameOf: (node) => node })).toBe(why);
});
