/** Files of a workflow, for programs: content as streams, names as calls. */
import { clientError } from "./client-errors.ts";
import { queryOf, workflowPath } from "./client-paths.ts";
import type {
  AttributeChange,
  FileChange,
  FileList,
  FilePutAnswer,
  FileView,
  TreePutAnswer,
} from "./file-port.ts";
import { keep, readJson, type Transport } from "./transport.ts";

/** The longest that one upload may take: a day, for terabytes over a slow line. */
const UPLOAD_MS_MAX = 24 * 3_600_000;

/** A node looks for the first blocks before it answers. */
const READ_WORK_MS = 60_000;

/** Where a file is. */
export interface ClientFileAt {
  readonly workflow: string;
  readonly path: string;
}

/** The same where it is only read: also in a snapshot, by its name or CID. */
export interface ClientReadAt extends ClientFileAt {
  readonly snapshot?: string | undefined;
}

/** All methods reject as those of `JobxClient`. */
export class FileClient {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** Puts a file. The content is sent once, to a node that has just answered. */
  async put(
    at: ClientFileAt & { readonly parents: boolean; readonly mode?: string | undefined },
    content: ReadableStream<Uint8Array>,
  ): Promise<FilePutAnswer> {
    const { workflow, ...query } = at;
    await this.stat({ workflow, path: "/" });
    return this.#send<FilePutAnswer>(urlOf(workflow, "file", query), content);
  }

  /** Unpacks a tar archive below a folder; sent once, as `put`. */
  async putTree(
    at: ClientFileAt & { readonly atomic: boolean },
    archive: ReadableStream<Uint8Array>,
  ): Promise<TreePutAnswer> {
    const { workflow, ...query } = at;
    await this.stat({ workflow, path: "/" });
    return this.#send<TreePutAnswer>(urlOf(workflow, "tree", query), archive);
  }

  async #send<Answer>(path: string, content: ReadableStream<Uint8Array>): Promise<Answer> {
    const call = { method: "PUT", path, content, repeat: "when-not-accepted" } as const;
    const outcome = await this.#transport.attempt(
      { ...call, headers: { "jobx-deadline-ms": String(READ_WORK_MS) } },
      UPLOAD_MS_MAX,
      readJson<Answer>(),
    );
    if (outcome.kind === "answer") return outcome.answer;
    throw outcome.error;
  }

  /** The bytes of a file and how many there are. The stream fails where they break off. */
  async read(at: ClientReadAt & { readonly version?: number | undefined }): Promise<{
    readonly bytes: number;
    readonly content: AsyncIterable<Uint8Array>;
  }> {
    const { workflow, path, snapshot, version } = at;
    const query = { path, snapshot, version };
    const response = await this.#transport.call(
      {
        ...{ method: "GET", path: urlOf(workflow, "file", query), repeat: "always" },
        workMs: READ_WORK_MS,
      },
      { stream: true, read: keep },
    );
    const bytes = Number(response.headers.get("content-length") ?? Number.NaN);
    return { bytes, content: wholeContent(response, { bytes, url: this.#transport.url, path }) };
  }

  /** A folder with all below it as a tar archive, which has its end mark only where it is whole. */
  async readTree(at: ClientReadAt): Promise<AsyncIterable<Uint8Array>> {
    const { workflow, path, snapshot } = at;
    const response = await this.#transport.call(
      {
        ...{ method: "GET", path: urlOf(workflow, "tree", { path, snapshot }), repeat: "always" },
        workMs: READ_WORK_MS,
      },
      { stream: true, read: keep },
    );
    return wholeContent(response, { bytes: undefined, url: this.#transport.url, path });
  }

  stat(at: ClientReadAt & { readonly follow?: boolean }): Promise<FileView> {
    const { workflow, ...query } = at;
    return this.#get(urlOf(workflow, "stat", query));
  }

  /** A page of a folder; go on with its `next` as `after`. */
  list(
    at: ClientReadAt & { readonly limit: number; readonly after?: string | undefined },
  ): Promise<FileList> {
    const { workflow, ...query } = at;
    return this.#get(urlOf(workflow, "list", query));
  }

  mkdir(at: ClientFileAt & { readonly parents: boolean }): Promise<FileChange> {
    const { workflow, ...body } = at;
    return this.#change(workflow, "mkdir", body);
  }

  remove(at: ClientFileAt & { readonly recursive: boolean }): Promise<FileChange> {
    const { workflow, ...body } = at;
    return this.#change(workflow, "remove", body);
  }

  rename(move: {
    readonly workflow: string;
    readonly from: string;
    readonly to: string;
    readonly exclusive: boolean;
  }): Promise<FileChange> {
    const { workflow, ...body } = move;
    return this.#change(workflow, "rename", body);
  }

  attributes(at: ClientReadAt): Promise<{
    readonly attributes: readonly { readonly name: string; readonly value: string }[];
  }> {
    const { workflow, ...query } = at;
    return this.#get(urlOf(workflow, "attributes", query));
  }

  setAttribute(change: AttributeChange): Promise<FileChange> {
    const { workflow, path, name, value, over } = change;
    return this.#change(workflow, "attribute", { path, name, value, over });
  }

  #get<Answer>(path: string): Promise<Answer> {
    return this.#transport.call({ method: "GET", path, repeat: "always" });
  }

  /** Not repeated when it may have been done: the second time it would be refused. */
  #change(workflow: string, route: string, body: object): Promise<FileChange> {
    const path = urlOf(workflow, route, {});
    return this.#transport.call({ method: "POST", path, body, repeat: "when-not-accepted" });
  }
}

function urlOf(workflow: string, route: string, query: object): string {
  const text = queryOf(query);
  return `${workflowPath(workflow)}/fs/${route}${text === "" ? "" : `?${text}`}`;
}

/** @throws {JobxError} `CLIENT_RESULT_BROKEN` where fewer bytes come than were said. */
export async function* wholeContent(
  response: Response,
  of: { readonly bytes: number | undefined; readonly url: string; readonly path: string },
): AsyncGenerator<Uint8Array, void, undefined> {
  const { bytes, url, path } = of;
  const body: ReadableStream<Uint8Array> | null = response.body;
  const reader = body?.getReader();
  let read = 0;
  let cause: unknown;
  try {
    for (;;) {
      const part = await reader?.read();
      if (part === undefined || part.done) break;
      read += part.value.length;
      yield part.value;
    }
  } catch (error) {
    cause = error;
  } finally {
    // Who stops early wants no more of it, and its connection must not keep the program alive.
    await reader?.cancel().catch(() => {});
  }
  if (cause === undefined && (bytes === undefined || read === bytes)) return;
  throw clientError(
    { code: "CLIENT_RESULT_BROKEN", url, request: path },
    `${path} broke off after ${read}${bytes === undefined ? "" : ` of ${bytes}`} bytes: ${url} did not send all of it`,
    { cause },
  );
}
