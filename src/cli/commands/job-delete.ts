import { type Command, positional } from "../command.ts";
import { REVISION_OPTION, revisionOption } from "../entities.ts";
import { EXIT } from "../exit.ts";
import { toJson } from "../output.ts";

/** `jobx job delete WORKFLOW JOB` */
export const JOB_DELETE: Command = {
  name: "job delete",
  summary: "Delete a job that nobody submits any more; requests that run keep it.",
  usage: "WORKFLOW JOB",
  positionals: { min: 2, max: 2 },
  options: REVISION_OPTION,
  examples: ["jobx job delete text old_job"],
  async run(run) {
    const name = positional(run, 1);
    const at = { workflow: positional(run, 0), plural: "jobs", name } as const;
    const revision = revisionOption(run);
    const answer = await (await run.connect()).deleteEntity({ ...at, revision });
    run.io.out(run.json ? toJson(answer) : `job ${name} is deleted\n`);
    return EXIT.ok;
  },
};
