import { type Command, positional } from "../command.ts";
import { EXIT } from "../exit.ts";
import { printable, toJson } from "../output.ts";
import { sharedPath } from "../shared-path.ts";

/** `jobx fs rm WORKFLOW:/path` */
export const FS_RM: Command = {
  name: "fs rm",
  summary: "Remove a file, link or empty folder of a workflow's volume.",
  usage: "WORKFLOW:/PATH",
  positionals: { min: 1, max: 1 },
  options: {
    recursive: { kind: "flag", short: "r", help: "A folder with all that lies under it, at once." },
  },
  examples: ["jobx fs rm text:/in/f", "jobx fs rm -r text:/out"],
  async run(run) {
    const at = sharedPath(positional(run, 0), "fs rm");
    const { files } = await run.connect();
    const answer = await files.remove({ ...at, recursive: run.flag("recursive") });
    run.io.out(run.json ? toJson(answer) : `${at.workflow}:${printable(at.path)} is removed\n`);
    return EXIT.ok;
  },
};
