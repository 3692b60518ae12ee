import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { WEIGHT_MAX } from "../workflow/definition.ts";
import { Credit, shareCapacity } from "./credit.ts";
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

/** An executor's slots among schedulers that hear at once, in rounds of units that take as long as each other. */
class Node {
  readonly credit = new Credit();
  readonly sessions: readonly ExecutorSession[];
  readonly slots: number;
  nowMs = 0;

  constructor(sessions: readonly ExecutorSession[], slots: number) {
    this.sessions = sessions;
    this.slots = slots;
  }

  /** Lends, and each scheduler hears of its limit, which may free something for others. */
  lend(): readonly number[] {
    for (let word = 0; word < 2; word++) {
      this.credit.lend(
        this.sessions,
        { slots: this.slots, prefetchMs: 0, maySpare: () => false },
        this.nowMs,
      );
      expect(this.sessions.reduce((sum, { lentSlots }) => sum + lentSlots, 0)).toBeLessThanOrEqual(
        this.slots,
      );
      for (const session of this.sessions) session.heardBeat(session.nextSequence(), 0);
    }
    return this.sessions.map(({ limit }) => limit);
  }

  /** So many times a unit of 100 ms in all that is lent and wanted. How many of each scheduler. */
  work(rounds: number): readonly number[] {
    const ran = this.sessions.map(() => 0);
    for (let round = 0; round < rounds; round++) {
      this.lend();
      this.nowMs += UNIT_MS;
      this.sessions.forEach((session, at) => {
        const units = Math.min(session.limit, session.ready);
        ran[at] = (ran[at] ?? 0) + units;
        for (let unit = 0; unit < units; unit++) this.credit.served(session, UNIT_MS, this.nowMs);
      });
    }
    return ran;
  }
}

const UNIT_MS = 100;

describe("lending", () => {
  test("more schedulers than capacity take turns: each is served alike", () => {
    const sessions = [1, 2, 3, 4, 5].map((group) => demanding(group));
    for (const units of new Node(sessions, 2).work(50)) expect(units).toBe(20);
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
          const ran = new Node(sessions, capacity).work(rounds);
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
    const [light, heavy] = new Node([demanding(1), demanding(2, 3)], 1).work(400);
    expect(heavy).toBeGreaterThan(2.9 * (light ?? 0));
    expect(heavy).toBeLessThan(3.1 * (light ?? 0));
  });

  test("a heavy workflow with little to do leaves its slots to a light one that has much", () => {
    const [light, heavy] = [demanding(1), demanding(2, WEIGHT_MAX)];
    heavy.ready = 2;
    expect(new Node([light, heavy], 8).lend()).toEqual([6, 2]);
  });

  test("what nobody wants is lent ahead by weight, so that new work begins without another word", () => {
    const [light, heavy] = [demanding(1), demanding(2, 3)];
    light.ready = 1;
    heavy.ready = 1;
    expect(new Node([light, heavy], 10).lend()).toEqual([3, 7]);
    expect(new Node([demanding(3)], 10).lend()).toEqual([10]);
    const alone = demanding(4);
    alone.ready = 1;
    expect(new Node([alone], 10).lend()).toEqual([10]);
  });
});

describe("what was had before", () => {
  test("one that had the only slot alone, and comes back after the other has begun, has half of it at once", () => {
    const [light, heavy] = [demanding(1), demanding(2)];
    const node = new Node([light, heavy], 1);
    heavy.ready = 0;
    node.work(10_000);
    light.ready = 0;
    // Nobody is there for a while.
    node.work(5);
    heavy.ready = 1_000;
    node.work(5);
    light.ready = 1_000;
    const [ofLight, ofHeavy] = node.work(20);
    expect(Math.abs((ofLight ?? 0) - (ofHeavy ?? 0))).toBeLessThanOrEqual(2);
  });

  test("what a light workflow had since a heavy one wanted a single slot is no debt when that wants all", () => {
    const [light, heavy] = [demanding(1), demanding(2, 9)];
    const node = new Node([light, heavy], 4);
    heavy.ready = 1;
    expect(node.work(1_000)).toEqual([3_000, 1_000]);
    heavy.ready = 1_000;
    const [ofLight = 0] = node.work(50);
    expect(ofLight).toBeGreaterThanOrEqual(19);
    expect(ofLight).toBeLessThanOrEqual(21);
  });

  test.each([
    ["wants more", 1_000],
    ["wants nothing more for now", 0],
  ])(
    "a unit that began while nobody else was short counts from when others were, also where its workflow %s",
    (_, ready) => {
      const [first, second] = [demanding(1), demanding(2)];
      const node = new Node([first, second], 1);
      second.ready = 0;
      node.lend();
      node.nowMs += 60_000;
      first.ready = ready;
      second.ready = 1_000;
      node.lend();
      node.nowMs += UNIT_MS;
      node.credit.served(first, 60_000 + UNIT_MS, node.nowMs);
      node.lend();
      first.ready = 1_000;
      const [ofFirst, ofSecond] = node.work(21);
      expect([ofFirst, ofSecond]).toEqual([10, 11]);
    },
  );

  test("one of another weight that comes back begins beside the others by what they had for their weight", () => {
    const [worked, rested] = [demanding(1, 10), demanding(2)];
    const node = new Node([worked, rested], 1);
    rested.ready = 0;
    node.work(50);
    rested.ready = 1_000;
    const [ofWorked, ofRested] = node.work(110);
    expect(ofRested).toBeGreaterThanOrEqual(8);
    expect(ofRested).toBeLessThanOrEqual(12);
    expect(ofWorked).toBeGreaterThanOrEqual(90);
  });

  test("a new weight is no claim and no debt for the time before it", () => {
    const [changed, other] = [demanding(1), demanding(2)];
    const node = new Node([changed, other], 1);
    node.work(2_000);
    changed.weight = 4;
    const raised = node.work(100);
    expect(raised[1]).toBeGreaterThanOrEqual(18);
    expect(raised[1]).toBeLessThanOrEqual(22);
    changed.weight = 1;
    const lowered = node.work(100);
    for (const units of lowered) expect(units).toBeGreaterThanOrEqual(45);
  });

  test("whoever comes, goes and wants more or less, those who are short all through a while have their parts of it within a few units", () => {
    const change = fc.record({ who: fc.nat(4), ready: fc.constantFrom(0, 0, 1, 2, 1_000, 1_000) });
    const stretch = fc.record({
      changes: fc.array(change, { maxLength: 3 }),
      rounds: fc.integer({ min: 1, max: 60 }),
    });
    const light = fc.integer({ min: 1, max: 10 });
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 6 }),
        fc.array(light, { minLength: 2, maxLength: 5 }),
        fc.array(stretch, { minLength: 1, maxLength: 12 }),
        (slots, weights, stretches) => {
          const sessions = weights.map((one, at) => demanding(at + 1, one));
          const node = new Node(sessions, slots);
          for (const { changes, rounds } of stretches) {
            for (const { who, ready } of changes) {
              const session = sessions[who];
              if (session !== undefined) session.ready = ready;
            }
            const ran = node.work(rounds);
            const flooding = sessions.flatMap(({ ready }, at) =>
              ready === 1_000 ? [{ units: ran[at] ?? 0, weight: weights[at] ?? 1 }] : [],
            );
            const had = flooding.reduce((sum, { units }) => sum + units, 0);
            const total = flooding.reduce((sum, one) => sum + one.weight, 0);
            for (const one of flooding) {
              const part = (had * one.weight) / total;
              expect(Math.abs(one.units - part)).toBeLessThanOrEqual(2 * weights.length);
            }
          }
        },
      ),
      { numRuns: 300 },
    );
  });
});

describe("the spare slot", () => {
  const node = { slots: 2, prefetchMs: 0, maySpare: () => true };

  /** All slots have units of the first workflow when the second begins to want some. */
  function taken(): readonly [Credit, ExecutorSession, ExecutorSession] {
    const [long, short] = [demanding(1), demanding(2)];
    short.ready = 0;
    const credit = new Credit();
    credit.lend([long, short], node, 0);
    long.heardBeat(long.nextSequence(), 2);
    short.ready = 1;
    return [credit, long, short];
  }

  test("goes to whose turn it is while all slots are taken, and to one only", () => {
    const [credit, long, short] = taken();
    const third = demanding(3);
    credit.lend([long, short, third], node, 1);
    expect([short, third].map(({ slots }) => slots)).toEqual([1, 0]);
    expect(short.isSpare).toBe(true);
  });

  test("is nothing for units that may not have it", () => {
    const [credit, long, short] = taken();
    credit.lend([long, short], { ...node, maySpare: () => false }, 1);
    expect(short.slots).toBe(0);
    expect(short.isSpare).toBe(false);
  });

  test("is taken back when it was in use for too long, and stays with whose slot is none any more", () => {
    const [credit, long, short] = taken();
    credit.lend([long, short], node, 1);
    short.heardBeat(short.nextSequence(), 0);
    credit.lend([long, short], { ...node, maySpare: () => false }, 2);
    expect(short.slots).toBe(0);
    short.heardBeat(short.nextSequence(), 0);
    credit.lend([long, short], node, 3);
    expect(short.slots).toBe(1);
    long.heardBeat(long.nextSequence(), 1);
    credit.lend([long, short], { ...node, maySpare: () => false }, 4);
    expect(short.slots).toBe(1);
    expect(short.isSpare).toBe(false);
  });

  test("is none any more when the other workflow has given up a slot", () => {
    const [credit, long, short] = taken();
    credit.lend([long, short], node, 1);
    // Its scheduler has heard of its smaller share, and one of its two units has ended.
    long.heardBeat(long.nextSequence(), 1);
    credit.lend([long, short], node, 2);
    expect([long, short].map(({ slots }) => slots)).toEqual([1, 1]);
    expect(short.isSpare).toBe(false);
  });
});
