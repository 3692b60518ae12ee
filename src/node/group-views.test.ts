import { expect, test } from "vitest";
import { Directory } from "../actors/directory.ts";
import { groupNamed } from "./group-views.ts";

test("what is neither a number nor a workflow's name names no group", () => {
  const node = { directory: new Directory() };
  expect(groupNamed(node, "system")).toBe(0);
  for (const text of ["9007199254740993", "1e99", "-1", "NaN", "7"])
    expect(groupNamed(node, text)).toBeUndefined();
});
