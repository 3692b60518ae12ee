import { expect, test } from "vitest";
import { StateChecker } from "./state-checker.ts";

const A = { high: 1, low: 2 };
const B = { high: 1, low: 3 };

test("replicas with the same state go on; one with another stops at the check after it", () => {
  const [leader, same, other] = [new StateChecker(), new StateChecker(), new StateChecker()];
  for (const replica of [leader, same]) replica.applied(10, { previous: undefined }, A);
  other.applied(10, { previous: undefined }, B);
  const check = leader.next(20);
  expect(check).toEqual({ previous: { index: 10, hash: A } });
  if (check === undefined) throw new Error("something was applied");
  for (const replica of [leader, same]) replica.applied(21, check, A);
  expect([leader.compared, same.compared]).toEqual([1, 1]);
  expect(() => other.applied(21, check, A)).toThrow(
    expect.objectContaining({ code: "REPLICA_DIFFERS" }),
  );
});

test("a replica that has not seen the place that a check is about says nothing", () => {
  const late = new StateChecker();
  late.applied(21, { previous: { index: 10, hash: A } }, B);
  expect(late.compared).toBe(0);
});

test("nothing is checked again while nothing was applied but the check itself", () => {
  const leader = new StateChecker();
  expect(leader.next(5)).toEqual({ previous: undefined });
  leader.applied(6, { previous: undefined }, A);
  expect(leader.next(6)).toBeUndefined();
  expect(leader.next(7)).toBeDefined();
});
