import { expect, test } from "vitest";
import { allOf, offers } from "./required-capability.ts";

test("several requirements are met by who offers all of them, and by nobody else", () => {
  const both = allOf(["gpu", "none", "limits.enforced", "gpu"]);
  expect(offers(["limits.enforced", "gpu", "x"], both)).toBe(true);
  expect(offers(["gpu"], both)).toBe(false);
  expect(offers([], both)).toBe(false);
});

test("one requirement is told as itself, and none as none", () => {
  expect(allOf(["none", "gpu"])).toBe("gpu");
  expect(allOf(["none"])).toBe("none");
  expect(offers([], "none")).toBe(true);
  expect(offers(["gpu"], "gp")).toBe(false);
});
