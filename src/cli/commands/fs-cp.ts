import { sentBody } from "../../api/sent-body.ts";
import { bytesText, shownBytes } from "../byte-progress.ts";
import { type Command, type CommandRun, positional } from "../command.ts";
import { EXIT } from "../exit.ts";
import { printable, toJson } from "../output.ts";
import { lastName, pathFor, type SharedPath, sharedPath } from "../shared-path.ts";

/** `jobx fs cp WORKFLOW:/from WORKFLOW:/to` */
export const FS_CP: Command = {
  name: "fs cp",
  summary:
    "Copy a file, or with -r a folder; within a workflow without moving its bytes, to another one through this machine. A path that ends with / is a folder.",
  usage: "WORKFLOW:/FROM WORKFLOW:/TO",
  positionals: { min: 2, max: 2 },
  options: {
    recursive: {
      kind: "flag",
      short: "r",
      help: "A folder with all that lies under it; seen whole or not at all.",
    },
    exclusive: {
      kind: "flag",
      short: "n",
      help: "Replace no file; only within a workflow.",
    },
    parents: { kind: "flag", short: "p", help: "Make the folders that are missing." },
  },
  examples: ["jobx fs cp text:/in/f text:/in/g", "jobx fs cp -r text:/out text:/kept/"],
  async run(run) {
    const from = sharedPath(positional(run, 0), "fs cp");
    const to = pathFor(sharedPath(positional(run, 1), "fs cp"), lastName(from.path));
    if (from.workflow !== to.workflow) return copyAcross(run, from, to);
    const { volumes } = await run.connect();
    const { workflow } = from;
    const answer = await volumes.copy({
      ...{ workflow, from: from.path, to: to.path },
      recursive: run.flag("recursive"),
      exclusive: run.flag("exclusive"),
      parents: run.flag("parents"),
    });
    const { files, directories, links, bytes } = answer;
    const counts = `${files} files, ${directories} folders, ${links} links, ${bytesText(bytes)}`;
    const text = `${workflow}:${printable(answer.path)}: ${counts}\n`;
    run.io.out(run.json ? toJson(answer) : text);
    return EXIT.ok;
  },
};

async function copyAcross(run: CommandRun, from: SharedPath, to: SharedPath): Promise<number> {
  const { files } = await run.connect();
  if (run.flag("recursive")) {
    const archive = shownBytes(await files.readTree(from), { io: run.io, total: undefined });
    const put = await files.putTree({ ...to, atomic: true }, sentBody(archive));
    const counts = `${put.files} files, ${put.directories} folders, ${put.links} links`;
    const text = `${to.workflow}:${printable(put.path)}: ${counts}, ${bytesText(put.bytes)}\n`;
    run.io.out(run.json ? toJson(put) : text);
    return EXIT.ok;
  }
  const { mode } = await files.stat({ ...from, follow: true });
  const { bytes, content } = await files.read(from);
  const shown = shownBytes(content, { io: run.io, total: bytes });
  const how = { parents: run.flag("parents"), mode: mode.toString(8) };
  const put = await files.put({ ...to, ...how }, sentBody(shown));
  const text = `${to.workflow}:${printable(put.path)}: ${bytesText(put.bytes)}\n`;
  run.io.out(run.json ? toJson(put) : text);
  return EXIT.ok;
}
