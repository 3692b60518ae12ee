/**
 * `ctx.fs`: the files of the workflow, over HTTP at this worker's own node. What the node refuses is thrown
 * as an error with its code. Nothing is loaded before a handler uses it.
 */
import type { VolumeAccess } from "../../../wire/worker-protocol.ts";

/** What goes into a file. */
export type FileContent =
  | string
  | Uint8Array
  | ReadableStream<Uint8Array>
  | AsyncIterable<Uint8Array | string>;

/** What a name leads to. */
export interface FileStat {
  readonly name: string;
  readonly path: string;
  readonly type: "file" | "directory" | "symlink";
  readonly size: number;
  readonly mode: number;
  /** ISO 8601. */
  readonly mtime: string;
  readonly cid: string | null;
  /** What a symbolic link says; null for all others. */
  readonly target: string | null;
}

/** Names in one page of a folder. */
const PAGE_NAMES = 1000;

/** What went wrong with files; `code` is that of the node, or `HANDLER_VOLUME_UNAVAILABLE`. */
export class VolumeError extends Error {
  readonly code: string;

  constructor({ code }: { readonly code: string }, message: string, options?: ErrorOptions) {
    super(`${code}: ${message}`, options);
    this.code = code;
  }
}

type Fields = Readonly<Record<string, unknown>>;

/** Paths are relative to the volume of the workflow; folders on the way to what is written are made. */
export class HandlerFiles {
  readonly #access: VolumeAccess | undefined;
  readonly #signal: AbortSignal;

  constructor(access: VolumeAccess | undefined, signal: AbortSignal) {
    this.#access = access;
    this.#signal = signal;
  }

  /** Whether there is a volume at all; without one everything here fails. */
  get isOffered(): boolean {
    return this.#access !== undefined;
  }

  /** Makes a folder and those on the way; one that is there is as good. */
  async mkdir(path: string): Promise<void> {
    await this.#post("mkdir", { path: relative(path), parents: true });
  }

  /** What lies in a folder, page by page. */
  async *ls(path = ""): AsyncGenerator<FileStat, void, undefined> {
    let after: string | undefined;
    do {
      const query = { path: relative(path), limit: String(PAGE_NAMES), ...(after && { after }) };
      const page = await this.#json("GET", "list", { query });
      const entries = page["entries"];
      for (const entry of Array.isArray(entries) ? entries : []) {
        yield statOf(fieldsOf(entry), joined(path, textOf(fieldsOf(entry)["name"])));
      }
      after = typeof page["next"] === "string" ? page["next"] : undefined;
    } while (after !== undefined);
  }

  /** All below a folder: each folder before what lies in it. */
  async *walk(path = ""): AsyncGenerator<FileStat, void, undefined> {
    for await (const entry of this.ls(path)) {
      yield entry;
      if (entry.type === "directory") yield* this.walk(entry.path);
    }
  }

  /** Follows symbolic links. */
  async getStat(path: string): Promise<FileStat> {
    const query = { path: relative(path), follow: "true" };
    return statOf(await this.#json("GET", "stat", { query }), relative(path));
  }

  async getFilesize(path: string): Promise<number> {
    return (await this.getStat(path)).size;
  }

  /** The content id of a file, as IPFS computes it. */
  async cidOf(path: string): Promise<string | null> {
    return (await this.getStat(path)).cid;
  }

  async exists(path: string): Promise<boolean> {
    return (await this.#typeOf(path)) !== undefined;
  }

  async isfile(path: string): Promise<boolean> {
    return (await this.#typeOf(path)) === "file";
  }

  async isdir(path: string): Promise<boolean> {
    return (await this.#typeOf(path)) === "directory";
  }

  /** Removes a file or symbolic link. */
  async rm(path: string): Promise<void> {
    if ((await this.getStatOf(path)).type === "directory") {
      throw new VolumeError({ code: "FS_IS_DIRECTORY" }, `it is a folder: ${path}`);
    }
    await this.#post("remove", { path: relative(path) });
  }

  /** Removes a folder, an empty one unless `recursive`. */
  async rmdir(path: string, options: { readonly recursive?: boolean } = {}): Promise<void> {
    if ((await this.getStatOf(path)).type !== "directory") {
      throw new VolumeError({ code: "FS_NOT_DIRECTORY" }, `it is no folder: ${path}`);
    }
    const { recursive = false } = options;
    await this.#post("remove", { path: relative(path), recursive });
  }

  /** Moves at once, over what rename(2) would replace. */
  async mv(from: string, to: string): Promise<void> {
    await this.#post("rename", { from: relative(from), to: relative(to), parents: true });
  }

  /**
   * Moves something of the workspace to a place of the volume, over whatever is there: it is there with the end of
   * the attempt, if that ends well, and until then nowhere to be seen.
   */
  async publish(from: string, to: string): Promise<void> {
    await this.#post("publish", { from: relative(from), to: relative(to) });
  }

  /** Makes a symbolic link that says `target`. */
  async symlink(path: string, target: string): Promise<void> {
    await this.#post("symlink", { path: relative(path), target });
  }

  /** Copies a file. */
  async cp(from: string, to: string): Promise<void> {
    await this.write(to, await this.read(from));
  }

  /** Copies a folder with all below it. */
  async cpr(from: string, to: string): Promise<void> {
    if (await this.isfile(from)) return this.cp(from, to);
    await this.mkdir(to);
    const below = relative(from);
    const found: FileStat[] = [];
    for await (const entry of this.walk(below)) found.push(entry);
    for (const entry of found) {
      const target = joined(to, below === "" ? entry.path : entry.path.slice(below.length + 1));
      if (entry.type === "directory") await this.mkdir(target);
      else await this.cp(entry.path, target);
    }
  }

  /** The bytes of a file, or those from `from` up to but not including `to`, as a stream. */
  async read(
    path: string,
    range: { readonly from?: number; readonly to?: number } = {},
  ): Promise<ReadableStream<Uint8Array>> {
    const { from = 0, to } = range;
    const whole = from === 0 && to === undefined;
    const last = to === undefined ? "" : to - 1;
    const headers: Record<string, string> = whole ? {} : { range: `bytes=${from}-${last}` };
    const answer = await this.#call("GET", "file", { query: { path: relative(path) }, headers });
    return answer.body ?? new Blob([]).stream();
  }

  async readBytes(path: string): Promise<Uint8Array> {
    return new Uint8Array(await new Response(await this.read(path)).arrayBuffer());
  }

  async readText(path: string): Promise<string> {
    return new TextDecoder("utf-8", { fatal: true }).decode(await this.readBytes(path));
  }

  /** Writes a file; nothing of it is seen before all of it is durable, which is when this resolves. */
  async write(
    path: string,
    content: FileContent,
    options: { readonly mode?: number } = {},
  ): Promise<FileStat> {
    const mode = options.mode === undefined ? {} : { mode: options.mode.toString(8) };
    const query = { path: relative(path), parents: "true", ...mode };
    const put = await this.#json("PUT", "file", { query, body: bodyOf(content) });
    const stat = {
      mode: options.mode ?? 0o644,
      mtime: new Date().toISOString(),
      ...put,
      type: "file",
    };
    return statOf(stat, relative(path));
  }

  /**
   * A file as a stream: "r" to read it, "w" to write it. Closing the writer commits the file and rejects
   * where that fails; aborting it leaves nothing.
   */
  open(path: string, mode?: "r"): Promise<ReadableStream<Uint8Array>>;
  open(path: string, mode: "w"): Promise<WritableStream<Uint8Array | string>>;
  async open(
    path: string,
    mode: "r" | "w" = "r",
  ): Promise<ReadableStream<Uint8Array> | WritableStream<Uint8Array | string>> {
    if (mode === "r") return this.read(path);
    const through = new TransformStream<Uint8Array | string, Uint8Array>({
      transform: (chunk, controller) => controller.enqueue(bytesOf(chunk)),
    });
    const writer = through.writable.getWriter();
    const written = this.write(path, through.readable);
    // Rejects where the node refuses it before its end; else it stays open.
    const failed = written.then(() => new Promise<never>(() => undefined));
    // Told by `write` and `close`; until then nobody need be waiting.
    failed.catch(() => undefined);
    return new WritableStream<Uint8Array | string>({
      write: (chunk) => Promise.race([writer.write(chunk), failed]),
      close: async () => {
        await Promise.race([writer.close(), failed]);
        await written;
      },
      abort: (reason) => writer.abort(reason),
    });
  }

  /** Of a symbolic link itself. */
  async getStatOf(path: string): Promise<FileStat> {
    const query = { path: relative(path) };
    return statOf(await this.#json("GET", "stat", { query }), relative(path));
  }

  async #typeOf(path: string): Promise<FileStat["type"] | undefined> {
    try {
      return (await this.getStat(path)).type;
    } catch (error) {
      if (error instanceof VolumeError && IS_NOT_THERE.has(error.code)) return undefined;
      throw error;
    }
  }

  #post(route: string, fields: object): Promise<Fields> {
    const headers = { "content-type": "application/json" };
    return this.#json("POST", route, { headers, body: JSON.stringify(fields) });
  }

  async #json(method: string, route: string, options: CallOptions): Promise<Fields> {
    const answer = await this.#call(method, route, options);
    return fieldsOf(await answer.json());
  }

  async #call(method: string, route: string, options: CallOptions): Promise<Response> {
    if (this.#access === undefined) {
      throw new VolumeError({ code: "HANDLER_VOLUME_UNAVAILABLE" }, "nobody offers a volume here");
    }
    const { url, workflow, token } = this.#access;
    const { query = {}, headers = {}, body } = options;
    const at = new URL(`/v1/workflows/${encodeURIComponent(workflow)}/fs/${route}`, url);
    for (const [name, value] of Object.entries(query)) at.searchParams.set(name, value);
    let answer: Response;
    try {
      answer = await fetch(at, {
        method,
        headers: { ...headers, authorization: `Bearer ${token}` },
        signal: this.#signal,
        ...(body === undefined ? {} : { body, duplex: "half" }),
      });
    } catch (cause) {
      const message = "the node broke the call off, or the content to write could not be read";
      throw new VolumeError({ code: "HANDLER_VOLUME_UNAVAILABLE" }, message, { cause });
    }
    if (answer.ok) return answer;
    const told = fieldsOf(await answer.json().catch(() => ({})));
    const { code, message } = told;
    if (typeof code !== "string" || typeof message !== "string") {
      const status = `the node answered ${answer.status}`;
      throw new VolumeError({ code: "HANDLER_VOLUME_UNAVAILABLE" }, status);
    }
    throw new VolumeError({ code }, message);
  }
}

interface CallOptions {
  readonly query?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | ReadableStream<Uint8Array>;
}

const IS_NOT_THERE: ReadonlySet<string> = new Set(["FS_NOT_FOUND", "FS_NOT_DIRECTORY"]);

/** A path without needless parts. @throws {VolumeError} `FS_NAME_INVALID` for one that leads out. */
function relative(path: string): string {
  const names: string[] = [];
  for (const name of path.split("/")) {
    if (name === "" || name === ".") continue;
    if (name !== "..") names.push(name);
    else if (names.pop() === undefined) throw leadsOut(path);
  }
  if (path.startsWith("/")) throw leadsOut(path);
  return names.join("/");
}

function leadsOut(path: string): VolumeError {
  return new VolumeError({ code: "FS_NAME_INVALID" }, `a path is relative to the volume: ${path}`);
}

function joined(folder: string, name: string): string {
  const path = relative(folder);
  return path === "" ? name : `${path}/${name}`;
}

function statOf(fields: Fields, path: string): FileStat {
  const { type } = fields;
  return {
    name: path.slice(path.lastIndexOf("/") + 1),
    path,
    type: type === "directory" || type === "symlink" ? type : "file",
    size: Number(fields["bytes"] ?? 0),
    mode: Number(fields["mode"] ?? 0),
    mtime: textOf(fields["mtime"]),
    cid: typeof fields["cid"] === "string" ? fields["cid"] : null,
    target: typeof fields["target"] === "string" ? fields["target"] : null,
  };
}

function fieldsOf(value: unknown): Fields {
  return typeof value === "object" && value !== null
    ? Object.fromEntries(Object.entries(value))
    : {};
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}

function bytesOf(chunk: Uint8Array | string): Uint8Array {
  return typeof chunk === "string" ? new TextEncoder().encode(chunk) : chunk;
}

/** Asked for no faster than the node takes it. */
function bodyOf(content: FileContent): ReadableStream<Uint8Array> {
  if (content instanceof ReadableStream) return content;
  const chunks = typeof content === "string" || content instanceof Uint8Array ? [content] : content;
  return ReadableStream.from(encoded(chunks));
}

async function* encoded(
  chunks: AsyncIterable<Uint8Array | string> | Iterable<Uint8Array | string>,
): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const chunk of chunks) yield bytesOf(chunk);
}
