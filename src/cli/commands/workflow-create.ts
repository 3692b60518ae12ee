import { type Command, positional } from "../command.ts";
import { EXIT } from "../exit.ts";
import { toJson } from "../output.ts";

/** `jobx workflow create WORKFLOW` */
export const WORKFLOW_CREATE: Command = {
  name: "workflow create",
  summary: "Make a workflow that has nothing in it yet.",
  usage: "WORKFLOW",
  positionals: { min: 1, max: 1 },
  options: { description: { kind: "text", value: "TEXT", help: "What it is for." } },
  examples: ['jobx workflow create text --description "Counts words."'],
  async run(run) {
    const workflow = positional(run, 0);
    const description = run.text("description");
    const input = description === undefined ? { workflow } : { workflow, description };
    const view = await (await run.connect()).createWorkflow(input);
    run.io.out(run.json ? toJson(view) : `${workflow} is made\n`);
    return EXIT.ok;
  },
};
