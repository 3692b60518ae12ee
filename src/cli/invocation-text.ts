/** An invocation, as people read it. */
import type { DatasetView, InvocationView } from "../api/invocation-view.ts";
import { printable, printableLines, toTable } from "./output.ts";

/** All of it: what it is, its input and output, why it failed. */
export function invocationText(view: InvocationView): string {
  const { part } = view;
  const handlers = view.handlers.map(({ type, name, version }) => `${type} ${name} ${version}`);
  const lines = [
    `invocation  ${view.invocation}`,
    `step        ${view.step}, ${view.phase}${part === null ? "" : ` of part ${part}`}`,
    ...handlers.map((handler) => `handler     ${printable(handler)}`),
    `state       ${view.state}`,
    ...(view.parent === null ? [] : [`parent      ${view.parent}`]),
    ...(view.children === 0 ? [] : [`children    ${view.children}`]),
    `attempts    ${view.attempts ?? "not known"}`,
    ...(view.nodeName === null ? [] : [`node        ${view.nodeName}`]),
    ...(view.createdAt === null ? [] : [`created     ${view.createdAt}`]),
    ...(view.grantedAt === null ? [] : [`granted     ${view.grantedAt}`]),
    ...(view.startedAt === null ? [] : [`started     ${view.startedAt}`]),
    ...(view.endedAt === null ? [] : [`ended       ${view.endedAt}`]),
    ...(view.key === null ? [] : [`key         ${printable(view.key)}`]),
  ];
  const data = datasetText("input", view.input) + datasetText("output", view.output);
  return `${lines.join("\n")}\n${data}${errorText(view)}`;
}

function datasetText(name: string, data: DatasetView | null): string {
  if (data === null) return "";
  const size = data.bytes === null ? "" : `, ${data.bytes} bytes`;
  const pieces = data.pieces.map(({ stored, pairs, first, bytes, hash, holders }) => {
    const where = holders.length === 0 ? "" : ` at ${holders.join(", ")}`;
    return `  ${stored}: ${pairs} pairs from ${first}, ${bytes} bytes, ${hash}${where}\n`;
  });
  const more = data.truncated ? "  (and further pieces)\n" : "";
  return `\n${name}: ${data.pairs} pairs${size}\n${pieces.map(printableLines).join("")}${more}${pairsText(data)}`;
}

function pairsText({ content }: DatasetView): string {
  if (content === null) return "";
  const rows = content.map((pair) => pair.map((one) => JSON.stringify(one)));
  return toTable(["KEY", "VALUE"], rows, "no pairs");
}

function errorText({ error }: InvocationView): string {
  if (error === null) return "";
  const parts = [
    `${error.code}: ${error.message}`,
    error.traceback,
    error.stdout === "" ? "" : `stdout:\n${error.stdout}`,
    error.stderr === "" ? "" : `stderr:\n${error.stderr}`,
  ];
  const shown = parts.filter((part) => part !== "").map((part) => printableLines(part).trimEnd());
  return `\n${shown.join("\n")}\n`;
}
