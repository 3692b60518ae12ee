import { type Command, positional } from "../command.ts";
import { cliError } from "../errors.ts";
import { EXIT } from "../exit.ts";
import { printable, toJson } from "../output.ts";
import { lastName, pathFor, sharedPath } from "../shared-path.ts";

/** `jobx fs mv WORKFLOW:/from WORKFLOW:/to` */
export const FS_MV: Command = {
  name: "fs mv",
  summary:
    "Move a file or folder within a workflow's volume, in one step. A path that ends with / is a folder.",
  usage: "WORKFLOW:/FROM WORKFLOW:/TO",
  positionals: { min: 2, max: 2 },
  options: { exclusive: { kind: "flag", short: "n", help: "Replace nothing." } },
  examples: ["jobx fs mv text:/out/f text:/done/f", "jobx fs mv text:/out/f text:/done/"],
  async run(run) {
    const from = sharedPath(positional(run, 0), "fs mv");
    const to = pathFor(sharedPath(positional(run, 1), "fs mv"), lastName(from.path));
    if (from.workflow !== to.workflow) {
      const message = "both paths are of one workflow; copy with fs get and fs put instead";
      throw cliError({ code: "CLI_USAGE", command: "fs mv" }, message);
    }
    const { files } = await run.connect();
    const { workflow } = from;
    const move = { workflow, from: from.path, to: to.path, exclusive: run.flag("exclusive") };
    const answer = await files.rename(move);
    run.io.out(run.json ? toJson(answer) : `${workflow}:${printable(to.path)} is there\n`);
    return EXIT.ok;
  },
};
