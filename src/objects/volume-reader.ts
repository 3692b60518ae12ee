/** Files of a workflow's volume, over the API of this node with the rights of the attempt. */
import { matchesGlob } from "node:path";
import type { ObjectRef, ObjectSource } from "../wire/object-source.ts";
import type { VolumeAccess } from "../wire/worker-protocol.ts";
import { ObjectError, saying } from "./errors.ts";
import { failing, fetchFailed } from "./http-reader.ts";
import {
  type Listed,
  type ObjectReader,
  type OfType,
  type OpenedObject,
  PASSED_UNTOLD,
} from "./ports.ts";
import { type FolderEntry, join, walkFiles } from "./walk.ts";

type VolumeObject = OfType<ObjectRef, "volume">;

/** Names asked for at once. */
const PAGE = 1_000;

interface VolumeEntry extends FolderEntry {
  readonly bytes: number;
  /** Its content id; a volume that was made anew under the same name has others. */
  readonly version: string | undefined;
}

type Fields = Readonly<Record<string, unknown>>;

/** Fulfils the port for one attempt. */
export class VolumeReader implements ObjectReader<"volume"> {
  readonly #access: VolumeAccess | undefined;

  /** Without access nothing is there. */
  constructor(access: VolumeAccess | undefined) {
    this.#access = access;
  }

  async *list(
    source: OfType<ObjectSource, "volume">,
    after: string | undefined,
    signal: AbortSignal,
  ): AsyncGenerator<Listed<VolumeObject>, void, undefined> {
    const { match } = source;
    const path = source.path.replace(/^\/+/u, "").replace(/\/+$/u, "");
    try {
      const top = entryOf(await this.#json("stat", { path }, signal));
      if (top?.type === "file") {
        if (after === undefined) yield { at: "", object: objectOf(path, top) };
        return;
      }
      const list = (folder: string, from: string | undefined) => this.#folder(folder, from, signal);
      let passed = 0;
      for await (const { at, entry } of walkFiles<VolumeEntry>(list, path, after)) {
        if (match !== undefined && !matchesGlob(at, match)) {
          passed += 1;
          if (passed % PASSED_UNTOLD === 0) yield { at, object: undefined };
          continue;
        }
        yield { at, object: objectOf(join(path, at), entry) };
      }
    } catch (cause) {
      if (cause instanceof ObjectError) throw cause;
      const details = { code: "OBJECT_LIST_FAILED", source: path } as const;
      throw new ObjectError(details, `${path} cannot be listed: ${saying(cause)}`, { cause });
    }
  }

  async open(
    object: VolumeObject,
    known: string | undefined,
    signal: AbortSignal,
  ): Promise<OpenedObject | undefined> {
    const { path } = object;
    const noneMatch = known === undefined ? {} : { "if-none-match": `"${known}"` };
    const answer = await this.#get("file", { path }, signal, noneMatch).catch((cause: unknown) => {
      throw fetchFailed(path, saying(cause), cause);
    });
    if (answer.status === 304 && known !== undefined) {
      await answer.body?.cancel();
      return undefined;
    }
    if (answer.ok && answer.body !== null) {
      // As it is now, whatever it was when it was listed.
      const { headers } = answer;
      const length = headers.get("content-length");
      const bytes = length === null ? undefined : Number(length);
      return { content: failing(answer.body, path), bytes, version: cidOf(headers.get("etag")) };
    }
    const said = saysOf(await answer.json().catch(() => ({})), answer.status);
    if (answer.status !== 404) throw fetchFailed(path, said, undefined);
    throw new ObjectError({ code: "OBJECT_MISSING", object: path }, `${path}: ${said}`);
  }

  async *#folder(
    path: string,
    from: string | undefined,
    signal: AbortSignal,
  ): AsyncGenerator<VolumeEntry, void, undefined> {
    let after = from;
    for (;;) {
      const query = { path, limit: String(PAGE), ...(after === undefined ? {} : { after }) };
      const page = await this.#json("list", query, signal);
      const entries: readonly unknown[] = Array.isArray(page["entries"]) ? page["entries"] : [];
      for (const one of entries) {
        const entry = entryOf(fieldsOf(one));
        if (entry !== undefined) yield entry;
      }
      const next = page["next"];
      if (typeof next !== "string") return;
      after = next;
    }
  }

  async #json(route: string, query: Readonly<Record<string, string>>, signal: AbortSignal) {
    const answer = await this.#get(route, query, signal);
    const told: unknown = await answer.json();
    // A folder that is gone meanwhile has no files.
    if (answer.status === 404 && route === "list") return { entries: [], next: null };
    if (!answer.ok) throw new Error(saysOf(told, answer.status));
    return fieldsOf(told);
  }

  async #get(
    route: string,
    query: Readonly<Record<string, string>>,
    signal: AbortSignal,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<Response> {
    if (this.#access === undefined) throw new Error("the workflow has no volume here");
    const { url, workflow, token } = this.#access;
    const at = new URL(`/v1/workflows/${encodeURIComponent(workflow)}/fs/${route}`, url);
    for (const [name, value] of Object.entries(query)) at.searchParams.set(name, value);
    return fetch(at, { headers: { ...headers, authorization: `Bearer ${token}` }, signal });
  }
}

function objectOf(path: string, { bytes, version }: VolumeEntry): VolumeObject {
  return { type: "volume", path, bytes, version };
}

function entryOf(fields: Fields): VolumeEntry | undefined {
  const { name = "", type, bytes, cid } = fields;
  if (type !== "file" && type !== "directory") return undefined;
  if (typeof name !== "string" || typeof bytes !== "number") return undefined;
  return { name, type, bytes, version: typeof cid === "string" ? cid : undefined };
}

/** The tag of a file is its content id in quotes. */
function cidOf(tag: string | null): string | undefined {
  return /^"(?<cid>.+)"$/u.exec(tag ?? "")?.groups?.["cid"];
}

function saysOf(told: unknown, status: number): string {
  const { message } = fieldsOf(told);
  return typeof message === "string" ? message : `the node answered ${status}`;
}

function fieldsOf(value: unknown): Fields {
  return typeof value === "object" && value !== null ? { ...value } : {};
}
