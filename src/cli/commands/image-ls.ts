import { type Command, positional } from "../command.ts";
import { EXIT } from "../exit.ts";
import { namedImages } from "../image-archive.ts";
import { printable, toJson } from "../output.ts";

/** `jobx image ls WORKFLOW` */
export const IMAGE_LS: Command = {
  name: "image ls",
  summary: "List the container images in a workflow's volume.",
  usage: "WORKFLOW",
  positionals: { min: 1, max: 1 },
  options: {},
  examples: ["jobx image ls text"],
  async run(run) {
    const { files } = await run.connect();
    const images = await namedImages(files, positional(run, 0));
    const lines = images.map(({ name, id }) => `${printable(name)} ${id}\n`).join("");
    run.io.out(run.json ? toJson({ images }) : lines);
    return EXIT.ok;
  },
};
