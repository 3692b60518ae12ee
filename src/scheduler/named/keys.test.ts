import fc from "fast-check";
import { expect, test } from "vitest";
import { namedKeys, placeOfDueKey, placeOfReadyKey, priorityOf, priorityText } from "./keys.ts";

const priority = fc.double({ noNaN: true, noDefaultInfinity: true });
const key = fc.uint8Array({ minLength: 1, maxLength: 8 });

test("texts of priorities are in falling order and can be read back", () => {
  fc.assert(
    fc.property(priority, priority, (left, right) => {
      expect(priorityOf(priorityText(left))).toBe(left === 0 ? 0 : left);
      const order = Math.sign(right - left);
      const [one, other] = [priorityText(left), priorityText(right)];
      expect(one < other ? -1 : Number(one > other)).toBe(order);
    }),
  );
});

test.each([
  [0, "7fffffffffffffff"],
  [-0, "7fffffffffffffff"],
  [1, "400fffffffffffff"],
  [-1, "bff0000000000000"],
])("priority %s has the text %s for ever", (value, text) => {
  expect(priorityText(value)).toBe(text);
});

test("ready units of a spec are in the order of priority, then of their keys' bytes", () => {
  fc.assert(
    fc.property(priority, priority, key, key, (left, right, leftKey, rightKey) => {
      const one = namedKeys.ready({ spec: "s", key: leftKey }, left);
      const other = namedKeys.ready({ spec: "s", key: rightKey }, right);
      const bytes = Buffer.compare(leftKey, rightKey);
      const order = Math.sign(right - left) || bytes;
      expect(one < other ? -1 : Number(one > other)).toBe(order);
    }),
  );
});

test("keys of the indexes say which unit is meant, whatever its bytes", () => {
  fc.assert(
    fc.property(key, fc.maxSafeNat(), (bytes, dueMs) => {
      const ref = { spec: "a_b.c", key: new Uint8Array(bytes) };
      expect(placeOfReadyKey(namedKeys.ready(ref, 2.5))).toEqual({ ...ref, priority: 2.5 });
      expect(placeOfDueKey(namedKeys.due(ref, dueMs))).toEqual({ ...ref, dueMs });
    }),
  );
});
