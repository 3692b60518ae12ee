/** Whole volumes, for programs. */
import { queryOf, workflowPath } from "./client-paths.ts";
import { type ClientFileAt, type ClientReadAt, wholeContent } from "./file-client.ts";
import { PROCESSING_HEADER } from "./processing-header.ts";
import { type Call, keep, readJson, type Transport } from "./transport.ts";
import type {
  CarImportAnswer,
  OpenCar,
  VolumeCopy,
  VolumeCopyAnswer,
  VolumeKeyView,
  VolumeSettings,
  VolumeView,
} from "./volume-port.ts";

/** The longest that one copy may take: folders of millions of files. */
export const COPY_MS_MAX = 24 * 3_600_000;

/** A node looks for what is copied before it begins. */
const STEP_WORK_MS = 60_000;

/** All methods reject as those of `JobxClient`. */
export class VolumeClient {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** Sent once, to a node that has just answered. */
  async copy({ workflow, ...body }: VolumeCopy): Promise<VolumeCopyAnswer> {
    await this.show(workflow);
    const path = urlOf(workflow, "copy");
    const headers = { "jobx-deadline-ms": String(STEP_WORK_MS), [PROCESSING_HEADER]: "yes" };
    const call = { method: "POST", path, body, headers, repeat: "when-not-accepted" } as const;
    return this.#once(call);
  }

  async #once<Answer>(call: Call): Promise<Answer> {
    const outcome = await this.#transport.attempt(call, COPY_MS_MAX, readJson<Answer>());
    if (outcome.kind === "answer") return outcome.answer;
    throw outcome.error;
  }

  /** The stream fails where the archive breaks off. */
  async openCar({ workflow, path, snapshot }: ClientReadAt): Promise<OpenCar> {
    const response = await this.#transport.call(
      {
        ...{ method: "GET", path: urlOf(workflow, "car", { path, snapshot }), repeat: "always" },
        workMs: STEP_WORK_MS,
      },
      { stream: true, read: keep },
    );
    const of = { bytes: undefined, url: this.#transport.url, path };
    const cid = (response.headers.get("etag") ?? "").replaceAll('"', "");
    return { cid, archive: wholeContent(response, of) };
  }

  /** Sent once, to a node that has just answered. */
  async importCar(
    { workflow, path }: ClientFileAt,
    archive: ReadableStream<Uint8Array>,
  ): Promise<CarImportAnswer> {
    await this.show(workflow);
    const headers = { "jobx-deadline-ms": String(STEP_WORK_MS) };
    const what = { path: urlOf(workflow, "car", { path }), content: archive, headers };
    return this.#once({ method: "PUT", ...what, repeat: "when-not-accepted" });
  }

  show(workflow: string): Promise<VolumeView> {
    return this.#transport.call({
      ...{ method: "GET", path: urlOf(workflow, "volume"), repeat: "always" },
    });
  }

  /** Settings that are not said stay. */
  change({
    workflow,
    ...body
  }: {
    readonly workflow: string;
    readonly revision?: number;
  } & Partial<VolumeSettings>): Promise<VolumeView> {
    const path = urlOf(workflow, "volume");
    return this.#transport.call({ method: "POST", path, body, repeat: "when-not-accepted" });
  }

  exportKey(workflow: string): Promise<VolumeKeyView> {
    const path = urlOf(workflow, "key/export");
    return this.#transport.call({ method: "POST", path, repeat: "always" });
  }

  restoreKey(workflow: string, key: string): Promise<{ readonly nodes: number }> {
    const path = urlOf(workflow, "key/restore");
    return this.#transport.call({ method: "POST", path, body: { key }, repeat: "always" });
  }
}

function urlOf(workflow: string, route: string, query?: object): string {
  const text = query === undefined ? "" : `?${queryOf(query)}`;
  return `${workflowPath(workflow)}/fs/${route}${text}`;
}
