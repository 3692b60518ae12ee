import type { Command } from "../command.ts";
import { EXIT } from "../exit.ts";
import { readablePath, VERSION_OPTION, versionOf } from "../shared-path.ts";

/** `jobx fs cat WORKFLOW:/path...` */
export const FS_CAT: Command = {
  name: "fs cat",
  summary: "Write files of workflows to the standard output, as they are.",
  usage: "WORKFLOW:/PATH...",
  positionals: { min: 1, max: 1000 },
  options: VERSION_OPTION,
  examples: ["jobx fs cat text:/out/f"],
  async run(run) {
    const paths = run.positionals.map((text) => readablePath(text, "fs cat"));
    const version = versionOf(run, "fs cat");
    const client = await run.connect();
    for (const at of paths) {
      const { content } = await client.files.read({ ...at, version });
      for await (const part of content) await run.io.bytes.write(part);
    }
    return EXIT.ok;
  },
};
