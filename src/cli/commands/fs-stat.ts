import { type Command, positional } from "../command.ts";
import { EXIT } from "../exit.ts";
import { fieldsText, toJson } from "../output.ts";
import { readablePath } from "../shared-path.ts";

/** `jobx fs stat WORKFLOW:/path` */
export const FS_STAT: Command = {
  name: "fs stat",
  summary: "Show what a path of a workflow's volume is: size, content id, times, revision.",
  usage: "WORKFLOW:/PATH",
  positionals: { min: 1, max: 1 },
  options: { follow: { kind: "flag", help: "What a symbolic link leads to." } },
  examples: ["jobx fs stat text:/in/f", "jobx fs stat text:/in/f --json"],
  async run(run) {
    const at = readablePath(positional(run, 0), "fs stat");
    const found = await (await run.connect()).files.stat({ ...at, follow: run.flag("follow") });
    const shown = { ...found, mode: found.mode.toString(8).padStart(4, "0") };
    run.io.out(run.json ? toJson(found) : fieldsText(shown));
    return EXIT.ok;
  },
};
