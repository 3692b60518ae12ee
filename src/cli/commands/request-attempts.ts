import type { AttemptView, ExitView } from "../../api/attempt-view.ts";
import { ATTEMPTS_MAX } from "../../api/limits.ts";
import { type Command, positional } from "../command.ts";
import { EXIT } from "../exit.ts";
import { printable, toJson, toTable } from "../output.ts";
import { missingText } from "../request-text.ts";

const HEADINGS = [
  "INVOCATION",
  "PHASE",
  "STEP",
  "NODE",
  "GRANTED",
  "STARTED",
  "TOOK",
  "STATE",
  "WORKER",
  "OUTCOME",
];

/** `jobx request attempts ID` */
export const REQUEST_ATTEMPTS: Command = {
  name: "request attempts",
  summary:
    "List the attempts of a request: where and when each ran, and how it and its worker ended.",
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
  const { invocation, phase, step, nodeName, grantedAt, startedAt, endedAt, state, error } =
    attempt;
  const outcome = error === null ? (state === "done" ? "ok" : "") : printable(error.code);
  const place = [invocation, phase, step, nodeName, grantedAt, startedAt];
  return [...place, tookText(startedAt, endedAt), state, workerText(attempt.exit), outcome];
}

function tookText(startedAt: string, endedAt: string | null): string {
  if (endedAt === null) return "";
  return `${Date.parse(endedAt) - Date.parse(startedAt)} ms`;
}

/** Nothing for a worker that lived on. */
function workerText(exit: ExitView | null): string {
  if (exit === null) return "";
  return exit.signal === null ? `code ${exit.code}` : printable(exit.signal);
}
