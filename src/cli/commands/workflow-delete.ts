import { type Command, positional } from "../command.ts";
import { EXIT } from "../exit.ts";
import { toJson } from "../output.ts";

/** `jobx workflow delete WORKFLOW` */
export const WORKFLOW_DELETE: Command = {
  name: "workflow delete",
  summary: "Delete a workflow with its handlers, requests and results.",
  usage: "WORKFLOW",
  positionals: { min: 1, max: 1 },
  options: {},
  examples: ["jobx workflow delete text"],
  async run(run) {
    const workflow = positional(run, 0);
    const answer = await (await run.connect()).deleteWorkflow(workflow);
    run.io.out(run.json ? toJson(answer) : `${workflow} is deleted\n`);
    return EXIT.ok;
  },
};
