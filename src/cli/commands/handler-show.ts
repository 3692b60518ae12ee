import { type Command, positional } from "../command.ts";
import { EXIT } from "../exit.ts";
import { fieldsText, toJson } from "../output.ts";

/** `jobx handler show WORKFLOW HANDLER` */
export const HANDLER_SHOW: Command = {
  name: "handler show",
  summary: "Show a handler with its source and its revision.",
  usage: "WORKFLOW HANDLER",
  positionals: { min: 2, max: 2 },
  options: {},
  examples: ["jobx handler show text count_words"],
  async run(run) {
    const view = await (await run.connect()).handler(positional(run, 0), positional(run, 1));
    const { source, ...about } = view;
    run.io.out(run.json ? toJson(view) : `${fieldsText(about)}\n${source.trimEnd()}\n`);
    return EXIT.ok;
  },
};
