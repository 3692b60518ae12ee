import { expect, test } from "vitest";
import { namedKeys } from "./keys.ts";
import { NAMED_TAKEN_MAX, NAMED_WINDOW_MAX, NamedWindow } from "./window.ts";

const keyOf = (number: number): string => {
  const key = new Uint8Array([number >> 16, (number >> 8) & 255, number & 255]);
  return namedKeys.ready({ spec: "s", key }, 0);
};
const numbersOf = (refs: ReturnType<NamedWindow["take"]>): readonly number[] =>
  refs.map(({ key: [high = 0, middle = 0, low = 0] }) => (high << 16) + (middle << 8) + low);
const keysOf = (...numbers: readonly number[]): readonly string[] => numbers.map(keyOf);

function filled(numbers: readonly number[], complete = true): NamedWindow {
  const window = new NamedWindow();
  window.fill(keysOf(...numbers), complete);
  return window;
}

test("units are taken in order, each once, also when the index is read anew meanwhile", () => {
  const window = filled([1, 2, 3, 4]);
  expect(numbersOf(window.take(2))).toEqual([1, 2]);
  window.fill(keysOf(1, 2, 3, 4), true);
  expect(numbersOf(window.take(9))).toEqual([3, 4]);
  expect([window.take(9), window.needsKeys]).toEqual([[], false]);
});

test("a unit that becomes ready takes its place, and one that is ready no more is not taken", () => {
  const window = filled([2, 4]);
  window.add(keyOf(3));
  window.add(keyOf(1));
  window.remove(keyOf(4));
  expect(numbersOf(window.take(9))).toEqual([1, 2, 3]);
});

test("a unit that was granted and given back is taken again", () => {
  const window = filled([1]);
  window.take(1);
  window.remove(keyOf(1));
  window.add(keyOf(1));
  expect(numbersOf(window.take(1))).toEqual([1]);
});

test("a window that does not end the index asks for more and takes nothing beyond its end before", () => {
  const window = filled([1, 2], false);
  window.add(keyOf(9));
  expect(numbersOf(window.take(9))).toEqual([1, 2]);
  expect(window.needsKeys).toBe(true);
});

test("it keeps no more than its bound, and forgets the last ones first", () => {
  const all = Array.from({ length: NAMED_WINDOW_MAX }, (_, at) => at + 1);
  const window = filled(all);
  window.add(keyOf(0));
  const taken = numbersOf(window.take(NAMED_WINDOW_MAX + 9));
  expect([taken.length, taken[0], taken.at(-1)]).toEqual([
    NAMED_WINDOW_MAX,
    0,
    NAMED_WINDOW_MAX - 1,
  ]);
  expect(window.needsKeys).toBe(true);
});

test("what was taken for a grant that came to nothing counts again", () => {
  const window = filled([1, 2]);
  window.take(2);
  window.forgetTaken();
  window.fill(keysOf(1, 2), true);
  expect(numbersOf(window.take(9))).toEqual([1, 2]);
});

test("what was taken and not said to be ready no more is bounded, and what is said makes room", () => {
  const window = new NamedWindow();
  const numbers = (from: number): readonly number[] =>
    Array.from({ length: NAMED_WINDOW_MAX }, (_, at) => from + at);
  window.fill(keysOf(...numbers(0)), false);
  expect(window.take(NAMED_WINDOW_MAX)).toHaveLength(NAMED_TAKEN_MAX);
  window.fill(keysOf(...numbers(NAMED_WINDOW_MAX)), false);
  expect(window.take(64)).toEqual([]);
  for (let number = 0; number < 10; number++) window.remove(keyOf(number));
  expect(numbersOf(window.take(64))).toEqual(numbers(NAMED_WINDOW_MAX).slice(0, 10));
});
