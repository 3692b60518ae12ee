import { type Command, positional } from "../command.ts";
import { REVISION_OPTION, revisionOption } from "../entities.ts";
import { EXIT } from "../exit.ts";
import { toJson } from "../output.ts";

/** `jobx request cancel ID` */
export const REQUEST_CANCEL: Command = {
  name: "request cancel",
  summary: "Cancel a request; what runs is stopped.",
  usage: "ID",
  positionals: { min: 1, max: 1 },
  options: REVISION_OPTION,
  examples: ["jobx request cancel ID"],
  async run(run) {
    const revision = revisionOption(run);
    const view = await (await run.connect()).cancel(positional(run, 0), { revision });
    run.io.out(run.json ? toJson(view) : `${view.request} is ${view.state}\n`);
    return EXIT.ok;
  },
};
