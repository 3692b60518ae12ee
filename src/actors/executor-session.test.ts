import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ExecutorSession } from "./executor-session.ts";

describe("credit", () => {
  test("counts what the scheduler may believe until it has heard the newest beat", () => {
    const session = new ExecutorSession(1, 0);
    session.lend(8);
    const first = session.nextSequence();
    session.lend(3);
    expect(session.lent).toBe(8);
    // It answers the beat that said 8: that is what it believes.
    session.heardBeat(first, 0);
    expect(session.lent).toBe(8);
    const second = session.nextSequence();
    session.heardBeat(first, 0);
    expect(session.lent).toBe(8);
    session.heardBeat(second, 0);
    expect(session.lent).toBe(3);
  });

  test("is over when the scheduler has heard of it and has granted nothing that is still on its way", () => {
    const session = new ExecutorSession(1, 0);
    session.lend(2);
    session.heardBeat(session.nextSequence(), 1);
    session.lend(0);
    expect(session.isOver).toBe(false);
    const last = session.nextSequence();
    session.heardBeat(last, 1);
    expect(session.lent).toBe(0);
    expect(session.isOver).toBe(false);
    session.heardBeat(last, 0);
    expect(session.isOver).toBe(true);
  });

  test("is quiet only once a scheduler has heard of this run and takes nothing to be here", () => {
    const session = new ExecutorSession(1, 0);
    expect(session.isQuiet).toBe(false);
    const first = session.nextSequence();
    expect(session.isQuiet).toBe(false);
    session.heardBeat(first, 1);
    expect(session.isQuiet).toBe(false);
    session.heardBeat(first, 0);
    expect(session.isQuiet).toBe(true);
    // A scheduler that has lost touch asks again.
    session.heardBeat(0, 1);
    expect([session.active, session.isQuiet]).toEqual([true, false]);
    session.heardBeat(0, 0);
    expect(session.isQuiet).toBe(true);
    session.ready = 1;
    expect(session.isQuiet).toBe(false);
  });

  test("a limit that no beat has said yet is news, and counts already", () => {
    const session = new ExecutorSession(1, 0);
    session.lend(4);
    expect(session.limitIsNews).toBe(true);
    expect(session.lent).toBe(4);
    session.nextSequence();
    expect(session.limitIsNews).toBe(false);
  });

  test("a scheduler that was silent for a lease keeps nothing but what runs here", () => {
    const session = new ExecutorSession(1, 0);
    session.ready = 5;
    session.lend(8);
    session.nextSequence();
    session.lapse();
    session.lend(0);
    expect(session.lent).toBe(0);
    expect(session.active).toBe(false);
  });

  test("one that speaks after that has what it was told before, until it has heard otherwise", () => {
    const session = new ExecutorSession(1, 0);
    session.lend(8);
    const told = session.nextSequence();
    session.lapse();
    session.lend(0);
    expect(session.lentSlots).toBe(0);
    session.heard(5_000);
    session.heardBeat(told, 0);
    expect(session.lentSlots).toBe(8);
    session.heardBeat(session.nextSequence(), 0);
    expect(session.lentSlots).toBe(0);
  });

  test("whatever is lent and heard, lent is never less than any limit it may believe", () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant("lend" as const), limit: fc.nat(9) }),
      fc.record({ kind: fc.constant("beat" as const), limit: fc.constant(0) }),
      fc.record({ kind: fc.constant("arrive" as const), limit: fc.constant(0) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const session = new ExecutorSession(1, 0);
        const underWay: { sequence: number; limit: number }[] = [];
        let believed = 0;
        for (const { kind, limit } of steps) {
          if (kind === "lend") session.lend(limit);
          else if (kind === "beat") {
            underWay.push({ sequence: session.nextSequence(), limit: session.limit });
          } else {
            const beat = underWay.shift();
            if (beat === undefined) continue;
            believed = beat.limit;
            session.heardBeat(beat.sequence, 0);
          }
          expect(session.lent).toBeGreaterThanOrEqual(believed);
          for (const beat of underWay) expect(session.lent).toBeGreaterThanOrEqual(beat.limit);
        }
      }),
    );
  });
});
