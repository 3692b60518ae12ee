import { expect, test } from "vitest";
import { tooEarly } from "./version-gate.ts";

const codeOf = (needed: number, min: number, cluster: number | undefined) =>
  tooEarly(needed, { supports: { min, max: 3 }, cluster })?.code;

test("a command is proposed from the version on that it needs", () => {
  expect([1, 2, 3].map((cluster) => codeOf(2, 1, cluster))).toEqual([
    "CLUSTER_VERSION_TOO_LOW",
    undefined,
    undefined,
  ]);
});

test("while the version is not known, what every version allows is proposed and nothing else", () => {
  expect(codeOf(1, 1, undefined)).toBeUndefined();
  expect(codeOf(2, 1, undefined)).toBe("CLUSTER_VERSION_TOO_LOW");
});

test("a program that does not support what its node has applied decides nothing", () => {
  expect(codeOf(1, 2, 1)).toBe("COMMAND_NOT_ACCEPTED");
  expect(codeOf(1, 2, 2)).toBeUndefined();
});
