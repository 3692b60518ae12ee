/** Where the images of a workflow are in its volume. */

/** Everything about images is in it. */
export const IMAGES_FOLDER = ".images";

/** Names to ids; one small file each. */
export const IMAGE_NAMES_FOLDER = `${IMAGES_FOLDER}/names`;

/** The archive of an image: `id` is `sha256:` and 64 digits. */
export function imageFile(id: string): string {
  return `${IMAGES_FOLDER}/${id.replace(/^sha256:/, "")}.tar`;
}

/** What says which id a name has; without a tag it is `latest`. */
export function imageNameFile(image: string): string {
  const isTagged = image.lastIndexOf(":") > image.lastIndexOf("/");
  return `${IMAGE_NAMES_FOLDER}/${encodeURIComponent(isTagged ? image : `${image}:latest`)}`;
}
