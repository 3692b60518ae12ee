import { expect, test } from "vitest";
import { clampOutcome } from "./clamp.ts";
import type { Outcome } from "./work.ts";

function mapped(step: string, warnings: readonly string[]): Outcome {
  return { kind: "mapped", step, children: [], session: [], warnings };
}

test("an outcome within its bounds is as it was", () => {
  const outcome = mapped("words", ["one"]);
  expect(clampOutcome(outcome)).toEqual(outcome);
});

test("a step name that no step can have is a failure of the handler", () => {
  const outcome = clampOutcome(mapped("s".repeat(200), []));
  expect(outcome).toMatchObject({ kind: "failed", error: { code: "HANDLER_STEP_UNKNOWN" } });
});

test("too many and too long warnings are cut", () => {
  const outcome = clampOutcome(mapped("words", Array(500).fill("w".repeat(5000))));
  expect(outcome).toMatchObject({ kind: "mapped" });
  if (outcome.kind !== "mapped") return;
  expect(outcome.warnings).toHaveLength(20);
  expect(outcome.warnings[0]).toHaveLength(1024);
});

test("of long texts of an error the last words are kept, of its message the first", () => {
  const long = `first${"x".repeat(100_000)}last`;
  const outcome = clampOutcome({
    kind: "failed",
    error: { code: "HANDLER_FAILED", message: long, traceback: long, stdout: long, stderr: long },
  });
  if (outcome.kind !== "failed") throw new Error("a failure stays one");
  expect(outcome.error.message.startsWith("first")).toBe(true);
  expect(outcome.error.traceback.endsWith("last")).toBe(true);
  expect(outcome.error.stderr).toHaveLength(16 * 1024);
});
