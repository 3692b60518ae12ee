import { expect, test } from "vitest";
import { PASSING_MS_MAX, SpareSlot } from "./spare-slot.ts";

test("units of unknown time, and long ones, wait for a slot", () => {
  const spare = new SpareSlot(0);
  expect(spare.isFor(undefined, 0)).toBe(false);
  expect(spare.isFor(PASSING_MS_MAX + 1, 0)).toBe(false);
  expect(spare.isFor(PASSING_MS_MAX, 0)).toBe(true);
});

test("over a long time it is in use for a tenth of it, however many short units ask", () => {
  const spare = new SpareSlot(0);
  let usedMs = 0;
  for (let nowMs = 0; nowMs < 100_000; nowMs += 10) {
    if (!spare.isFor(10, nowMs)) continue;
    spare.used(10, nowMs);
    usedMs += 10;
  }
  expect(usedMs).toBeGreaterThanOrEqual(10_000);
  expect(usedMs).toBeLessThanOrEqual(10_000 + 210);
});

test("a unit that took far longer than its like is paid for before the next one", () => {
  const spare = new SpareSlot(0);
  spare.used(60_000, 60_000);
  expect(spare.isFor(1, 60_000)).toBe(false);
  expect(spare.isFor(1, 600_000)).toBe(false);
  expect(spare.isFor(1, 700_000)).toBe(true);
});
