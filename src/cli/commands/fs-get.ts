import { stat } from "node:fs/promises";
import { join } from "node:path";
import { bytesText, shownBytes } from "../byte-progress.ts";
import { type Command, positional } from "../command.ts";
import { EXIT } from "../exit.ts";
import { writeLocal } from "../local-files.ts";
import { toJson } from "../output.ts";
import { lastName, sharedPath } from "../shared-path.ts";

/** `jobx fs get WORKFLOW:/path [LOCAL]` */
export const FS_GET: Command = {
  name: "fs get",
  summary:
    "Get a file of a workflow's volume; into the present folder under its own name unless told otherwise, - is the standard output.",
  usage: "WORKFLOW:/PATH [LOCAL]",
  positionals: { min: 1, max: 2 },
  options: {},
  examples: ["jobx fs get text:/out/f", "jobx fs get text:/out/f - | wc"],
  async run(run) {
    const at = sharedPath(positional(run, 0), "fs get");
    const said = run.positionals[1] ?? ".";
    const { bytes, content } = await (await run.connect()).files.read(at);
    const shown = shownBytes(content, { io: run.io, total: bytes });
    if (said === "-") {
      for await (const part of shown) await run.io.bytes.write(part);
      return EXIT.ok;
    }
    const isFolder = await stat(said).then(
      (found) => found.isDirectory(),
      () => false,
    );
    const local = isFolder ? join(said, lastName(at.path)) : said;
    await writeLocal(local, shown);
    const answer = { ...at, local, bytes };
    run.io.out(run.json ? toJson(answer) : `${local}: ${bytesText(bytes)}\n`);
    return EXIT.ok;
  },
};
