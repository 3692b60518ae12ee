import { expect, test } from "vitest";
import { RUN_MS_MAX } from "../scheduler/work.ts";
import { attemptRunCodec, outcomeCodec, workerExitCodec } from "./work-codec.ts";

test.each([
  [RUN_MS_MAX + 1, 0],
  [0, RUN_MS_MAX + 1],
  [-1, 0],
  [0.5, 0],
  [0, "0"],
])("a run of %o ms that ended %o ms ago is refused", (tookMs, agoMs) => {
  expect(() => attemptRunCodec.decode([tookMs, agoMs])).toThrow(/not an integer/);
  expect(attemptRunCodec.decode([RUN_MS_MAX, 0])).toEqual({ tookMs: RUN_MS_MAX, agoMs: 0 });
});

test.each([
  [[1, 256]],
  [[1, -1]],
  [[1, "3"]],
  [[2, "SIGKILL\u001b[2J"]],
  [[2, "SIG"]],
  [[2, "KILL"]],
  [[2, `SIG${"X".repeat(40)}`]],
  [[3, 0]],
])("a worker that ended by %j is refused", (raw) => {
  expect(() => workerExitCodec.decode(raw)).toThrow(
    expect.objectContaining({ code: "WIRE_MALFORMED" }),
  );
});

test("codes and names of signals are as they were told", () => {
  for (const exit of [
    { kind: "code", code: 255 },
    { kind: "signal", signal: "SIGUSR1" },
  ] as const) {
    expect(workerExitCodec.decode(workerExitCodec.encode(exit))).toEqual(exit);
  }
});

test("what an attempt was held to is told with its end, and its absence is written as before", () => {
  const text = { message: "", traceback: "", stdout: "", stderr: "" };
  const failed = { kind: "failed", error: { code: "X", ...text }, exit: undefined } as const;
  const before = outcomeCodec.encode(failed);
  expect(before).toEqual([4, ["X", "", "", "", ""], null]);
  const limits = [
    { kind: "memory", by: "cgroup-v1" },
    { kind: "time", by: "node" },
  ] as const;
  const told = outcomeCodec.encode({ ...failed, limits });
  expect(outcomeCodec.decode(told)).toEqual({ ...failed, limits });
  expect(outcomeCodec.decode(before)).toEqual({ ...failed, limits: undefined });
});
