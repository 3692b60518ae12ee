import { bytesText } from "../byte-progress.ts";
import { type Command, positional } from "../command.ts";
import { cliError } from "../errors.ts";
import { EXIT } from "../exit.ts";
import { printable, toJson } from "../output.ts";
import {
  lastName,
  pathFor,
  readablePath,
  sharedPath,
  VERSION_OPTION,
  versionOf,
} from "../shared-path.ts";

/** `jobx fs restore WORKFLOW@NAME:/path WORKFLOW:/path` */
export const FS_RESTORE: Command = {
  name: "fs restore",
  summary:
    "Bring a file or folder back out of a snapshot, or a file to what it was before, seen whole or not at all. No bytes are moved.",
  usage: "WORKFLOW@NAME[:/PATH] WORKFLOW:/PATH | WORKFLOW:/PATH --version N [WORKFLOW:/PATH]",
  positionals: { min: 1, max: 2 },
  options: {
    ...VERSION_OPTION,
    replace: { kind: "flag", help: "In place of what is there, a folder with all below it too." },
  },
  examples: [
    "jobx fs restore text@before text:/back",
    "jobx fs restore text@before:/f text:/out/f",
    "jobx fs restore text@before text:/out --replace",
    "jobx fs restore text:/out/f --version 57",
  ],
  async run(run) {
    const said = positional(run, 0);
    const from = readablePath(said.includes(":") ? said : `${said}:`, "fs restore");
    const version = versionOf(run, "fs restore");
    const target = run.positionals[1] ?? (version === undefined ? undefined : said);
    const { workflow, snapshot, path } = from;
    const to = pathFor(sharedPath(target ?? "", "fs restore"), lastName(path));
    if ((snapshot === undefined) === (version === undefined) || to.workflow !== workflow) {
      const message =
        "expected a snapshot or --version, and a path of the same workflow, such as text@before text:/b";
      throw cliError({ code: "CLI_USAGE", command: "fs restore" }, message);
    }
    const { snapshots } = await run.connect();
    const at = { workflow, path, to: to.path };
    const replace = run.flag("replace");
    const answer =
      version === undefined
        ? await snapshots.restore({ ...at, snapshot: snapshot ?? "", replace })
        : await snapshots.restoreVersion({ ...at, version });
    const { files, directories, links, bytes } = answer;
    const counts = `${files} files, ${directories} folders, ${links} links, ${bytesText(bytes)}`;
    const text = `${workflow}:${printable(answer.path)}: ${counts}\n`;
    run.io.out(run.json ? toJson(answer) : text);
    return EXIT.ok;
  },
};
