import { bytesText } from "../byte-progress.ts";
import { type Command, positional } from "../command.ts";
import { EXIT } from "../exit.ts";
import { printable, toJson } from "../output.ts";
import { sharedPath } from "../shared-path.ts";

/** `jobx fs snapshot WORKFLOW:/path` */
export const FS_SNAPSHOT: Command = {
  name: "fs snapshot",
  summary:
    "Keep a folder of a workflow's volume as it is now, under a name; read it as WORKFLOW@NAME:/PATH. No bytes are moved.",
  usage: "WORKFLOW:/PATH",
  positionals: { min: 1, max: 1 },
  options: {
    name: { kind: "text", value: "NAME", help: "Its name; the time unless told otherwise." },
  },
  examples: ["jobx fs snapshot text:/out --name before", "jobx fs ls text@before:/"],
  async run(run) {
    const { workflow, path } = sharedPath(positional(run, 0), "fs snapshot");
    const { snapshots } = await run.connect();
    const taken = await snapshots.take({ workflow, path, name: run.text("name") });
    const { name, cid, files, directories, links, bytes } = taken;
    const counts = `${files} files, ${directories} folders, ${links} links, ${bytesText(bytes)}`;
    const text = `${workflow}@${printable(name)}: ${counts}, ${cid}\n`;
    run.io.out(run.json ? toJson(taken) : text);
    return EXIT.ok;
  },
};
