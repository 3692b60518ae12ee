import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { STAMP_RATE_MAX, STAMP_RATE_MIN, STAMP_SLACK_MS, StampClock } from "./stamp-clock.ts";

describe("stamps", () => {
  test("follow the median while that runs like the monotonic clock", () => {
    const stamps = new StampClock();
    expect(stamps.next(1_000_000, 50)).toBe(1_000_000);
    expect(stamps.next(1_000_500, 550)).toBe(1_000_500);
  });

  test("never go back, and go on slowly while the median is behind them", () => {
    const stamps = new StampClock();
    stamps.seen(2_000_000);
    expect(stamps.next(1_000_000, 0)).toBe(2_000_000);
    expect(stamps.next(1_001_000, 1_000)).toBe(2_000_000 + STAMP_RATE_MIN * 1_000);
    expect(stamps.next(2_500_000, 1_010)).toBe(2_000_500 + STAMP_SLACK_MS + STAMP_RATE_MAX * 10);
  });

  test("an hour ahead of the median meet it after two, however often one is asked for", () => {
    const stamps = new StampClock();
    const hourMs = 3_600_000;
    stamps.seen(hourMs);
    for (let nowMs = 0; nowMs < 2 * hourMs; nowMs += 5_001) {
      expect(stamps.next(nowMs, nowMs)).toBe(Math.floor(hourMs + STAMP_RATE_MIN * nowMs));
    }
    expect(stamps.next(2.5 * hourMs, 2.5 * hourMs)).toBe(2.5 * hourMs);
  });

  test("do not jump with a clock that is set forward, and catch up at a bounded rate", () => {
    const stamps = new StampClock();
    stamps.next(1_000_000, 0);
    const hourMs = 3_600_000;
    expect(stamps.next(1_000_000 + hourMs, 1_000)).toBe(
      1_000_000 + STAMP_RATE_MAX * 1_000 + STAMP_SLACK_MS,
    );
    expect(stamps.next(1_000_000 + 3 * hourMs, 2 * hourMs)).toBe(1_000_000 + 3 * hourMs);
  });

  test("of a new leader begin at the median, however long the group was idle", () => {
    const stamps = new StampClock();
    stamps.next(1_000_000, 0);
    stamps.rest();
    expect(stamps.next(9_000_000, 1_000)).toBe(9_000_000);
  });

  test("of a leader that does not know the median do not jump, and start from it once it is known", () => {
    const stamps = new StampClock();
    stamps.seen(1_000_000);
    expect(stamps.hold(9_000_000, 0)).toBe(1_000_000);
    expect(stamps.hold(9_000_000, 5_000)).toBe(1_000_000);
    expect(stamps.next(1_500_000, 6_000)).toBe(1_500_000);
    expect(stamps.hold(9_000_000, 7_000)).toBe(1_501_000);
  });

  test("of a group without any begin with the leader's own clock", () => {
    const stamps = new StampClock();
    expect(stamps.hold(9_000_000, 0)).toBe(9_000_000);
    expect(stamps.hold(9_999_999, 500)).toBe(9_000_500);
  });

  test("never go back and never run away, whatever the clocks do", () => {
    const step = fc.record({
      passedMs: fc.nat(5_000),
      median: fc.integer({ min: 0, max: 10 ** 7 }),
    });
    fc.assert(
      fc.property(fc.array(step, { minLength: 2, maxLength: 60 }), (steps) => {
        const stamps = new StampClock();
        let nowMs = 0;
        let first: number | undefined;
        let before = 0;
        for (const { passedMs, median } of steps) {
          nowMs += passedMs;
          const stamp = stamps.next(median, nowMs);
          expect(stamp).toBeGreaterThanOrEqual(before);
          before = stamp;
          first ??= stamp - STAMP_RATE_MAX * nowMs;
          expect(stamp - STAMP_RATE_MAX * nowMs).toBeLessThanOrEqual(first + STAMP_SLACK_MS);
        }
      }),
    );
  });
});
