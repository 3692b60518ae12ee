import { expect, test } from "vitest";
import type { OutputSoFar } from "../scheduler/output-so-far.ts";
import { askForOutput, serveOutputCall } from "./output-calls.ts";
import type { Call, CallAnswer } from "./ports.ts";

const TOKEN = { index: 5, ordinal: 1 };
const WANTED = { group: 2, request: "text-2-1", token: TOKEN, stdout: 3, stderr: 4 };
const CALL = { kind: "output", ...WANTED } as const;
const PART = { from: 3, bytes: new Uint8Array([1]) };

function answerOf(
  output: OutputSoFar | undefined,
  held: boolean,
): ReturnType<typeof serveOutputCall> {
  return serveOutputCall(CALL, {
    runner: {
      output: async (wanted) => {
        expect(wanted).toEqual({ request: "text-2-1", token: TOKEN, stdout: 3, stderr: 4 });
        return output;
      },
    },
    executor: {
      isHeld: (of) => {
        expect(of).toEqual({ group: 2, request: "text-2-1", token: TOKEN });
        return held;
      },
    },
  });
}

test("what the runner has is answered, with whether more may come", async () => {
  const output = { stdout: PART, stderr: PART };
  expect(await answerOf({ ended: false, ...output }, true)).toEqual({
    kind: "output",
    state: "running",
    ...output,
  });
  expect(await answerOf({ ended: true, ...output }, false)).toMatchObject({ state: "ended" });
});

test("an attempt that waits for its slot has printed nothing; one that is not here is gone", async () => {
  const nothing = {
    stdout: { from: 3, bytes: new Uint8Array() },
    stderr: { from: 4, bytes: new Uint8Array() },
  };
  expect(await answerOf(undefined, true)).toEqual({ kind: "output", state: "running", ...nothing });
  expect(await answerOf(undefined, false)).toEqual({ kind: "output", state: "gone", ...nothing });
});

test("a node that answers nothing, or anything else, does not answer", async () => {
  const asked: Call[] = [];
  const caller = (answer: CallAnswer | undefined) => ({
    ask: (to: string, call: Call, timeoutMs: number) => {
      expect([to, timeoutMs]).toEqual(["n", 500]);
      asked.push(call);
      return Promise.resolve(answer);
    },
  });
  const output = { kind: "output", state: "gone", stdout: PART, stderr: PART } as const;
  expect(await askForOutput(caller(output), { node: "n", ...WANTED }, 500)).toEqual(output);
  expect(asked).toEqual([CALL]);
  expect(await askForOutput(caller(undefined), { node: "n", ...WANTED }, 500)).toBeUndefined();
  const notSent = { kind: "not-scheduler", leader: undefined } as const;
  expect(await askForOutput(caller(notSent), { node: "n", ...WANTED }, 500)).toBeUndefined();
});
