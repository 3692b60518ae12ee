import type { WorkflowView } from "../../api/ports.ts";
import { type Command, positional } from "../command.ts";
import { EXIT } from "../exit.ts";
import { printable, toJson, toTable } from "../output.ts";

/** `jobx workflow show WORKFLOW` */
export const WORKFLOW_SHOW: Command = {
  name: "workflow show",
  summary: "Show a workflow: scheduler, replicas, steps, jobs.",
  usage: "WORKFLOW",
  positionals: { min: 1, max: 1 },
  options: {},
  examples: ["jobx workflow show text", "jobx workflow show text --json"],
  async run(run) {
    const view = await (await run.connect()).workflow(positional(run, 0));
    run.io.out(run.json ? toJson(view) : workflowText(view));
    return EXIT.ok;
  },
};

function workflowText(view: WorkflowView): string {
  const scheduler =
    view.scheduler === null ? "none at the moment" : (view.schedulerName ?? view.scheduler);
  const head = [
    `workflow   ${view.workflow} (${view.state})`,
    ...(view.description === "" ? [] : [`           ${printable(view.description)}`]),
    `weight     ${view.weight}`,
    `scheduler  ${scheduler}, term ${view.term}`,
    `replicas   ${view.replicas.map(({ name, role }) => `${name} (${role})`).join(", ")}`,
  ];
  const steps = Object.entries(view.steps).map(([name, step]) => [
    name,
    step.map,
    step.combine ?? "-",
    step.reduce,
    String(step.partitions),
    String(step.retries),
    `${step.timeoutMs / 1000}s`,
    step.onFailure,
  ]);
  const jobs = Object.entries(view.jobs).map(([name, job]) => [name, job.step, job.description]);
  const stepHeadings = [
    "STEP",
    "MAP",
    "COMBINE",
    "REDUCE",
    "PARTITIONS",
    "RETRIES",
    "TIMEOUT",
    "ON FAILURE",
  ];
  return [
    `${head.join("\n")}\n`,
    toTable(stepHeadings, steps, "no steps"),
    toTable(["JOB", "STEP", "DESCRIPTION"], jobs, "no jobs"),
  ].join("\n");
}
