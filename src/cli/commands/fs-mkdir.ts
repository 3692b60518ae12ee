import { type Command, positional } from "../command.ts";
import { EXIT } from "../exit.ts";
import { printable, toJson } from "../output.ts";
import { sharedPath } from "../shared-path.ts";

/** `jobx fs mkdir WORKFLOW:/path` */
export const FS_MKDIR: Command = {
  name: "fs mkdir",
  summary: "Make a folder in a workflow's volume.",
  usage: "WORKFLOW:/PATH",
  positionals: { min: 1, max: 1 },
  options: {
    parents: {
      kind: "flag",
      short: "p",
      help: "Also those on the way; one that is there is as good.",
    },
  },
  examples: ["jobx fs mkdir text:/out", "jobx fs mkdir -p text:/a/b/c"],
  async run(run) {
    const at = sharedPath(positional(run, 0), "fs mkdir");
    const { files } = await run.connect();
    const answer = await files.mkdir({ ...at, parents: run.flag("parents") });
    run.io.out(run.json ? toJson(answer) : `${at.workflow}:${printable(at.path)} is there\n`);
    return EXIT.ok;
  },
};
