import { expect, test } from "vitest";
import { isKilled, isKilledStat } from "./killed-caller.ts";

/** `/proc/PID/stat` of a process of that name, those flags and that code of its end. */
function stat(name: string, flags: number, exitCode: number): string {
  const fields = Array.from({ length: 50 }, () => "0");
  fields[0] = "D";
  fields[6] = `${flags}`;
  fields[49] = `${exitCode}`;
  return `12 (${name}) ${fields.join(" ")}\n`;
}

test("a process is killed when it is ending by a signal, whatever its name is", () => {
  expect(isKilledStat(stat("python3", 0x40_0044, 9))).toBe(true);
  expect(isKilledStat(stat("a) R 1 (b", 0x40_0044, 15 | 0x80))).toBe(true);
});

test("one that ends by itself, one that runs and one that says nothing are not", () => {
  expect(isKilledStat(stat("sh", 0x40_0044, 9 << 8))).toBe(false);
  expect(isKilledStat(stat("sh", 0x40_0040, 9))).toBe(false);
  expect(isKilledStat("")).toBe(false);
  expect([process.pid, 0, 2 ** 31].map(isKilled)).toEqual([false, false, false]);
});
