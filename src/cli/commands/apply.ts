import { dirname, resolve } from "node:path";
import { isMapping } from "../../api/values.ts";
import type { ApplyBody } from "../../api/workflow-routes.ts";
import { parseWorkflow } from "../../workflow/document.ts";
import { applyText } from "../apply-text.ts";
import { type Command, positional } from "../command.ts";
import { EXIT } from "../exit.ts";
import { readHandlers, readYaml } from "../files.ts";
import { toJson } from "../output.ts";

/** `jobx apply FILE` */
export const APPLY: Command = {
  name: "apply",
  summary: "Create or change a workflow as its YAML file says.",
  usage: "FILE",
  positionals: { min: 1, max: 1 },
  options: {
    "dry-run": { kind: "flag", help: "Check and show what would change; change nothing." },
    force: { kind: "flag", help: "Write handlers again that have not changed." },
  },
  examples: ["jobx apply text.yaml", "jobx apply text.yaml --dry-run"],
  async run(run) {
    const path = positional(run, 0);
    const value = await readYaml(path);
    const document = parseWorkflow(value);
    // The node reads steps and jobs with the same parser, so they are sent as they were written.
    const written = isMapping(value) ? value : {};
    const body: ApplyBody = {
      ...(document.description === undefined ? {} : { description: document.description }),
      ...(document.steps === undefined ? {} : { steps: written["steps"] }),
      ...(document.jobs === undefined ? {} : { jobs: written["jobs"] }),
      ...(document.retention === undefined ? {} : { retention: written["retention"] }),
      ...(document.weight === undefined ? {} : { weight: document.weight }),
      ...(document.handlers === undefined
        ? {}
        : { handlers: await readHandlers(resolve(dirname(path), document.handlers)) }),
    };
    const client = await run.connect();
    const dryRun = run.flag("dry-run");
    const report = await client.apply(document.workflow, body, {
      dryRun,
      force: run.flag("force"),
    });
    run.io.out(run.json ? toJson({ ...report, dryRun }) : applyText(report, dryRun));
    return EXIT.ok;
  },
};
