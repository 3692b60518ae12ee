import { sentBody } from "../../api/sent-body.ts";
import { bytesText, shownBytes } from "../byte-progress.ts";
import { type Command, positional } from "../command.ts";
import { cliError } from "../errors.ts";
import { EXIT } from "../exit.ts";
import { localFile } from "../local-files.ts";
import { printable, toJson } from "../output.ts";
import { sharedPath } from "../shared-path.ts";

/** `jobx fs import --car FILE WORKFLOW:/path` */
export const FS_IMPORT: Command = {
  name: "fs import",
  summary:
    "Put the file or folder of a content archive into a workflow's volume; it is seen whole or not at all.",
  usage: "--car FILE WORKFLOW:/PATH",
  positionals: { min: 1, max: 1 },
  options: {
    car: { kind: "text", value: "FILE", help: "The archive; - is the standard input." },
  },
  examples: ["jobx fs import --car out.car text:/in/out"],
  async run(run) {
    const at = sharedPath(positional(run, 0), "fs import");
    const local = run.text("car");
    if (local === undefined) {
      throw cliError({ code: "CLI_USAGE", command: "fs import" }, "say --car FILE, or --car -");
    }
    const file =
      local === "-" ? { content: run.io.bytes.input(), bytes: undefined } : await localFile(local);
    const { volumes } = await run.connect();
    const shown = shownBytes(file.content, { io: run.io, total: file.bytes });
    const archive = sentBody(shown);
    const put = await volumes.importCar(at, archive);
    const { path, files, directories, links, bytes, copies, copiesWanted, cid } = put;
    const counts = `${files} files, ${directories} folders, ${links} links, ${bytesText(bytes)}`;
    const short = copies < copiesWanted ? `, ${copiesWanted} wanted` : "";
    const text = `${at.workflow}:${printable(path)}: ${counts} on ${copies} nodes${short}, ${cid ?? ""}\n`;
    run.io.out(run.json ? toJson(put) : text);
    return EXIT.ok;
  },
};
