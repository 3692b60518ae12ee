import { expect, test } from "vitest";
import { DEMAND_MS, DemandClock, NEW_DEMAND_MS } from "./demand-clock.ts";

test("the same demand is told at once, and again after a while", () => {
  const clock = new DemandClock();
  expect(clock.waitMs(true, 0)).toBe(0);
  clock.told(0);
  expect(clock.waitMs(true, DEMAND_MS - 1)).toBeUndefined();
  expect(clock.waitMs(true, DEMAND_MS)).toBe(0);
});

test("new demand soon after the last word waits for the rest of a short pause", () => {
  const clock = new DemandClock();
  clock.waitMs(true, 0);
  clock.told(0);
  // The unit that waited was granted.
  expect(clock.waitMs(false, 1)).toBeUndefined();
  expect(clock.waitMs(true, 2)).toBe(NEW_DEMAND_MS - 2);
  expect(clock.waitMs(true, NEW_DEMAND_MS)).toBe(0);
});
