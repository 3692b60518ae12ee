import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { lendCapacity, shareCapacity } from "./credit.ts";
import { ExecutorSession } from "./executor-session.ts";

describe("sharing capacity", () => {
  test("never gives more than there is or than is wanted, and leaves none over that is wanted", () => {
    fc.assert(
      fc.property(fc.nat(60), fc.array(fc.nat(40), { maxLength: 8 }), (capacity, wants) => {
        const shares = shareCapacity(capacity, wants);
        const sum = shares.reduce((total, one) => total + one, 0);
        const wanted = wants.reduce((total, one) => total + one, 0);
        expect(sum).toBe(Math.min(capacity, wanted));
        for (const [at, share] of shares.entries())
          expect(share).toBeLessThanOrEqual(wants[at] ?? 0);
        // Who got less than it wanted has at most one less than anybody.
        const most = Math.max(0, ...shares);
        shares.forEach((share, at) => {
          if (share < (wants[at] ?? 0)) expect(share).toBeGreaterThanOrEqual(most - 1);
        });
      }),
    );
  });
});

describe("lending", () => {
  const demanding = (group: number): ExecutorSession => {
    const session = new ExecutorSession(group, 0);
    session.ready = 1_000;
    return session;
  };

  test("more schedulers than capacity take turns: each is served", () => {
    const sessions = [1, 2, 3, 4, 5].map(demanding);
    for (let round = 0; round < 50; round++) {
      lendCapacity(sessions, 2);
      expect(sessions.reduce((sum, { lent }) => sum + lent, 0)).toBeLessThanOrEqual(2);
      for (const session of sessions) {
        session.heardBeat(session.nextSequence(), 0);
        session.servedMs += 100 * session.limit;
      }
    }
    const totalMs = sessions.reduce((sum, { servedMs }) => sum + servedMs, 0);
    for (const { servedMs } of sessions) expect(servedMs / totalMs).toBeGreaterThan(0.15);
  });

  test("one that comes back after a long rest shares with the others instead of taking all", () => {
    const [worked, rested] = [demanding(1), demanding(2)];
    worked.servedMs = 1_000_000;
    rested.ready = 0;
    lendCapacity([worked, rested], 1);
    rested.ready = 1_000;
    lendCapacity([worked, rested], 1);
    expect(rested.servedMs).toBe(1_000_000);
  });
});
