import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { WEIGHT_MAX } from "../workflow/definition.ts";
import { lendCapacity, shareCapacity } from "./credit.ts";
import { ExecutorSession } from "./executor-session.ts";

const weight = fc.integer({ min: 1, max: WEIGHT_MAX });

describe("sharing capacity", () => {
  const claims = fc.array(fc.record({ weight, want: fc.nat(40) }), { maxLength: 8 });

  test("never gives more than there is or than is wanted, and leaves none over that is wanted", () => {
    fc.assert(
      fc.property(fc.nat(60), claims, (capacity, all) => {
        const shares = shareCapacity(capacity, all);
        const sum = shares.reduce((total, one) => total + one, 0);
        const wanted = all.reduce((total, { want }) => total + want, 0);
        expect(sum).toBe(Math.min(capacity, wanted));
        for (const [at, share] of shares.entries()) {
          expect(Number.isInteger(share)).toBe(true);
          expect(share).toBeLessThanOrEqual(all[at]?.want ?? 0);
        }
      }),
    );
  });

  test("those who get less than they want are within one slot of their parts of what these have", () => {
    fc.assert(
      fc.property(fc.nat(60), claims, (capacity, all) => {
        const shares = shareCapacity(capacity, all);
        const short = all.flatMap((claim, at) => {
          const share = shares[at] ?? 0;
          return share < claim.want ? [{ share, weight: claim.weight }] : [];
        });
        // Whoever has all that it wants has no more than its part; the others share what is left by weight.
        const content = all.reduce(
          (sum, { want }, at) => sum + (shares[at] === want ? want : 0),
          0,
        );
        const total = short.reduce((sum, one) => sum + one.weight, 0);
        for (const one of short) {
          // One of those that are content may have the slot that did not divide evenly.
          const part = ((capacity - content) * one.weight) / total;
          expect(Math.abs(one.share - part)).toBeLessThan(2);
        }
      }),
    );
  });

  test("with enough wanted by all, each gets its part by weight, less than one slot away", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 300 }),
        fc.array(weight, { minLength: 1, maxLength: 8 }),
        (capacity, weights) => {
          const total = weights.reduce((sum, one) => sum + one, 0);
          const all = weights.map((one) => ({ weight: one, want: capacity }));
          shareCapacity(capacity, all).forEach((share, at) => {
            const part = (capacity * (weights[at] ?? 0)) / total;
            expect(Math.abs(share - part)).toBeLessThan(1);
          });
        },
      ),
    );
  });
});

/** A session of a scheduler that has endless work. */
function demanding(group: number, ofWeight = 1): ExecutorSession {
  const session = new ExecutorSession(group, 0);
  session.ready = 1_000;
  session.weight = ofWeight;
  return session;
}

/** Lends, and each scheduler hears of its limit, which may free something for others. */
function lendAndTell(sessions: readonly ExecutorSession[], capacity: number): void {
  for (let word = 0; word < 2; word++) {
    lendCapacity(sessions, capacity);
    expect(sessions.reduce((sum, { lent }) => sum + lent, 0)).toBeLessThanOrEqual(capacity);
    for (const session of sessions) session.heardBeat(session.nextSequence(), 0);
  }
}

/** So many times a unit of 100 ms in all that is lent. How many of each scheduler. */
function work(
  sessions: readonly ExecutorSession[],
  capacity: number,
  rounds: number,
): readonly number[] {
  const ran = sessions.map(() => 0);
  for (let round = 0; round < rounds; round++) {
    lendAndTell(sessions, capacity);
    sessions.forEach((session, at) => {
      ran[at] = (ran[at] ?? 0) + session.limit;
      for (let unit = 0; unit < session.limit; unit++) session.served(100);
    });
  }
  return ran;
}

describe("lending", () => {
  test("more schedulers than capacity take turns: each is served alike", () => {
    const ran = work(
      [1, 2, 3, 4, 5].map((group) => demanding(group)),
      2,
      50,
    );
    for (const units of ran) expect(units).toBe(20);
  });

  test("over time each scheduler has its part by weight within a few units, whatever the slots, and nobody starves", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 12 }),
        fc.array(weight, { minLength: 2, maxLength: 6 }),
        (capacity, weights) => {
          const sessions = weights.map((one, at) => demanding(at + 1, one));
          const total = weights.reduce((sum, one) => sum + one, 0);
          // So many that the lightest has several turns also on one slot.
          const rounds = Math.ceil((4 * total) / Math.min(...weights));
          const ran = work(sessions, capacity, rounds);
          ran.forEach((units, at) => {
            const part = (rounds * capacity * (weights[at] ?? 0)) / total;
            expect(Math.abs(units - part)).toBeLessThanOrEqual(weights.length);
            expect(units).toBeGreaterThan(0);
          });
        },
      ),
      { numRuns: 60 },
    );
  });

  test("one slot goes three times as often to the workflow of three times the weight", () => {
    const [light, heavy] = work([demanding(1), demanding(2, 3)], 1, 400);
    expect(heavy).toBeGreaterThan(2.9 * (light ?? 0));
    expect(heavy).toBeLessThan(3.1 * (light ?? 0));
  });

  test("a heavy workflow with little to do leaves its slots to a light one that has much", () => {
    const [light, heavy] = [demanding(1), demanding(2, WEIGHT_MAX)];
    heavy.ready = 2;
    lendCapacity([light, heavy], 8);
    expect([light.limit, heavy.limit]).toEqual([6, 2]);
  });

  test("what nobody wants is lent ahead by weight, so that new work begins without another word", () => {
    const [light, heavy] = [demanding(1), demanding(2, 3)];
    light.ready = 1;
    heavy.ready = 1;
    lendCapacity([light, heavy], 10);
    expect([light.limit, heavy.limit]).toEqual([3, 7]);
    lendCapacity([demanding(3)], 10);
    const alone = demanding(4);
    alone.ready = 1;
    lendCapacity([alone], 10);
    expect(alone.limit).toBe(10);
  });

  test("one that comes back after a long rest shares with the others instead of taking all", () => {
    const [worked, rested] = [demanding(1), demanding(2)];
    worked.turnMs = 1_000_000;
    rested.ready = 0;
    lendCapacity([worked, rested], 1);
    rested.ready = 1_000;
    lendCapacity([worked, rested], 1);
    expect(rested.turnMs).toBe(1_000_000);
  });

  test("one of another weight that comes back begins beside the others by what they had for their weight", () => {
    const [worked, rested] = [demanding(1, 10), demanding(2)];
    rested.ready = 0;
    lendCapacity([worked, rested], 1);
    worked.served(5_000);
    rested.ready = 1_000;
    const [ofWorked, ofRested] = work([worked, rested], 1, 110);
    expect(ofRested).toBeGreaterThanOrEqual(8);
    expect(ofRested).toBeLessThanOrEqual(12);
    expect(ofWorked).toBeGreaterThanOrEqual(90);
  });

  test("a new weight is no claim and no debt for the time before it", () => {
    const [changed, other] = [demanding(1), demanding(2)];
    work([changed, other], 1, 2_000);
    changed.weight = 4;
    const raised = work([changed, other], 1, 100);
    expect(raised[1]).toBeGreaterThanOrEqual(18);
    expect(raised[1]).toBeLessThanOrEqual(22);
    changed.weight = 1;
    const lowered = work([changed, other], 1, 100);
    for (const units of lowered) expect(units).toBeGreaterThanOrEqual(45);
  });
});
