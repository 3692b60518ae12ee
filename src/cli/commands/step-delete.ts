import { type Command, positional } from "../command.ts";
import { REVISION_OPTION, revisionOption } from "../entities.ts";
import { EXIT } from "../exit.ts";
import { toJson } from "../output.ts";

/** `jobx step delete WORKFLOW STEP` */
export const STEP_DELETE: Command = {
  name: "step delete",
  summary: "Delete a step that no job begins with; requests that run keep it.",
  usage: "WORKFLOW STEP",
  positionals: { min: 2, max: 2 },
  options: REVISION_OPTION,
  examples: ["jobx step delete text old_step"],
  async run(run) {
    const name = positional(run, 1);
    const at = { workflow: positional(run, 0), plural: "steps", name } as const;
    const revision = revisionOption(run);
    const answer = await (await run.connect()).deleteEntity({ ...at, revision });
    run.io.out(run.json ? toJson(answer) : `step ${name} is deleted\n`);
    return EXIT.ok;
  },
};
