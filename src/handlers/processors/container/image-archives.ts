/** The images that a workflow has in its volume (`jobx image load`), as its containers' nodes load them. */
import { Readable } from "node:stream";
import type { ImageArchives } from "../../../containers/image-keeper.ts";
import { IMAGES_FOLDER, imageFile, imageNameFile } from "../../../wire/handler-metadata.ts";
import type { HandlerFiles } from "../javascript/javascript-volume.ts";

export function archivesIn(files: HandlerFiles): ImageArchives {
  return {
    async idOf(image) {
      const path = imageNameFile(image);
      if (!files.isOffered || !(await files.exists(IMAGES_FOLDER)) || !(await files.exists(path)))
        return undefined;
      return (await files.readText(path)).trim();
    },
    async open(id) {
      const path = imageFile(id);
      if (!files.isOffered || !(await files.exists(path))) return undefined;
      return Readable.fromWeb(await files.read(path));
    },
  };
}
