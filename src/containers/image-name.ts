/** How images are named: `[REGISTRY/]NAME[:TAG][@DIGEST]`, as engines and registries take it. */
import { ContainersError } from "./errors.ts";

/** A name in its parts. */
export interface ImageName {
  /** With the registry's host, if there is one. */
  readonly repository: string;
  readonly tag: string | undefined;
  /** `sha256:` and 64 hexadecimal digits. */
  readonly digest: string | undefined;
}

/** Characters: what registries allow, with room for host and digest. */
const IMAGE_NAME_LENGTH_MAX = 512;

/** Host and path in small letters, as the distribution's grammar has it; a host may have capitals and a port. */
const REPOSITORY =
  /^(?:[A-Za-z0-9.-]+(?::\d{1,5})?\/)?[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*)*$/;
const TAG = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/;
const DIGEST = /^sha256:[0-9a-f]{64}$/;

/** @throws {JobxError} `CONTAINER_IMAGE_INVALID`. */
export function parseImageName(image: string): ImageName {
  const [rest = "", digest, ...more] = image.split("@");
  // A colon behind the last slash begins the tag; one before it is of the registry's port.
  const colon = rest.indexOf(":", rest.lastIndexOf("/") + 1);
  const repository = colon < 0 ? rest : rest.slice(0, colon);
  const tag = colon < 0 ? undefined : rest.slice(colon + 1);
  const fits =
    image.length <= IMAGE_NAME_LENGTH_MAX &&
    more.length === 0 &&
    REPOSITORY.test(repository) &&
    (tag === undefined || TAG.test(tag)) &&
    (digest === undefined || DIGEST.test(digest));
  if (!fits) {
    throw new ContainersError(
      { code: "CONTAINER_IMAGE_INVALID", image: image.slice(0, IMAGE_NAME_LENGTH_MAX) },
      `an image is named [REGISTRY/]NAME[:TAG][@sha256:DIGEST], not ${JSON.stringify(image.slice(0, 100))}`,
    );
  }
  return { repository, tag, digest };
}

/** Whether it is the name of an image as engines make it for one alone: `sha256:` and its id. */
export function isImageId(image: string): boolean {
  return DIGEST.test(image);
}

/** The host of the registry that has the image. */
export function registryOf({ repository }: ImageName): string {
  const [first = "", ...path] = repository.split("/");
  const isHost = path.length > 0 && (/[.:]/.test(first) || first === "localhost");
  return isHost ? first : "docker.io";
}
