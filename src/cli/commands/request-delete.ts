import { type Command, positional } from "../command.ts";
import { REVISION_OPTION, revisionOption } from "../entities.ts";
import { EXIT } from "../exit.ts";
import { toJson } from "../output.ts";

/** `jobx request delete ID` */
export const REQUEST_DELETE: Command = {
  name: "request delete",
  summary: "Delete a request that has ended, by its id or as WORKFLOW:NAME.",
  usage: "ID",
  positionals: { min: 1, max: 1 },
  options: REVISION_OPTION,
  examples: ["jobx request delete ID", "jobx request delete text:nightly"],
  async run(run) {
    const revision = revisionOption(run);
    const answer = await (await run.connect()).deleteRequest(positional(run, 0), { revision });
    run.io.out(run.json ? toJson(answer) : `${answer.request} is deleted\n`);
    return EXIT.ok;
  },
};
