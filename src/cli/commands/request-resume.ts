import { type Command, positional } from "../command.ts";
import { REVISION_OPTION, revisionOption } from "../entities.ts";
import { EXIT } from "../exit.ts";
import { toJson } from "../output.ts";

/** `jobx request resume ID` */
export const REQUEST_RESUME: Command = {
  name: "request resume",
  summary: "Continue a paused request: what failed is tried again.",
  usage: "ID",
  positionals: { min: 1, max: 1 },
  options: REVISION_OPTION,
  examples: ["jobx request resume ID"],
  async run(run) {
    const revision = revisionOption(run);
    const view = await (await run.connect()).resume(positional(run, 0), { revision });
    run.io.out(run.json ? toJson(view) : `${view.request} is ${view.state}\n`);
    return EXIT.ok;
  },
};
