import { type Command, positional, STALE_OPTION } from "../command.ts";
import { EXIT } from "../exit.ts";
import { printable, toJson } from "../output.ts";

/** `jobx why ID` */
export const WHY: Command = {
  name: "why",
  summary: "Say in one sentence why a request is where it is.",
  usage: "ID",
  positionals: { min: 1, max: 1 },
  options: STALE_OPTION,
  examples: ["jobx why ID"],
  async run(run) {
    const view = await (await run.connect({ stale: run.flag("stale") })).why(positional(run, 0));
    run.io.out(run.json ? toJson(view) : `${printable(view.why)}\n`);
    return EXIT.ok;
  },
};
