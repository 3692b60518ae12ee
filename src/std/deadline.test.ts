import { expect, test } from "vitest";
import { Deadline } from "./deadline.ts";

test("what is left falls with time, and never below zero", () => {
  let nowMs = 1000;
  const deadline = new Deadline({ nowMs: () => nowMs }, 50);
  expect([deadline.ms, deadline.leftMs()]).toEqual([50, 50]);
  nowMs += 30;
  expect([deadline.ms, deadline.leftMs()]).toEqual([50, 20]);
  nowMs += 30;
  expect(deadline.leftMs()).toBe(0);
});
