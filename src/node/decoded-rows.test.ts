import { expect, test } from "vitest";
import { type DecodedGroup, DecodedRows } from "./decoded-rows.ts";

/** What a row of 108 bytes counts: so much with its overhead. */
const ROW_BYTES = 300;

const put = (group: DecodedGroup<number>, key: number): void => group.set(`${key}`, key, 108);

test("rows of all groups together stay within the bound, but for the one that was set last", () => {
  const rows = new DecodedRows(100 * ROW_BYTES);
  const groups = Array.from({ length: 10 }, () => rows.group<number>());
  for (let key = 0; key < 1000; key++)
    for (const group of groups) {
      put(group, key);
      const kept = groups.reduce((sum, { size }) => sum + size, 0);
      expect(kept).toBeLessThanOrEqual(101);
    }
});

test("a row that is used stays, one that is not is forgotten", () => {
  const group = new DecodedRows(100 * ROW_BYTES).group<number>();
  put(group, -1);
  put(group, -2);
  for (let key = 0; key < 1000; key++) {
    put(group, key);
    expect(group.get("-1")).toBe(-1);
  }
  expect(group.get("-2")).toBeUndefined();
});

test("the newest value is found, also when an older one is in the old half", () => {
  const group = new DecodedRows(10 * ROW_BYTES).group<number>();
  group.set("a", 1, 108);
  for (let key = 0; key < 5; key++) put(group, key);
  group.set("a", 2, 108);
  expect(group.get("a")).toBe(2);
  group.delete("a");
  expect(group.get("a")).toBeUndefined();
});

test("a row that is written again and again counts once", () => {
  const group = new DecodedRows(10 * ROW_BYTES).group<number>();
  put(group, 1);
  for (let times = 0; times < 1000; times++) put(group, 2);
  expect(group.size).toBe(2);
});

test("rows that are too large, or as good as empty, are not kept and leave nothing older", () => {
  const group = new DecodedRows().group<number>();
  for (const bytes of [17 * 1024, 4]) {
    group.set("a", 1, 100);
    group.set("a", 2, bytes);
    expect(group.get("a")).toBeUndefined();
  }
});

test("a group that is gone has no rows, and others go on", () => {
  const rows = new DecodedRows(10 * ROW_BYTES);
  const [gone, other] = [rows.group<number>(), rows.group<number>()];
  put(gone, 1);
  gone.close();
  put(gone, 2);
  expect(gone.size).toBe(0);
  for (let key = 0; key < 100; key++) put(other, key);
  expect(other.get("99")).toBe(99);
});
