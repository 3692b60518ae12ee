import { expect, test } from "vitest";
import { hasSysAdmin } from "./mount-rights.ts";

test("the right to mount is read from the effective capabilities", () => {
  expect(hasSysAdmin("CapPrm:\t000001ffffffffff\nCapEff:\t0000000000200000\n")).toBe(true);
  expect(hasSysAdmin("CapEff:\t000001ffffdfffff\nCapBnd:\t000001ffffffffff\n")).toBe(false);
  expect(hasSysAdmin("")).toBe(false);
});
