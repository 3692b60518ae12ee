import { basename } from "node:path";
import { sentBody } from "../../api/sent-body.ts";
import { bytesText, shownBytes } from "../byte-progress.ts";
import { type Command, type CommandRun, positional } from "../command.ts";
import { EXIT } from "../exit.ts";
import { archiveOfLocal, checkFolder } from "../local-archive.ts";
import { localFile } from "../local-files.ts";
import { printable, toJson } from "../output.ts";
import { pathFor, sharedPath } from "../shared-path.ts";

/** `jobx fs put LOCAL WORKFLOW:/path` */
export const FS_PUT: Command = {
  name: "fs put",
  summary:
    "Put a file into a workflow's volume; - is the standard input. A path that ends with / is a folder.",
  usage: "LOCAL WORKFLOW:/PATH",
  positionals: { min: 2, max: 2 },
  options: {
    parents: { kind: "flag", short: "p", help: "Make the folders that are missing." },
    recursive: {
      kind: "flag",
      short: "r",
      help: "LOCAL is a folder: what is in it goes below PATH.",
    },
    atomic: { kind: "flag", help: "With -r: nothing is seen before all of it is there." },
  },
  examples: [
    "jobx fs put -r ./corpus text:/in",
    "jobx fs put ./f text:/in/f",
    "tar c . | jobx fs put - text:/in/all.tar -p",
  ],
  async run(run) {
    if (run.flag("recursive")) return putFolder(run);
    const local = positional(run, 0);
    const wanted = sharedPath(positional(run, 1), "fs put");
    const at = local === "-" ? wanted : pathFor(wanted, basename(local));
    const isInput = local === "-";
    const file = isInput
      ? { content: run.io.bytes.input(), bytes: undefined, mode: undefined }
      : await localFile(local);
    const client = await run.connect();
    const shown = shownBytes(file.content, { io: run.io, total: file.bytes });
    const put = await client.files.put(
      { ...at, parents: run.flag("parents"), mode: file.mode?.toString(8) },
      sentBody(shown),
    );
    const { path, bytes, copies, copiesWanted } = put;
    const short = copies < copiesWanted ? `, ${copiesWanted} wanted` : "";
    const text = `${at.workflow}:${printable(path)}: ${bytesText(bytes)} on ${copies} nodes${short}\n`;
    run.io.out(run.json ? toJson(put) : text);
    return EXIT.ok;
  },
};

async function putFolder(run: CommandRun): Promise<number> {
  const local = positional(run, 0);
  const at = sharedPath(positional(run, 1), "fs put");
  await checkFolder(local);
  const files = (await run.connect()).files;
  const skipped = (path: string): void =>
    run.io.err(`${printable(path)}: skipped, no file, folder or link\n`);
  const shown = shownBytes(archiveOfLocal(local, skipped), { io: run.io, total: undefined });
  const archive = sentBody(shown);
  const put = await files.putTree({ ...at, atomic: run.flag("atomic") }, archive);
  const { path, bytes, copies, copiesWanted } = put;
  const short = copies < copiesWanted ? `, ${copiesWanted} wanted` : "";
  const counts = `${put.files} files, ${put.directories} folders, ${put.links} links`;
  const text = `${at.workflow}:${printable(path)}: ${counts}, ${bytesText(bytes)} on ${copies} nodes${short}\n`;
  run.io.out(run.json ? toJson(put) : text);
  return EXIT.ok;
}
