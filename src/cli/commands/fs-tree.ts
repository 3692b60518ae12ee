import { type Command, positional } from "../command.ts";
import { EXIT } from "../exit.ts";
import { printable } from "../output.ts";
import { readablePath } from "../shared-path.ts";
import { walkShared } from "../shared-walk.ts";

/** `jobx fs tree WORKFLOW:/path` */
export const FS_TREE: Command = {
  name: "fs tree",
  summary: "Show all that lies below a folder of a workflow's volume.",
  usage: "WORKFLOW:/PATH",
  positionals: { min: 1, max: 1 },
  options: {},
  examples: ["jobx fs tree text:/out"],
  async run(run) {
    const at = readablePath(positional(run, 0), "fs tree");
    const { files } = await run.connect();
    for await (const { kind, path, depth, entry } of walkShared(files, at)) {
      if (kind === "left") continue;
      const end = entry.type === "directory" ? "/" : "";
      const to = entry.target === null ? "" : ` -> ${entry.target}`;
      const line = `${"  ".repeat(depth)}${printable(`${entry.name}${end}${to}`)}\n`;
      await run.io.write(run.json ? `${JSON.stringify({ ...entry, path })}\n` : line);
    }
    return EXIT.ok;
  },
};
