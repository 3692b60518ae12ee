import { type Command, positional } from "../command.ts";
import { EXIT } from "../exit.ts";
import { toJson, toTable } from "../output.ts";

/** `jobx job list WORKFLOW` */
export const JOB_LIST: Command = {
  name: "job list",
  summary: "List the jobs of a workflow.",
  usage: "WORKFLOW",
  positionals: { min: 1, max: 1 },
  options: {},
  examples: ["jobx job list text"],
  async run(run) {
    const jobs = await (await run.connect()).jobs(positional(run, 0));
    const rows = jobs.map(({ name, step, description }) => [name, step, description]);
    run.io.out(run.json ? toJson(jobs) : toTable(["JOB", "STEP", "DESCRIPTION"], rows, "no jobs"));
    return EXIT.ok;
  },
};
