import { imageFile, imageNameFile } from "../../workflow/image-paths.ts";
import { type Command, positional } from "../command.ts";
import { cliError } from "../errors.ts";
import { EXIT } from "../exit.ts";
import { namedImages } from "../image-archive.ts";
import { printable, toJson } from "../output.ts";

/** `jobx image rm WORKFLOW NAME` */
export const IMAGE_RM: Command = {
  name: "image rm",
  summary:
    "Remove a container image from a workflow's volume; the archive goes with its last name.",
  usage: "WORKFLOW NAME",
  positionals: { min: 2, max: 2 },
  options: {},
  examples: ["jobx image rm text tools:1"],
  async run(run) {
    const workflow = positional(run, 0);
    const name = positional(run, 1);
    const { files } = await run.connect();
    const images = await namedImages(files, workflow);
    const file = imageNameFile(name);
    const found = images.find((one) => imageNameFile(one.name) === file);
    if (found === undefined) {
      const message = `${workflow} has no image named ${printable(name)}`;
      throw cliError({ code: "CLI_IMAGE_UNKNOWN", image: name }, message);
    }
    await files.remove({ workflow, path: `/${file}`, recursive: false });
    const isLast = images.every((one) => one.id !== found.id || one.name === found.name);
    if (isLast) await files.remove({ workflow, path: `/${imageFile(found.id)}`, recursive: false });
    run.io.out(run.json ? toJson(found) : `${printable(found.name)} is removed\n`);
    return EXIT.ok;
  },
};
