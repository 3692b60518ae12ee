import { expect, test } from "vitest";
import { erasureOptions, erasureText } from "./erasure-setting.ts";

const PLAIN = { copies: 2, erasure: undefined };
const CODED = { copies: 3, erasure: { data: 4, parity: 2 } };

test("what is not coded has one copy more than there is parity, and nobody sets another number", () => {
  expect(erasureOptions(PLAIN, { erasure: "4+2" })).toEqual(CODED);
  expect(erasureOptions(CODED, {})).toEqual(CODED);
  expect(erasureOptions(CODED, { copies: 3 })).toEqual(CODED);
  expect(() => erasureOptions(CODED, { copies: 2 })).toThrow(/what is not coded has 3 copies/u);
  expect(() => erasureOptions(PLAIN, { copies: 2, erasure: "4+2" })).toThrow(/not both/u);
});

test("a volume that codes no more still says that there may be stripes", () => {
  const off = erasureOptions(CODED, { erasure: null, copies: 2 });
  expect(off).toEqual({ copies: 2, erasure: { data: 1, parity: 2 } });
  expect([erasureText(off.erasure), erasureText(CODED.erasure)]).toEqual([null, "4+2"]);
  expect(erasureOptions(PLAIN, { erasure: null })).toEqual(PLAIN);
});

test("numbers that no stripe has are refused", () => {
  for (const erasure of ["1+1", "17+2", "2+3", "4+0", "16+9", "4", "+1"]) {
    expect(() => erasureOptions(PLAIN, { erasure })).toThrow(/erasure is data\+parity/u);
  }
});
