/** Archives of images as `docker save` and `podman save` (docker-archive) make them, and where they are in a volume. */
import type { FileClient } from "../api/file-client.ts";
import { NAMES_MAX } from "../api/limits.ts";
import { readTar } from "../api/tar/tar-reader.ts";
import { isJobxError } from "../std/errors.ts";
import { IMAGE_NAMES_FOLDER } from "../workflow/image-paths.ts";
import { cliError } from "./errors.ts";
import { localFile } from "./local-files.ts";

/** An image in an archive. */
export interface ArchivedImage {
  /** `sha256:` and the hash of its configuration. */
  readonly id: string;
  readonly names: readonly string[];
}

/** Bytes of what an archive says about itself. */
const MANIFEST_BYTES_MAX = 1 << 20;

/**
 * What an archive says about itself.
 * @throws {JobxError} `CLI_FILE_UNREADABLE`, `CLI_IMAGE_INVALID` for what is none, or has several images.
 */
export async function archivedImage(path: string): Promise<ArchivedImage> {
  const { content } = await localFile(path);
  let text = "";
  try {
    for await (const entry of readTar(content)) {
      if (entry.kind !== "file" || entry.path !== "manifest.json") continue;
      const chunks: Uint8Array[] = [];
      let bytes = 0;
      for await (const chunk of entry.content) {
        bytes += chunk.length;
        if (bytes <= MANIFEST_BYTES_MAX) chunks.push(chunk);
      }
      text = Buffer.concat(chunks).toString("utf8");
    }
  } catch (cause) {
    if (isJobxError(cause) && cause.code === "CLI_FILE_UNREADABLE") throw cause;
    throw invalid(path, "it is no tar archive (a compressed one is to be unpacked first)", cause);
  }
  if (text === "") throw invalid(path, "it has no manifest.json: make it with `docker save`");
  return imageOf(path, text);
}

function imageOf(path: string, text: string): ArchivedImage {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw invalid(path, "its manifest.json is no JSON", cause);
  }
  const images: readonly unknown[] = Array.isArray(value) ? value : [];
  const [image, ...others] = images;
  if (image === undefined || others.length > 0) throw invalid(path, "it is not of one image");
  const fields: Readonly<Record<string, unknown>> =
    typeof image === "object" && image !== null ? { ...image } : {};
  const [, hash] = /([0-9a-f]{64})(?:\.json)?$/.exec(String(fields["Config"])) ?? [];
  if (hash === undefined) throw invalid(path, "its manifest.json names no configuration");
  const tags = fields["RepoTags"];
  const names = Array.isArray(tags) ? tags.filter((tag) => typeof tag === "string") : [];
  return { id: `sha256:${hash}`, names };
}

function invalid(path: string, reason: string, cause?: unknown): Error {
  return cliError(
    { code: "CLI_IMAGE_INVALID", path },
    `${path} is no archive of an image: ${reason}`,
    cause === undefined ? {} : { cause },
  );
}

/** A name under which a workflow has an image. */
export interface NamedImage {
  readonly name: string;
  readonly id: string;
}

/** All names of images of a workflow. */
export async function namedImages(
  files: FileClient,
  workflow: string,
): Promise<readonly NamedImage[]> {
  const found: NamedImage[] = [];
  let after: string | undefined;
  do {
    const at = { workflow, path: `/${IMAGE_NAMES_FOLDER}`, limit: NAMES_MAX, after };
    const page = await files.list(at).catch((error: unknown) => {
      if (isJobxError(error) && error.code === "FS_NOT_FOUND") return { entries: [], next: null };
      throw error;
    });
    for (const { name } of page.entries) {
      const { content } = await files.read({ workflow, path: `/${IMAGE_NAMES_FOLDER}/${name}` });
      const chunks: Uint8Array[] = [];
      for await (const chunk of content) chunks.push(chunk);
      const id = Buffer.concat(chunks).toString("utf8").trim();
      found.push({ name: decodeURIComponent(name), id });
    }
    after = page.next ?? undefined;
  } while (after !== undefined);
  return found;
}
