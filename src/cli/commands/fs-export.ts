import { bytesText, shownBytes } from "../byte-progress.ts";
import { type Command, positional } from "../command.ts";
import { cliError } from "../errors.ts";
import { EXIT } from "../exit.ts";
import { writeLocal } from "../local-files.ts";
import { toJson } from "../output.ts";
import { readablePath } from "../shared-path.ts";

/** `jobx fs export WORKFLOW:/path --car FILE` */
export const FS_EXPORT: Command = {
  name: "fs export",
  summary:
    "Write a file or folder of a workflow's volume as a content archive that any IPFS implementation reads.",
  usage: "WORKFLOW:/PATH --car FILE",
  positionals: { min: 1, max: 1 },
  options: {
    car: { kind: "text", value: "FILE", help: "Where it is written; - is the standard output." },
  },
  examples: ["jobx fs export text:/out --car out.car"],
  async run(run) {
    const at = readablePath(positional(run, 0), "fs export");
    const local = run.text("car");
    if (local === undefined) {
      throw cliError({ code: "CLI_USAGE", command: "fs export" }, "say --car FILE, or --car -");
    }
    const { cid, archive } = await (await run.connect()).volumes.openCar(at);
    let bytes = 0;
    const counted = async function* (): AsyncGenerator<Uint8Array, void, undefined> {
      for await (const part of shownBytes(archive, { io: run.io, total: undefined })) {
        bytes += part.length;
        yield part;
      }
    };
    if (local === "-") {
      for await (const part of counted()) await run.io.bytes.write(part);
      return EXIT.ok;
    }
    await writeLocal(local, counted());
    run.io.out(
      run.json ? toJson({ ...at, local, cid, bytes }) : `${local}: ${bytesText(bytes)}, ${cid}\n`,
    );
    return EXIT.ok;
  },
};
