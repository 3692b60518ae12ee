import { sentBody } from "../../api/sent-body.ts";
import { imageFile, imageNameFile } from "../../workflow/image-paths.ts";
import { bytesText, shownBytes } from "../byte-progress.ts";
import { type Command, positional } from "../command.ts";
import { cliError } from "../errors.ts";
import { EXIT } from "../exit.ts";
import { archivedImage } from "../image-archive.ts";
import { localFile } from "../local-files.ts";
import { printable, toJson } from "../output.ts";

/** `jobx image load WORKFLOW FILE` */
export const IMAGE_LOAD: Command = {
  name: "image load",
  summary: "Put a container image into a workflow's volume, from where its nodes load it.",
  usage: "WORKFLOW FILE",
  positionals: { min: 2, max: 2 },
  options: {
    as: { kind: "text", value: "NAME", help: "Under this name; else under those in the archive." },
  },
  examples: ["docker save tools:1 > tools.tar; jobx image load text tools.tar"],
  async run(run) {
    const workflow = positional(run, 0);
    const path = positional(run, 1);
    const { id, names: found } = await archivedImage(path);
    const as = run.text("as");
    const names = as === undefined ? found : [as];
    if (names.length === 0) {
      const message = "the archive names no image: say --as NAME";
      throw cliError({ code: "CLI_USAGE", command: "image load" }, message);
    }
    const { files } = await run.connect();
    const { content, bytes } = await localFile(path);
    const shown = shownBytes(content, { io: run.io, total: bytes });
    const at = { workflow, path: `/${imageFile(id)}`, parents: true };
    await files.put(at, sentBody(shown));
    // Names come last: whoever finds one finds the image.
    for (const name of names) {
      const text = Buffer.from(`${id}\n`);
      const body = sentBody(
        (async function* () {
          yield text;
        })(),
      );
      await files.put({ workflow, path: `/${imageNameFile(name)}`, parents: true }, body);
    }
    const line = `${names.map(printable).join(", ")}: ${id}, ${bytesText(bytes)}\n`;
    run.io.out(run.json ? toJson({ workflow, id, names, bytes }) : line);
    return EXIT.ok;
  },
};
