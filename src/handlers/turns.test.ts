import fc from "fast-check";
import { expect, test } from "vitest";
import { Turns } from "./turns.ts";

/** One slot, and users whose units always wait: the slot time of each after so many units. */
function share(users: readonly { readonly weight: number; readonly ms: number }[], units: number) {
  const turns = new Turns();
  const hadMs = users.map(() => 0);
  for (const [group, { weight }] of users.entries()) turns.came(group, weight);
  for (let unit = 0; unit < units; unit++) {
    const group = turns.next();
    if (group === undefined) throw new Error("somebody waits");
    const { weight, ms } = users[group] ?? { weight: 1, ms: 0 };
    turns.came(group, weight);
    turns.went(group);
    turns.began(group);
    turns.ended(group, ms, 1);
    hadMs[group] = (hadMs[group] ?? 0) + ms;
  }
  return hadMs;
}

test("units of 5 ms and of 3 s that wait for one slot have as much of it", () => {
  const [short = 0, long = 0] = share(
    [
      { weight: 1, ms: 5 },
      { weight: 1, ms: 3_000 },
    ],
    6_010,
  );
  expect(Math.abs(short - long)).toBeLessThanOrEqual(3_000);
});

test("whatever the weights and times, nobody is further than its longest unit and another one's from its part", () => {
  const user = fc.record({
    weight: fc.integer({ min: 1, max: 100 }),
    ms: fc.integer({ min: 1, max: 5_000 }),
  });
  fc.assert(
    fc.property(fc.array(user, { minLength: 2, maxLength: 6 }), (users) => {
      const hadMs = share(users, 2_000);
      const roundMs = Math.max(...users.map(({ weight, ms }) => ms / weight));
      const turns = hadMs.map((ms, at) => ms / (users[at]?.weight ?? 1));
      expect(Math.max(...turns) - Math.min(...turns)).toBeLessThanOrEqual(2 * roundMs);
    }),
  );
});

test("who had the slot alone for long is next when it is its turn again, and who was away is owed nothing", () => {
  const turns = new Turns();
  const run = (group: number) => {
    turns.went(group);
    turns.began(group);
    turns.ended(group, 100, 1);
  };
  for (let unit = 0; unit < 1_000; unit++) {
    turns.came(1, 1);
    run(1);
  }
  const order: number[] = [];
  for (const group of [1, 2]) for (let unit = 0; unit < 4; unit++) turns.came(group, 1);
  for (let unit = 0; unit < 8; unit++) {
    const group = turns.next();
    if (group === undefined) throw new Error("somebody waits");
    order.push(group);
    run(group);
  }
  expect(order).toEqual([1, 2, 1, 2, 1, 2, 1, 2]);
  expect(turns.next()).toBeUndefined();
});

test("before anything is known of their times users have slots in turns", () => {
  const turns = new Turns();
  for (const group of [1, 2]) for (let unit = 0; unit < 3; unit++) turns.came(group, 1);
  const order: number[] = [];
  for (let slot = 0; slot < 4; slot++) {
    const group = turns.next() ?? 0;
    order.push(group);
    turns.went(group);
    turns.began(group);
  }
  expect(order).toEqual([1, 2, 1, 2]);
});
