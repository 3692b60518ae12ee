import { type Command, positional } from "../command.ts";
import { REVISION_OPTION, revisionOption } from "../entities.ts";
import { EXIT } from "../exit.ts";
import { toJson } from "../output.ts";

/** `jobx handler delete WORKFLOW HANDLER` */
export const HANDLER_DELETE: Command = {
  name: "handler delete",
  summary: "Delete a handler that no step uses; requests that run keep it.",
  usage: "WORKFLOW HANDLER",
  positionals: { min: 2, max: 2 },
  options: REVISION_OPTION,
  examples: ["jobx handler delete text old_handler"],
  async run(run) {
    const name = positional(run, 1);
    const at = { workflow: positional(run, 0), plural: "handlers", name } as const;
    const revision = revisionOption(run);
    const answer = await (await run.connect()).deleteEntity({ ...at, revision });
    run.io.out(run.json ? toJson(answer) : `handler ${name} is deleted\n`);
    return EXIT.ok;
  },
};
