import { type Command, positional } from "../command.ts";
import { EXIT } from "../exit.ts";
import { toJson } from "../output.ts";

/** `jobx secret rm WORKFLOW NAME` */
export const SECRET_RM: Command = {
  name: "secret rm",
  summary: "Remove a secret of a workflow: handlers that name it fail from now on.",
  usage: "WORKFLOW NAME",
  positionals: { min: 2, max: 2 },
  options: {},
  examples: ["jobx secret rm text api_key"],
  async run(run) {
    const at = { workflow: positional(run, 0), name: positional(run, 1) };
    const answer = await (await run.connect()).secrets.remove(at);
    run.io.out(run.json ? toJson(answer) : `${answer.name} is removed\n`);
    return EXIT.ok;
  },
};
