import { bytesText } from "../byte-progress.ts";
import { type Command, positional } from "../command.ts";
import { cliError } from "../errors.ts";
import { EXIT } from "../exit.ts";
import { printable, toJson } from "../output.ts";
import { lastName, pathFor, readablePath, sharedPath } from "../shared-path.ts";

/** `jobx fs restore WORKFLOW@NAME:/path WORKFLOW:/path` */
export const FS_RESTORE: Command = {
  name: "fs restore",
  summary:
    "Bring a file or folder back out of a snapshot of the same workflow, seen whole or not at all. No bytes are moved.",
  usage: "WORKFLOW@NAME[:/PATH] WORKFLOW:/PATH",
  positionals: { min: 2, max: 2 },
  options: {
    replace: { kind: "flag", help: "In place of what is there, a folder with all below it too." },
  },
  examples: [
    "jobx fs restore text@before text:/back",
    "jobx fs restore text@before:/f text:/out/f",
    "jobx fs restore text@before text:/out --replace",
  ],
  async run(run) {
    const said = positional(run, 0);
    const from = readablePath(said.includes(":") ? said : `${said}:`, "fs restore");
    const to = pathFor(sharedPath(positional(run, 1), "fs restore"), lastName(from.path));
    const { workflow, snapshot } = from;
    if (snapshot === undefined || to.workflow !== workflow) {
      const message = "expected a snapshot and a path of one workflow, such as text@before text:/b";
      throw cliError({ code: "CLI_USAGE", command: "fs restore" }, message);
    }
    const { snapshots } = await run.connect();
    const replace = run.flag("replace");
    const answer = await snapshots.restore({
      ...{ workflow, snapshot, path: from.path, to: to.path, replace },
    });
    const { files, directories, links, bytes } = answer;
    const counts = `${files} files, ${directories} folders, ${links} links, ${bytesText(bytes)}`;
    const text = `${workflow}:${printable(answer.path)}: ${counts}\n`;
    run.io.out(run.json ? toJson(answer) : text);
    return EXIT.ok;
  },
};
