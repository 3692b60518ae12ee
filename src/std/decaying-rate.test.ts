import { expect, test } from "vitest";
import { DecayingRate } from "./decaying-rate.ts";

test("what goes on steadily has its rate, and none before it began", () => {
  const rate = new DecayingRate(1000);
  expect(rate.perSecond(0)).toBe(0);
  for (let ms = 0; ms <= 20_000; ms += 50) rate.add(ms);
  expect(rate.perSecond(20_025)).toBeCloseTo(20, 0);
});

test("what has ended is forgotten, to a third within its memory", () => {
  const rate = new DecayingRate(1000);
  rate.add(0);
  expect(rate.perSecond(0)).toBe(1);
  expect(rate.perSecond(1000)).toBeCloseTo(Math.exp(-1));
  expect(rate.perSecond(60_000)).toBeLessThan(1e-9);
});
