/** Images of a container engine. */
import type { Readable } from "node:stream";
import { type EngineHttp, reasonOf, refused } from "./engine-http.ts";
import { answerInvalid, ContainersError } from "./errors.ts";
import { fieldsOf, parseAnswer, textOr, textsOf } from "./fields.ts";
import { isImageId, parseImageName } from "./image-name.ts";
import { progressOf } from "./progress.ts";

/** Calls that only look. */
const LOOK_MS = 10_000;

/** An image that an engine has. */
export interface EngineImage {
  /** `sha256:` and the hash of its configuration: the same wherever the same archive was loaded. */
  readonly id: string;
  /** Names with tags. */
  readonly tags: readonly string[];
  /** Names with the digest by which a registry gave it. */
  readonly digests: readonly string[];
}

/** Who asks a registry. Never logged. */
export interface RegistryLogin {
  readonly username: string;
  readonly password: string;
}

/** How long a call may take that moves an image. */
export interface ImageCall {
  readonly deadlineMs: number;
  readonly signal?: AbortSignal | undefined;
  /** What the engine tells while it works: a line for people. Must not throw. */
  readonly onProgress?: ((line: string) => void) | undefined;
}

export class EngineImages {
  readonly #http: EngineHttp;

  constructor(http: EngineHttp) {
    this.#http = http;
  }

  /** An image by name or id; undefined when the engine has none. */
  async inspect(image: string): Promise<EngineImage | undefined> {
    const path = `/images/${pathOf(image)}/json`;
    const answer = await this.#http.ask({ method: "GET", path, deadlineMs: LOOK_MS });
    if (answer.status === 404) return undefined;
    if (answer.status !== 200) throw refused(answer);
    return imageOf(parseAnswer(answer.text));
  }

  /** All that have a name. */
  async list(): Promise<readonly EngineImage[]> {
    const answer = await this.#http.ask({
      method: "GET",
      path: "/images/json",
      deadlineMs: LOOK_MS,
    });
    if (answer.status !== 200) throw refused(answer);
    const images: unknown = parseAnswer(answer.text);
    if (!Array.isArray(images)) throw answerInvalid("images are no list");
    return images.map(imageOf);
  }

  /**
   * Fetches an image from its registry; without tag and digest `latest`.
   * @throws {JobxError} `CONTAINER_IMAGE_UNAVAILABLE` when the registry does not give it.
   */
  async pull(
    image: string,
    call: ImageCall & { readonly login?: RegistryLogin | undefined },
  ): Promise<void> {
    const { repository, tag = "latest", digest } = parseImageName(image);
    const { login, signal, deadlineMs } = call;
    const answer = await this.#http.open({
      method: "POST",
      path: "/images/create",
      query: { fromImage: repository, tag: digest ?? tag },
      headers: login === undefined ? {} : { "X-Registry-Auth": authorization(login) },
      ...{ deadlineMs, signal },
    });
    const said = await progressOf(answer.body, call.onProgress);
    if (answer.status !== 200) throw unavailable(image, reasonOf(said.text));
    // By then the status has been sent: what went wrong later is told in the stream.
    if (said.error !== undefined) throw unavailable(image, said.error);
  }

  /**
   * Takes an archive as `docker save` and `podman save` (docker-archive) make it. Resolves with the names or
   * ids that the engine says it has loaded.
   * @throws {JobxError} `CONTAINER_ENGINE_REFUSED` for what is no such archive.
   */
  async load(archive: Readable, call: ImageCall): Promise<readonly string[]> {
    const { signal, deadlineMs } = call;
    const answer = await this.#http.open({
      method: "POST",
      path: "/images/load",
      body: { kind: "stream", type: "application/x-tar", stream: archive },
      ...{ deadlineMs, signal },
    });
    const said = await progressOf(answer.body, call.onProgress);
    if (answer.status !== 200) throw refused({ status: answer.status, text: said.text });
    if (said.error !== undefined) throw refused({ status: answer.status, text: said.error });
    return [...said.text.matchAll(/Loaded image(?: ID)?: *([^\s"\\]+)/g)].flatMap(([, name = ""]) =>
      name.split(","),
    );
  }

  /** Makes an image of one layer out of a tar of its files, and names it. @throws {JobxError} as `load`. */
  async import(files: Readable, call: ImageCall & { readonly image: string }): Promise<void> {
    const { signal, deadlineMs } = call;
    const answer = await this.#http.open({
      method: "POST",
      path: "/images/create",
      query: { fromSrc: "-" },
      body: { kind: "stream", type: "application/x-tar", stream: files },
      ...{ deadlineMs, signal },
    });
    const said = await progressOf(answer.body, call.onProgress);
    if (answer.status !== 200) throw refused({ status: answer.status, text: said.text });
    if (said.error !== undefined) throw refused({ status: answer.status, text: said.error });
    // Named afterwards: podman does not take a name with the files.
    const [, hash] = /"(?:sha256:)?([0-9a-f]{64})"/.exec(said.text) ?? [];
    if (hash === undefined) throw answerInvalid("an import without id");
    await this.tag(`sha256:${hash}`, call.image);
  }

  /** An image as an archive, streamed. @throws {JobxError} `CONTAINER_ENGINE_REFUSED`. */
  async *save(image: string, call: ImageCall): AsyncGenerator<Uint8Array> {
    const { signal, deadlineMs } = call;
    const path = `/images/${pathOf(image)}/get`;
    const answer = await this.#http.open({ method: "GET", path, deadlineMs, signal });
    if (answer.status !== 200) {
      const { text } = await progressOf(answer.body, undefined);
      throw refused({ status: answer.status, text });
    }
    yield* answer.body;
  }

  /** Gives an image one more name. @throws {JobxError} `CONTAINER_ENGINE_REFUSED`. */
  async tag(image: string, name: string): Promise<void> {
    const { repository, tag = "latest" } = parseImageName(name);
    const answer = await this.#http.ask({
      method: "POST",
      path: `/images/${pathOf(image)}/tag`,
      query: { repo: repository, tag },
      deadlineMs: LOOK_MS,
    });
    if (answer.status !== 201) throw refused(answer);
  }

  /** Takes a name away, and the image with its last one. Nothing when there is none. */
  async remove(image: string, call: ImageCall): Promise<void> {
    const { signal, deadlineMs } = call;
    const path = `/images/${pathOf(image)}`;
    const answer = await this.#http.ask({ method: "DELETE", path, deadlineMs, signal });
    if (answer.status !== 200 && answer.status !== 404) throw refused(answer);
  }

  /** Sends an image to the registry that its name tells. @throws {JobxError} `CONTAINER_IMAGE_UNAVAILABLE`. */
  async push(
    image: string,
    call: ImageCall & { readonly login?: RegistryLogin | undefined },
  ): Promise<void> {
    const { repository, tag = "latest" } = parseImageName(image);
    const { login, signal, deadlineMs } = call;
    const answer = await this.#http.open({
      method: "POST",
      path: `/images/${pathOf(repository)}/push`,
      query: { tag },
      // Wanted even from who is nobody.
      headers: { "X-Registry-Auth": authorization(login ?? { username: "", password: "" }) },
      ...{ deadlineMs, signal },
    });
    const said = await progressOf(answer.body, call.onProgress);
    if (answer.status !== 200) throw unavailable(image, reasonOf(said.text));
    if (said.error !== undefined) throw unavailable(image, said.error);
  }
}

/** A name in a path: slashes stay, which both engines want. @throws {JobxError} `CONTAINER_IMAGE_INVALID`. */
function pathOf(image: string): string {
  if (!isImageId(image)) parseImageName(image);
  return image;
}

function authorization({ username, password }: RegistryLogin): string {
  // With the padding that podman wants.
  const text = Buffer.from(JSON.stringify({ username, password })).toString("base64");
  return text.replaceAll("+", "-").replaceAll("/", "_");
}

function unavailable(image: string, reason: string): ContainersError {
  return new ContainersError(
    { code: "CONTAINER_IMAGE_UNAVAILABLE", image, reason },
    `the image ${image} cannot be had: ${reason}`,
  );
}

function imageOf(value: unknown): EngineImage {
  const fields = fieldsOf(value);
  const id = textOr(fields["Id"], "");
  if (id === "") throw answerInvalid("an image without id");
  return {
    // Podman's lists have it without the name of the hash.
    id: id.startsWith("sha256:") ? id : `sha256:${id}`,
    tags: textsOf(fields["RepoTags"]),
    digests: textsOf(fields["RepoDigests"]),
  };
}
