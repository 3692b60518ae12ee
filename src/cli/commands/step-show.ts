import { type Command, positional } from "../command.ts";
import { EXIT } from "../exit.ts";
import { fieldsText, toJson } from "../output.ts";

/** `jobx step show WORKFLOW STEP` */
export const STEP_SHOW: Command = {
  name: "step show",
  summary: "Show a step and its revision.",
  usage: "WORKFLOW STEP",
  positionals: { min: 2, max: 2 },
  options: {},
  examples: ["jobx step show text words"],
  async run(run) {
    const view = await (await run.connect()).step(positional(run, 0), positional(run, 1));
    run.io.out(run.json ? toJson(view) : fieldsText(view));
    return EXIT.ok;
  },
};
