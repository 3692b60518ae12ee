/** What an apply or a sync changed, as people read it. */
import type { ApplyReport, DefinitionDifference } from "../api/ports.ts";
import { printable } from "./output.ts";

/** A line for each change, with what differs; what is unchanged is only counted. */
export function applyText(report: ApplyReport, dryRun: boolean): string {
  const { handlers, steps, jobs } = report;
  const kept = handlers.kept.map((name) => `! handler ${name} has no file; a step uses it`);
  const lines = [...report.differences.flatMap(differenceLines), ...forced(report), ...kept];
  const unchanged = handlers.unchanged.length + steps.unchanged.length + jobs.unchanged.length;
  const summary = dryRun ? "nothing was changed (dry run)" : `${report.workflow} is applied`;
  return `${[...lines, `${summary}, ${unchanged} unchanged`].join("\n")}\n`;
}

const MARKS = { added: "+", changed: "~", removed: "-" } as const;

function differenceLines(difference: DefinitionDifference): readonly string[] {
  const { entity, name, change, fields } = difference;
  const details = Object.entries(fields).map(
    ([field, { before, after }]) =>
      `    ${field}: ${shown(field, before)} -> ${shown(field, after)}`,
  );
  return [`${MARKS[change]} ${entity} ${name}`, ...details];
}

/** Fields that are left to others when they are absent: `none` would read as zero. */
const LEFT_TO_OTHERS: readonly string[] = ["retries", "timeoutMs"];

function shown(field: string, value: string | number | null): string {
  if (value === null) return LEFT_TO_OTHERS.includes(field) ? "not said" : "none";
  // Versions are hashes: their beginnings tell them apart.
  const text = String(value);
  return /^[0-9a-f]{64}$/u.test(text) ? text.slice(0, 12) : printable(JSON.stringify(value));
}

/** Handlers that are the same and are written again all the same. */
function forced({ handlers, differences }: ApplyReport): readonly string[] {
  const told = new Set(differences.flatMap((one) => (one.entity === "handler" ? [one.name] : [])));
  return handlers.updated
    .filter((name) => !told.has(name))
    .map((name) => `~ handler ${name} (forced)`);
}
