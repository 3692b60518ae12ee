/** A container engine: Docker's, or podman's service with the same interface. */
import type { EngineAddress } from "./engine-address.ts";
import { EngineContainers } from "./engine-containers.ts";
import { EngineHttp, refused } from "./engine-http.ts";
import { EngineImages } from "./engine-images.ts";
import { fieldsOf, parseAnswer, textOr } from "./fields.ts";

/** An engine that is there answers in milliseconds; a busy machine takes longer. */
const PING_MS = 5_000;

/** Which program answers. */
export interface EngineVersion {
  readonly kind: "docker" | "podman";
  readonly version: string;
}

export class Engine {
  readonly images: EngineImages;
  readonly containers: EngineContainers;
  readonly #http: EngineHttp;

  constructor(address: EngineAddress) {
    this.#http = new EngineHttp(address);
    this.images = new EngineImages(this.#http);
    this.containers = new EngineContainers(this.#http);
  }

  /** Where it is, for people. */
  get address(): string {
    return this.#http.addressText;
  }

  /**
   * Whether it answers, within five seconds.
   * @throws {JobxError} `CONTAINER_ENGINE_UNREACHABLE`, `CONTAINER_ENGINE_SILENT`, `CONTAINER_ENGINE_REFUSED`.
   */
  async ping(): Promise<void> {
    const answer = await this.#http.ask({ method: "GET", path: "/_ping", deadlineMs: PING_MS });
    if (answer.status !== 200) throw refused(answer);
  }

  /** @throws {JobxError} as `ping`, `CONTAINER_ENGINE_ANSWER_INVALID`. */
  async version(): Promise<EngineVersion> {
    const answer = await this.#http.ask({ method: "GET", path: "/version", deadlineMs: PING_MS });
    if (answer.status !== 200) throw refused(answer);
    const fields = fieldsOf(parseAnswer(answer.text));
    const components = JSON.stringify(fields["Components"] ?? []);
    const kind = components.includes("Podman") ? "podman" : "docker";
    return { kind, version: textOr(fields["Version"], "unknown") };
  }
}
