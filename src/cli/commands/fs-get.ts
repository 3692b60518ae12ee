import { stat } from "node:fs/promises";
import { join } from "node:path";
import { bytesText, shownBytes } from "../byte-progress.ts";
import { type Command, type CommandRun, positional } from "../command.ts";
import { EXIT } from "../exit.ts";
import { writeLocal } from "../local-files.ts";
import { unpackLocal } from "../local-unpack.ts";
import { toJson } from "../output.ts";
import {
  lastName,
  type ReadablePath,
  readablePath,
  VERSION_OPTION,
  versionOf,
} from "../shared-path.ts";

/** `jobx fs get WORKFLOW:/path [LOCAL]` */
export const FS_GET: Command = {
  name: "fs get",
  summary:
    "Get a file of a workflow's volume; into the present folder under its own name unless told otherwise, - is the standard output.",
  usage: "WORKFLOW:/PATH [LOCAL]",
  positionals: { min: 1, max: 2 },
  options: {
    ...VERSION_OPTION,
    recursive: {
      kind: "flag",
      short: "r",
      help: "A folder with all below it, into the folder LOCAL.",
    },
  },
  examples: [
    "jobx fs get -r text:/out ./out",
    "jobx fs get text:/out/f",
    "jobx fs get text:/out/f - | wc",
  ],
  async run(run) {
    const at = readablePath(positional(run, 0), "fs get");
    const said = run.positionals[1] ?? ".";
    if (run.flag("recursive")) return getFolder(run, at, said);
    const version = versionOf(run, "fs get");
    const { bytes, content } = await (await run.connect()).files.read({ ...at, version });
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

async function getFolder(run: CommandRun, at: ReadablePath, local: string): Promise<number> {
  const archive = await (await run.connect()).files.readTree(at);
  const shown = shownBytes(archive, { io: run.io, total: undefined });
  const counts = await unpackLocal(local, shown);
  const { files, directories, links, bytes } = counts;
  const text = `${local}: ${files} files, ${directories} folders, ${links} links, ${bytesText(bytes)}\n`;
  run.io.out(run.json ? toJson({ ...at, local, ...counts }) : text);
  return EXIT.ok;
}
