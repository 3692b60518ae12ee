import { expect, test } from "vitest";
import { Deadline } from "../std/deadline.ts";
import { systemClock } from "./system.ts";
import { within } from "./within.ts";

const never = (): Promise<never> => new Promise(() => {});
const endIn = (ms: number, signal = new AbortController().signal) => ({
  deadline: new Deadline(systemClock, ms),
  signal,
});

test("work that is done in time gives its answer, or its own error", async () => {
  expect(await within(endIn(60_000), "it worked", () => Promise.resolve(7))).toBe(7);
  const failing = within(endIn(60_000), "it worked", () => Promise.reject(new Error("it broke")));
  await expect(failing).rejects.toThrow("it broke");
});

test("work that does not end is given up at the deadline, is told so, and its caller too", async () => {
  let told: unknown;
  const work = (signal: AbortSignal): Promise<never> => {
    signal.addEventListener("abort", () => {
      told = signal.reason;
    });
    return never();
  };
  await expect(within(endIn(1), "it slept", work)).rejects.toThrow("were over while it slept");
  expect(told).toMatchObject({ code: "DEADLINE_PASSED" });
});

test("a caller who has gone ends it with the caller's own reason", async () => {
  const caller = new AbortController();
  const running = within(endIn(60_000, caller.signal), "it slept", never);
  caller.abort(new Error("gone"));
  await expect(running).rejects.toThrow("gone");
  await expect(within(endIn(60_000, caller.signal), "it slept", never)).rejects.toThrow("gone");
});
