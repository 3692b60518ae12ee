import { type Command, STALE_OPTION } from "../command.ts";
import { EXIT } from "../exit.ts";
import { toJson, toTable } from "../output.ts";

/** `jobx workflow list` */
export const WORKFLOW_LIST: Command = {
  name: "workflow list",
  summary: "List the workflows of the cluster.",
  usage: "",
  positionals: { min: 0, max: 0 },
  options: STALE_OPTION,
  examples: ["jobx workflow list"],
  async run(run) {
    const workflows = await (await run.connect({ stale: run.flag("stale") })).workflows();
    const rows = workflows.map(({ workflow, state, weight, description }) => [
      workflow,
      state,
      String(weight),
      description,
    ]);
    run.io.out(
      run.json
        ? toJson(workflows)
        : toTable(["WORKFLOW", "STATE", "WEIGHT", "DESCRIPTION"], rows, "no workflows"),
    );
    return EXIT.ok;
  },
};
