import { type Command, positional } from "../command.ts";
import { EXIT } from "../exit.ts";
import { toJson, toTable } from "../output.ts";

/** `jobx handler list WORKFLOW` */
export const HANDLER_LIST: Command = {
  name: "handler list",
  summary: "List the handlers of a workflow with their versions.",
  usage: "WORKFLOW",
  positionals: { min: 1, max: 1 },
  options: {},
  examples: ["jobx handler list text"],
  async run(run) {
    const { handlers } = await (await run.connect()).workflow(positional(run, 0));
    const rows = handlers.map((handler) => [
      handler.name,
      handler.type,
      handler.language,
      handler.requiredCapability,
      handler.version.slice(0, 12),
      handler.description,
    ]);
    const headings = ["NAME", "TYPE", "LANGUAGE", "CAPABILITY", "VERSION", "DESCRIPTION"];
    run.io.out(run.json ? toJson(handlers) : toTable(headings, rows, "no handlers"));
    return EXIT.ok;
  },
};
