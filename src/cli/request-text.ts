/** A request, as people read it. */
import type { AttemptView, RequestView } from "../api/ports.ts";
import { printable, printableLines, toTable } from "./output.ts";

/** Pairs of a result that are shown; the rest is in `--json`. */
const PAIRS_SHOWN = 50;

/** States in which nothing more happens. */
export function hasEnded(view: RequestView): boolean {
  return view.state === "succeeded" || view.state === "failed" || view.state === "cancelled";
}

/** The whole of a request: state, steps, error, result. */
export function requestText(view: RequestView): string {
  const lines = [
    `request    ${view.request}`,
    `job        ${view.workflow} ${view.job}`,
    `state      ${view.state}`,
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
  return `${lines.join("\n")}\n\n${steps}${errorText(view)}${resultText(view)}`;
}

/** Attempts counted by node and state. */
export function attemptsText(attempts: readonly AttemptView[], truncated: boolean): string {
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
  return `\n${table}${truncated ? "(only the first of many attempts)\n" : ""}`;
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

function resultText({ result }: RequestView): string {
  if (result === null) return "";
  const rows = result.pairs
    .slice(0, PAIRS_SHOWN)
    .map(([key, value]) => [
      typeof key === "string" ? key : JSON.stringify(key),
      JSON.stringify(value),
    ]);
  const more = result.pairs.length - rows.length;
  const rest = more > 0 ? `(and ${more} more pairs; --json has all)\n` : "";
  return `\n${toTable(["KEY", "VALUE"], rows, "the result has no pairs")}${rest}`;
}
