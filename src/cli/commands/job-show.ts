import { type Command, positional } from "../command.ts";
import { EXIT } from "../exit.ts";
import { fieldsText, toJson } from "../output.ts";

/** `jobx job show WORKFLOW JOB` */
export const JOB_SHOW: Command = {
  name: "job show",
  summary: "Show a job and its revision.",
  usage: "WORKFLOW JOB",
  positionals: { min: 2, max: 2 },
  options: {},
  examples: ["jobx job show text wordcount"],
  async run(run) {
    const view = await (await run.connect()).job(positional(run, 0), positional(run, 1));
    run.io.out(run.json ? toJson(view) : fieldsText(view));
    return EXIT.ok;
  },
};
