/**
 * Brings objects to this node: a few at once for each step of a request, and not more than some for all, so
 * that slow ones neither stop nor starve others. What is here already and has not changed is not fetched.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { isJobxError } from "../std/errors.ts";
import { type ObjectRef, objectName } from "../wire/object-source.ts";
import { Deadline } from "./deadline.ts";
import { ObjectError } from "./errors.ts";
import { Gates } from "./gates.ts";
import type { LocalReader } from "./local-reader.ts";
import type { Held, ObjectCache } from "./object-cache.ts";
import type { ObjectReaders, OpenedObject } from "./ports.ts";

/** Tries of one fetch, with a wait before each further one that doubles; then the attempt fails, which is tried again. */
export const FETCH_TRIES_MAX = 3;
const RETRY_MS = 250;

/** A fetch in which nothing has come for so long is broken off, milliseconds. */
export const FETCH_SILENCE_MS_MAX = 30_000;

/** From where bytes of objects came. */
export type ObjectOrigin = "source" | "cache" | "volume" | "local";

/** An object that is here. */
export interface Fetched extends Pick<Held, "path" | "bytes" | "release"> {
  readonly origin: ObjectOrigin;
}

/** For whom an object is fetched. */
export interface FetchFor {
  /** Of one step of a request: what is fetched at once is counted by it. */
  readonly step: string;
  readonly ahead: number;
  /** Of the volume; names of one are not those of another. */
  readonly workflow: string;
  readonly readers: Omit<ObjectReaders, "local"> & { readonly local: LocalReader };
  readonly signal: AbortSignal;
  /** Once it is its turn it may take so long, tries and all. */
  readonly timeoutMs: number;
}

/** Fetches for all steps of a node. */
export class ObjectFetcher {
  readonly #cache: ObjectCache;
  readonly #gates = new Gates();
  /** Fetches of one name at once are one. */
  readonly #underWay = new Map<string, Promise<unknown>>();
  readonly #bytes: Record<ObjectOrigin, number> = { source: 0, cache: 0, volume: 0, local: 0 };

  constructor(cache: ObjectCache) {
    this.#cache = cache;
  }

  /** Bytes of objects that were given to mappers, by where they came from. */
  get bytes(): Readonly<Record<ObjectOrigin, number>> {
    return this.#bytes;
  }

  /**
   * The object as a file, which stays until it is released. A local one is where it is.
   * @throws {JobxError} `OBJECT_MISSING`, `OBJECT_FETCH_FAILED`, `OBJECT_NO_ROOM`; whatever the signal says.
   */
  async fetch(object: ObjectRef, of: FetchFor): Promise<Fetched> {
    if (object.type === "local") {
      const path = await of.readers.local.pathOf(object.path);
      this.#bytes.local += object.bytes;
      return { path, bytes: object.bytes, origin: "local", release: () => Promise.resolve() };
    }
    const leave = await this.#gates.enter(of.step, of.ahead, of.signal);
    const { timeoutMs } = of;
    const deadline = new Deadline(of.signal, timeoutMs, () =>
      fetchFailed(object, `it was not here within the ${timeoutMs} ms that its unit has`),
    );
    try {
      const fetched = await this.#once(object, { ...of, signal: deadline.signal });
      this.#bytes[fetched.origin] += fetched.bytes;
      return fetched;
    } finally {
      deadline.end();
      leave();
    }
  }

  /** After another fetch of the same name, which may have brought it. */
  async #once(object: ObjectRef, of: FetchFor): Promise<Fetched> {
    const name = identity(object, of.workflow);
    for (let other = this.#underWay.get(name); other; other = this.#underWay.get(name)) {
      await ended(other, of.signal);
      of.signal.throwIfAborted();
    }
    const fetching = this.#trying(object, { ...of, name });
    this.#underWay.set(name, fetching);
    try {
      return await fetching;
    } finally {
      this.#underWay.delete(name);
    }
  }

  async #trying(object: ObjectRef, of: FetchFor & { readonly name: string }): Promise<Fetched> {
    for (let tries = 1; ; tries++) {
      try {
        return await this.#try(object, of);
      } catch (error) {
        of.signal.throwIfAborted();
        const isPassing = isJobxError(error) && error.code === "OBJECT_FETCH_FAILED";
        if (!isPassing || tries === FETCH_TRIES_MAX) throw error;
        const { signal } = of;
        await sleep(RETRY_MS * 2 ** (tries - 1), undefined, { signal }).catch(() => undefined);
        signal.throwIfAborted();
      }
    }
  }

  async #try(object: ObjectRef, of: FetchFor & { readonly name: string }): Promise<Fetched> {
    const { name, readers, signal } = of;
    const known = await this.#cache.get(name);
    const version = object.type === "url" ? undefined : object.version;
    if (known !== undefined && version !== undefined && known.version === version) {
      return { ...known, origin: "cache" };
    }
    const quiet = new Quiet(signal);
    try {
      const opened = await opener(readers, object, known?.version, quiet.signal).catch(
        async (error: unknown) => {
          await known?.release();
          throw error;
        },
      );
      if (opened === undefined && known !== undefined) return { ...known, origin: "cache" };
      await known?.release();
      if (opened === undefined) throw fetchFailed(object, "the server says that it is here");
      const origin = object.type === "volume" ? "volume" : "source";
      return { ...(await this.#take(object, opened, { name, quiet })), origin };
    } catch (error) {
      if (quiet.isOver && !signal.aborted) {
        throw fetchFailed(object, `nothing has come for ${FETCH_SILENCE_MS_MAX} ms`);
      }
      throw error;
    } finally {
      quiet.end();
    }
  }

  async #take(
    object: ObjectRef,
    { content, bytes, version }: OpenedObject,
    of: { readonly name: string; readonly quiet: Quiet },
  ): Promise<Held> {
    const told = { object: objectName(object), version };
    const held = await this.#cache.put(of.name, { ...told, content: of.quiet.heard(content) });
    if (bytes === undefined || held.bytes === bytes) return held;
    await held.release();
    throw fetchFailed(object, `${held.bytes} bytes came of ${bytes}`);
  }
}

/** Gives a fetch up when nothing comes for too long. */
class Quiet {
  readonly #abort = new AbortController();
  readonly #outer: AbortSignal;
  readonly #onAbort = (): void => this.#abort.abort(this.#outer.reason);
  #timer: NodeJS.Timeout;
  isOver = false;

  constructor(outer: AbortSignal) {
    this.#outer = outer;
    this.#timer = this.#set();
    if (outer.aborted) this.#onAbort();
    else outer.addEventListener("abort", this.#onAbort, { once: true });
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  async *heard(content: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
    for await (const chunk of content) {
      clearTimeout(this.#timer);
      yield chunk;
      this.#timer = this.#set();
    }
  }

  end(): void {
    clearTimeout(this.#timer);
    this.#outer.removeEventListener("abort", this.#onAbort);
  }

  #set(): NodeJS.Timeout {
    return setTimeout(() => {
      this.isOver = true;
      this.#abort.abort(new Error("nothing has come for too long"));
    }, FETCH_SILENCE_MS_MAX);
  }
}

/** Resolves when the work has ended, however, or the signal is given. */
function ended(work: Promise<unknown>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      signal.removeEventListener("abort", end);
      resolve();
    };
    signal.addEventListener("abort", end, { once: true });
    if (signal.aborted) end();
    else void work.then(end, end);
  });
}

function opener(
  readers: FetchFor["readers"],
  object: ObjectRef,
  known: string | undefined,
  signal: AbortSignal,
): Promise<OpenedObject | undefined> {
  switch (object.type) {
    case "url":
      return readers.url.open(object, known, signal);
    case "s3":
      return readers.s3.open(object, known, signal);
    case "volume":
      return readers.volume.open(object, known, signal);
    case "local":
      return readers.local.open(object);
  }
}

/** What is fetched from one place is not taken for what another one calls the same. */
function identity(object: ObjectRef, workflow: string): string {
  switch (object.type) {
    case "url":
      return JSON.stringify(["url", object.url]);
    case "s3":
      return JSON.stringify(["s3", object.endpoint, object.region, object.bucket, object.key]);
    case "volume":
    case "local":
      return JSON.stringify([object.type, workflow, object.path]);
  }
}

function fetchFailed(object: ObjectRef, said: string): ObjectError {
  const name = objectName(object);
  const details = { code: "OBJECT_FETCH_FAILED", object: name } as const;
  return new ObjectError(details, `${name} cannot be fetched: ${said}`);
}
