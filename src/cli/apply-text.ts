/** What an apply or a sync changed, as people read it. */
import type { ApplyReport } from "../api/ports.ts";

/** A line for each kind of change; what is unchanged is only counted. */
export function applyText(report: ApplyReport, dryRun: boolean): string {
  const { handlers, steps, jobs } = report;
  const changes = [
    report.created ? `+ workflow ${report.workflow}` : "",
    line("+ handler", handlers.added),
    line("~ handler", handlers.updated),
    line("- handler", handlers.removed),
    line("! kept without a file, a step uses it: handler", handlers.kept),
    line("~ step", steps.changed),
    line("~ job", jobs.changed),
  ].filter((text) => text !== "");
  const unchanged = handlers.unchanged.length + steps.unchanged.length + jobs.unchanged.length;
  const summary = dryRun ? "nothing was changed (dry run)" : `${report.workflow} is applied`;
  return `${[...changes, `${summary}, ${unchanged} unchanged`].join("\n")}\n`;
}

function line(title: string, names: readonly string[]): string {
  return names.map((name) => `${title} ${name}`).join("\n");
}
