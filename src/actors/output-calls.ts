/**
 * What running attempts have printed, asked of the node that runs them by the one that somebody looks
 * at (R22). Nothing of it is in a log; when it is asked for no more, it is not told any more.
 */
import type { NodeId } from "../scheduler/dataset.ts";
import type { OutputParts } from "../scheduler/output-so-far.ts";
import type { AnswerOf } from "./answers.ts";
import type { Caller } from "./caller.ts";
import type { Executor } from "./executor.ts";
import type { Call } from "./ports.ts";
import type { RunnerPort } from "./work-ports.ts";

type OutputCall = Extract<Call, { readonly kind: "output" }>;

/** How long the node that runs the attempt is waited for: it only copies from memory. */
const OUTPUT_ASK_MS = 2_000;

const NO_BYTES = new Uint8Array();

/** Answers for this node's own attempts. */
export async function serveOutputCall(
  call: OutputCall,
  parts: {
    readonly runner: Pick<RunnerPort, "output">;
    readonly executor: Pick<Executor, "isHeld">;
  },
): Promise<AnswerOf<"output">> {
  const { group, request, token, stdout, stderr } = call;
  const output = await parts.runner.output({ request, token, stdout, stderr });
  if (output !== undefined) {
    const { ended, ...streams } = output;
    return { kind: "output", state: ended ? "ended" : "running", ...streams };
  }
  // It may be here and wait for its input, or for a slot.
  const state = parts.executor.isHeld({ group, request, token }) ? "running" : "gone";
  return { kind: "output", state, ...nothingAfter(call) };
}

/** Asks the node that runs an attempt; undefined when that does not answer in its or the caller's time. */
export async function askForOutput(
  caller: Pick<Caller, "ask">,
  wanted: Omit<OutputCall, "kind"> & { readonly node: NodeId },
  deadlineMs: number,
): Promise<AnswerOf<"output"> | undefined> {
  const { node, ...what } = wanted;
  const call = { kind: "output", ...what } as const;
  const answer = await caller.ask(node, call, Math.min(deadlineMs, OUTPUT_ASK_MS));
  return answer?.kind === "output" ? answer : undefined;
}

/** For who has seen all up to there. */
export function nothingAfter(places: {
  readonly stdout: number;
  readonly stderr: number;
}): OutputParts {
  return {
    stdout: { from: places.stdout, bytes: NO_BYTES },
    stderr: { from: places.stderr, bytes: NO_BYTES },
  };
}
