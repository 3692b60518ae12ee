import { expect, test } from "vitest";
import { LEFT_GRACE_MS, leftBehind } from "./left-processes.ts";

/** A worker besides which a process runs for so many looks, and how long was waited. */
function world(looks: number) {
  const state = { waitedMs: 0, killed: 0, looks };
  const worker = {
    others: () => (state.looks-- > 0 && state.killed === 0 ? [process.pid] : []),
    kill: () => {
      state.killed++;
      return Promise.resolve();
    },
  };
  const timers = {
    after(delayMs: number, run: () => void) {
      state.waitedMs += delayMs;
      queueMicrotask(run);
      return { cancel: () => undefined };
    },
  };
  return { state, left: () => leftBehind(worker, timers) };
}

test("where nothing is left nothing is waited for", async () => {
  const { state, left } = world(0);
  expect(await left()).toBeUndefined();
  expect(state).toMatchObject({ waitedMs: 0, killed: 0 });
});

test("what ends within the grace was not left", async () => {
  const { state, left } = world(5);
  expect(await left()).toBeUndefined();
  expect(state.killed).toBe(0);
  expect(state.waitedMs).toBeLessThan(LEFT_GRACE_MS);
});

test("what lives longer is told and killed when the grace is over", async () => {
  const { state, left } = world(Number.POSITIVE_INFINITY);
  const found = await left();
  expect(found?.told).toMatch(new RegExp(`^a process: .+ \\(${process.pid}\\)$`));
  expect(state).toMatchObject({ waitedMs: LEFT_GRACE_MS, killed: 1 });
});
