/** Has images where containers need them, and says which one it is, for all nodes that run the same request. */
import { Readable } from "node:stream";
import type { Engine } from "./engine.ts";
import type { ImageCall, RegistryLogin } from "./engine-images.ts";
import { ContainersError } from "./errors.ts";
import { isImageId, parseImageName, registryOf } from "./image-name.ts";
import { untagged } from "./untagged-archive.ts";

/** Images that somebody has put where all nodes reach them, as archives. */
export interface ImageArchives {
  /** The id of the image that has this name there. */
  idOf(image: string): Promise<string | undefined>;
  /** The archive of an image. */
  open(id: string): Promise<Readable | undefined>;
}

export interface ImageKeeperOptions {
  readonly engine: Engine;
  readonly archives: ImageArchives;
  /** What the node has for a registry. */
  readonly login: (registry: string) => Promise<RegistryLogin | undefined>;
  readonly call: ImageCall;
}

/**
 * Finds out which image a name means, and has it: that of the archives, else the engine's own, else the
 * registry's. Resolves with a name that means the same one everywhere: by digest, or by id.
 * @throws {JobxError} `CONTAINER_IMAGE_UNAVAILABLE`, `CONTAINER_IMAGE_INVALID`, those of the engine.
 */
export async function pinImage(image: string, options: ImageKeeperOptions): Promise<string> {
  const isPinned = isImageId(image) || parseImageName(image).digest !== undefined;
  if (isPinned) {
    await ensureImage(image, options);
    return image;
  }
  const id = await options.archives.idOf(image);
  if (id !== undefined) {
    if (!isImageId(id)) throw unavailable(image, "what the workflow has under its name is no id");
    await ensureImage(id, options);
    return id;
  }
  const { images } = options.engine;
  if ((await images.inspect(image)) === undefined) await pull(image, options);
  const found = await images.inspect(image);
  if (found === undefined) throw unavailable(image, "the engine does not have what it has fetched");
  const { repository } = parseImageName(image);
  // Podman writes the registry before names that have none.
  const digests = found.digests.filter((one) => {
    const [name = ""] = one.split("@");
    return name === repository || name.endsWith(`/${repository}`);
  });
  return (await givenDigest(digests, options)) ?? found.id;
}

/**
 * Of some digests the one that the registry gives: podman tells one more for an image that it has packed
 * itself, which no other node could fetch.
 */
async function givenDigest(
  digests: readonly string[],
  options: ImageKeeperOptions,
): Promise<string | undefined> {
  if (digests.length < 2) return digests[0];
  for (const digest of digests) {
    try {
      await pull(digest, options);
      return digest;
    } catch (error) {
      const isKnown = error instanceof ContainersError;
      if (!isKnown || error.code !== "CONTAINER_IMAGE_UNAVAILABLE") throw error;
    }
  }
  return undefined;
}

/**
 * Has the engine have an image that `pinImage` has named.
 * @throws {JobxError} as `pinImage`.
 */
export async function ensureImage(pinned: string, options: ImageKeeperOptions): Promise<void> {
  const { engine, archives, call } = options;
  if ((await engine.images.inspect(pinned)) !== undefined) return;
  if (!isImageId(pinned)) return pull(pinned, options);
  const archive = await archives.open(pinned);
  if (archive === undefined) {
    const reason = "it has no digest of a registry, and no archive of it is in the workflow";
    throw unavailable(pinned, reason);
  }
  call.onProgress?.("loading the image's archive");
  // Of an id nothing but its image: its names would be taken from the machine's other images.
  await engine.images.load(Readable.from(untagged(archive), { objectMode: false }), call);
  if ((await engine.images.inspect(pinned)) === undefined) {
    throw unavailable(pinned, "its archive is that of another image");
  }
}

async function pull(image: string, options: ImageKeeperOptions): Promise<void> {
  const { engine, call } = options;
  const login = await options.login(registryOf(parseImageName(image)));
  call.onProgress?.("fetching the image");
  await engine.images.pull(image, { ...call, login });
}

function unavailable(image: string, reason: string): ContainersError {
  return new ContainersError(
    { code: "CONTAINER_IMAGE_UNAVAILABLE", image, reason },
    `the image ${image} cannot be had: ${reason}`,
  );
}
