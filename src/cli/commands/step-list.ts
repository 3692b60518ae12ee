import { type Command, positional } from "../command.ts";
import { EXIT } from "../exit.ts";
import { toJson, toTable } from "../output.ts";

/** `jobx step list WORKFLOW` */
export const STEP_LIST: Command = {
  name: "step list",
  summary: "List the steps of a workflow.",
  usage: "WORKFLOW",
  positionals: { min: 1, max: 1 },
  options: {},
  examples: ["jobx step list text"],
  async run(run) {
    const steps = await (await run.connect()).steps(positional(run, 0));
    const rows = steps.map((step) => [
      step.name,
      step.map,
      step.combine ?? "-",
      step.reduce,
      step.onFailure,
      step.description,
    ]);
    const headings = ["STEP", "MAP", "COMBINE", "REDUCE", "ON FAILURE", "DESCRIPTION"];
    run.io.out(run.json ? toJson(steps) : toTable(headings, rows, "no steps"));
    return EXIT.ok;
  },
};
