import { applyText } from "../apply-text.ts";
import { type Command, positional } from "../command.ts";
import { EXIT } from "../exit.ts";
import { readHandlers } from "../files.ts";
import { toJson } from "../output.ts";

/** `jobx handler sync WORKFLOW DIR` */
export const HANDLER_SYNC: Command = {
  name: "handler sync",
  summary: "Make the handlers of a workflow those of a folder.",
  usage: "WORKFLOW DIR",
  positionals: { min: 2, max: 2 },
  options: {
    "dry-run": { kind: "flag", help: "Check and show what would change; change nothing." },
    force: { kind: "flag", help: "Write handlers again that have not changed." },
  },
  examples: ["jobx handler sync text ./handlers", "jobx handler sync text ./handlers --dry-run"],
  async run(run) {
    const workflow = positional(run, 0);
    const handlers = await readHandlers(positional(run, 1));
    const client = await run.connect();
    // Applying would create a workflow that is only a misspelt name.
    await client.workflow(workflow);
    const dryRun = run.flag("dry-run");
    const report = await client.apply(workflow, { handlers }, { dryRun, force: run.flag("force") });
    run.io.out(run.json ? toJson({ ...report, dryRun }) : applyText(report, dryRun));
    return EXIT.ok;
  },
};
