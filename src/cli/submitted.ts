/** What commands that submit have in common: their options, waiting, and showing what came of it. */
import type { JobxClient } from "../api/client.ts";
import type { SubmitAnswer } from "../api/ports.ts";
import { parseDuration } from "../workflow/duration.ts";
import type { CommandOption, CommandRun } from "./command.ts";
import { cliError } from "./errors.ts";
import { EXIT } from "./exit.ts";
import { followRequest, type Progress } from "./follow.ts";
import { toJson } from "./output.ts";
import { progressView } from "./progress.ts";
import { printRequest } from "./request-output.ts";
import { LAST_ANSWER_MS, WAIT_DEADLINE_MS, waitForEnd } from "./wait.ts";

/** How long they wait, and under which names the request is known. */
export const SUBMIT_OPTIONS = {
  wait: {
    kind: "flag",
    help: "Wait until the request has ended, also while it is paused; exit 0 only if it succeeded.",
  },
  timeout: {
    kind: "text",
    value: "DURATION",
    help: "Longest wait with --wait or --follow, such as 90s; without it, for ever.",
  },
  key: {
    kind: "text",
    value: "K",
    help: "Idempotency key: the same key gives the same request.",
  },
  keep: {
    kind: "text",
    value: "NAME",
    help: "Keep the request under a name, as WORKFLOW:NAME, until it is deleted.",
  },
  follow: { kind: "flag", help: "Wait, and show the progress of each step." },
} as const satisfies Readonly<Record<string, CommandOption>>;

/** Submits, and waits where that is wanted. Returns the exit code. @throws {JobxError} as the client. */
export async function submitAndShow(
  run: CommandRun,
  submit: (client: JobxClient) => Promise<SubmitAnswer>,
): Promise<number> {
  const follow = run.flag("follow");
  const wait = follow || run.flag("wait");
  const timeoutMs = timeoutOf(run);
  const { clock } = run.io.client;
  const untilMs = clock.nowMs() + (timeoutMs ?? Number.POSITIVE_INFINITY);
  const patience = { deadlineMs: WAIT_DEADLINE_MS, endMs: untilMs + LAST_ANSWER_MS };
  const client = await run.connect(wait ? patience : {});
  const accepted = await submit(client);
  if (!wait) {
    run.io.out(run.json ? toJson(accepted) : `${accepted.request}\n`);
    return EXIT.ok;
  }
  const id = accepted.request;
  const told = tellPauses(run, id);
  if (follow) {
    const shown = progressView(run.io);
    const onProgress = (progress: Progress): void => {
      shown.show(progress);
      told(progress);
    };
    const machine = run.io.client;
    await followRequest({ client, machine }, id, { untilMs, onProgress });
    shown.end();
  }
  const view = await waitForEnd({ client, clock }, id, { untilMs, onView: told });
  // The bound was on the waiting: a result takes as long as it takes.
  const reading = await run.connect({ deadlineMs: WAIT_DEADLINE_MS });
  await printRequest({ run, client: reading }, view, {
    fields: { duplicate: accepted.duplicate },
    text: "",
  });
  return view.state === "succeeded" ? EXIT.ok : EXIT.failed;
}

function timeoutOf(run: CommandRun): number | undefined {
  const text = run.text("timeout");
  if (text === undefined) return undefined;
  const ms = parseDuration(text);
  if (ms !== undefined) return ms;
  throw cliError(
    { code: "CLI_USAGE", command: "" },
    `--timeout: expected a number with a unit (ms, s, m or h), such as 90s, found ${text}`,
  );
}

/** Says once, each time that the request pauses, what a person can do. */
function tellPauses(run: CommandRun, id: string): (progress: Progress) => void {
  let paused = false;
  return ({ state }) => {
    if (state === "paused" && !paused) {
      run.io.err(`request ${id} is paused; jobx request resume ${id}\n`);
    }
    paused = state === "paused";
  };
}
