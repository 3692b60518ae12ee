/** A request, as people read it. */
import type { AttemptList, ExitView } from "../api/attempt-view.ts";
import type { RequestView } from "../api/ports.ts";
import { printable, printableLines, toTable } from "./output.ts";

/** The first pairs of a result. */
export interface ResultStart {
  readonly pairs: readonly (readonly [unknown, unknown])[];
  /** Whether there are further ones. */
  readonly more: boolean;
}

/** States in which nothing more happens. */
export function hasEnded(view: RequestView): boolean {
  return view.state === "succeeded" || view.state === "failed" || view.state === "cancelled";
}

/** A request: state, steps, error, and the first pairs of its result if it has one. */
export function requestText(view: RequestView, result: ResultStart | undefined): string {
  const lines = [
    `request    ${view.request}`,
    `job        ${view.workflow} ${view.job}`,
    `state      ${view.state}`,
    `revision   ${view.revision}`,
    `submitted  ${view.submittedAt}`,
    ...(view.endedAt === null ? [] : [`ended      ${view.endedAt}`]),
    ...(view.keptAs === null ? [] : [`kept as    ${view.workflow}:${view.keptAs}`]),
    ...(view.retryOf === null ? [] : [`retry of   ${view.retryOf}`]),
    ...view.warnings.map((warning) => `warning    ${printable(warning)}`),
  ];
  const steps = toTable(
    ["STEP", "TOTAL", "DONE", "FAILED"],
    Object.entries(view.steps).map(([name, count]) => [
      name,
      String(count.total),
      String(count.done),
      String(count.failed),
    ]),
    "no steps yet",
  );
  return `${lines.join("\n")}\n\n${steps}${errorText(view)}${resultText(result)}`;
}

/** Attempts counted by node and state. */
export function attemptsText(list: AttemptList): string {
  const { attempts } = list;
  const counts = new Map<string, Map<string, number>>();
  for (const { nodeName, state } of attempts) {
    const node = counts.get(nodeName) ?? new Map<string, number>();
    node.set(state, (node.get(state) ?? 0) + 1);
    counts.set(nodeName, node);
  }
  const states = ["running", "done", "failed", "lost", "released"] as const;
  const rows = [...counts].map(([node, byState]) => [
    node,
    ...states.map((state) => String(byState.get(state) ?? 0)),
  ]);
  const table = toTable(["NODE", ...states.map((s) => s.toUpperCase())], rows, "no attempts yet");
  return `\n${table}${missingText(list)}`;
}

/** Which attempts a list does not have, each in a line of its own. */
export function missingText({ truncated, forgotten }: AttemptList): string {
  return (
    (truncated ? "(only the first of many attempts)\n" : "") +
    (forgotten > 0 ? `(${forgottenText(forgotten)})\n` : "")
  );
}

/** How a worker's process ended, as the end of a sentence. */
export function endingText({ code, signal }: ExitView): string {
  return signal === null ? `with code ${code}` : `by signal ${printable(signal)}`;
}

/** Says that so many bad ends are not kept. */
export function forgottenText(forgotten: number): string {
  return forgotten === 1
    ? "1 older attempt that did not end well is not kept any more"
    : `${forgotten} older attempts that did not end well are not kept any more`;
}

function errorText({ error }: RequestView): string {
  if (error === null) return "";
  const where = error.invocation === null ? "" : ` (invocation ${error.invocation})`;
  const parts = [
    `${error.code}: ${printableLines(error.message)}${where}`,
    error.traceback,
    error.stdout === "" ? "" : `stdout:\n${error.stdout}`,
    error.stderr === "" ? "" : `stderr:\n${error.stderr}`,
  ];
  const shown = parts.filter((part) => part !== "").map((part) => printableLines(part).trimEnd());
  return `\n${shown.join("\n")}\n`;
}

function resultText(result: ResultStart | undefined): string {
  if (result === undefined) return "";
  const rows = result.pairs.map(([key, value]) => [
    typeof key === "string" ? key : JSON.stringify(key),
    JSON.stringify(value),
  ]);
  const rest = result.more ? "(and more pairs; --json has all)\n" : "";
  return `\n${toTable(["KEY", "VALUE"], rows, "the result has no pairs")}${rest}`;
}
