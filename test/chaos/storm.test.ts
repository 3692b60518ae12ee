import { expect, test } from "vitest";
import { cutsOf } from "./storm.ts";

const ORDER = [3, 1, 5, 2, 4];

/** Whether each of the two still hears the other. */
function hears(way: Parameters<typeof cutsOf>[0]) {
  const cut = new Set(cutsOf(way, ORDER).map(([from, to]) => `${from} ${to}`));
  return (from: number, to: number): boolean => !cut.has(`${from} ${to}`);
}

test("halves hear nobody of the other half", () => {
  const talk = hears("halves");
  expect([talk(3, 1), talk(1, 3), talk(5, 4)]).toEqual([true, true, true]);
  expect([talk(3, 5), talk(5, 3), talk(1, 4)]).toEqual([false, false, false]);
});

test("a node that is cut off hears nobody and is heard by nobody", () => {
  const talk = hears("one node");
  expect([talk(3, 1), talk(4, 3), talk(1, 4)]).toEqual([false, false, true]);
});

test("over a bridge one node hears all, the sides not each other", () => {
  const talk = hears("bridge");
  for (const other of [1, 2, 4, 5]) expect([talk(3, other), talk(other, 3)]).toEqual([true, true]);
  expect([talk(1, 5), talk(2, 4), talk(1, 2), talk(4, 5)]).toEqual([true, true, false, false]);
});

test("one-way, a node hears all and is heard by nobody", () => {
  const talk = hears("one-way");
  for (const other of [1, 2, 4, 5]) expect([talk(3, other), talk(other, 3)]).toEqual([false, true]);
  expect(talk(1, 2)).toBe(true);
});
