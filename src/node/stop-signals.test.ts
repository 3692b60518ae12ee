import { EventEmitter } from "node:events";
import { expect, test } from "vitest";
import { StopSignals } from "./stop-signals.ts";

test("the first signal asks for a stop, only a second one ends the waiting", async () => {
  const source = new EventEmitter();
  const signals = new StopSignals(source);
  expect(signals.stop.aborted).toBe(false);
  source.emit("SIGTERM");
  await signals.whenAsked();
  expect(signals.now.aborted).toBe(false);
  source.emit("SIGINT");
  expect(await signals.whenHurried()).toBeUndefined();
  expect(signals.now.aborted).toBe(true);
});

test("a start that gives up can tell by the reason that it was told to stop", () => {
  const source = new EventEmitter();
  const signals = new StopSignals(source);
  source.emit("SIGTERM");
  expect(signals.stop.reason).toMatchObject({ code: "NODE_STOPPING" });
});

test("a node that is removed stops at once, as if told so twice", async () => {
  const signals = new StopSignals(new EventEmitter());
  signals.stopNow();
  await signals.whenAsked();
  expect(signals.now.aborted).toBe(true);
});
