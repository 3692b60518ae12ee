import type { AttemptView } from "../../api/attempt-view.ts";
import { ATTEMPTS_MAX } from "../../api/limits.ts";
import { type Command, positional } from "../command.ts";
import { EXIT } from "../exit.ts";
import { printable, toJson, toTable } from "../output.ts";
import { missingText } from "../request-text.ts";

const HEADINGS = ["INVOCATION", "PHASE", "STEP", "NODE", "STARTED", "TOOK", "STATE", "EXIT"];

/** `jobx request attempts ID` */
export const REQUEST_ATTEMPTS: Command = {
  name: "request attempts",
  summary: "List the attempts of a request: where and when each ran, and how it ended.",
  usage: "ID",
  positionals: { min: 1, max: 1 },
  options: {},
  examples: ["jobx request attempts ID", "jobx request attempts ID --json"],
  async run(run) {
    const client = await run.connect();
    const id = positional(run, 0);
    const list = await client.attempts(id, { limit: ATTEMPTS_MAX });
    const { attempts } = list;
    const table = toTable(HEADINGS, attempts.map(rowOf), "no attempts yet");
    const isLive = attempts.some(({ live }) => live !== null);
    const hint = isLive ? `(what those that run print: jobx logs ${id} -f)\n` : "";
    run.io.out(run.json ? toJson(list) : table + missingText(list) + hint);
    return EXIT.ok;
  },
};

function rowOf(attempt: AttemptView): readonly string[] {
  const { invocation, phase, step, nodeName, startedAt, endedAt, state, error } = attempt;
  const took = endedAt === null ? "" : `${Date.parse(endedAt) - Date.parse(startedAt)} ms`;
  const exit = error === null ? (state === "done" ? "ok" : "") : printable(error.code);
  return [invocation, phase, step, nodeName, startedAt, took, state, exit];
}
