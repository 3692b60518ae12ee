import { type Command, positional } from "../command.ts";
import { EXIT } from "../exit.ts";
import { toJson } from "../output.ts";

/** `jobx workflow key export WORKFLOW` */
export const WORKFLOW_KEY_EXPORT: Command = {
  name: "workflow key export",
  summary: "Print the key of a sealed volume. Who has it can read all its blocks: keep it safe.",
  usage: "WORKFLOW",
  positionals: { min: 1, max: 1 },
  options: {},
  examples: ["jobx workflow key export text > text.key"],
  async run(run) {
    const { volumes } = await run.connect();
    const view = await volumes.exportKey(positional(run, 0));
    run.io.out(run.json ? toJson(view) : `${view.key}\n`);
    return EXIT.ok;
  },
};
