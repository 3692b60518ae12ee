import { WEIGHT_DEFAULT, WEIGHT_MAX } from "../../workflow/definition.ts";
import { type Command, countOption, positional } from "../command.ts";
import { EXIT } from "../exit.ts";
import { toJson } from "../output.ts";

/** `jobx workflow create WORKFLOW` */
export const WORKFLOW_CREATE: Command = {
  name: "workflow create",
  summary: "Make a workflow that has nothing in it yet.",
  usage: "WORKFLOW",
  positionals: { min: 1, max: 1 },
  options: {
    description: { kind: "text", value: "TEXT", help: "What it is for." },
    weight: {
      kind: "text",
      value: "N",
      help: `Its part of busy nodes against other workflows, 1 to ${WEIGHT_MAX} (${WEIGHT_DEFAULT}).`,
    },
    erasure: {
      kind: "text",
      value: "K+M",
      help: "Code its files, as 4+2, in place of copies.",
    },
    sealed: { kind: "flag", help: "Seal the blocks of its files with a key of its own." },
  },
  examples: [
    'jobx workflow create text --description "Counts words."',
    "jobx workflow create nightly --weight 5",
  ],
  async run(run) {
    const workflow = positional(run, 0);
    const description = run.text("description");
    const bounds = { min: 1, max: WEIGHT_MAX, otherwise: WEIGHT_DEFAULT };
    const weight = countOption(run, { name: "weight", ...bounds });
    const input = { workflow, weight, ...(description === undefined ? {} : { description }) };
    const client = await run.connect();
    const view = await client.createWorkflow(input);
    const erasure = run.text("erasure");
    const settings = {
      ...(run.flag("sealed") ? { sealed: true } : {}),
      ...(erasure === undefined ? {} : { erasure }),
    };
    if (Object.keys(settings).length > 0) await client.volumes.change({ workflow, ...settings });
    run.io.out(run.json ? toJson(view) : `${workflow} is made\n`);
    return EXIT.ok;
  },
};
