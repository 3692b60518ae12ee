/**
 * Objects that were fetched, on this node's disk, within a budget; the ones that were used longest ago go first.
 * Content lies under its sha256, and names lead to it, so what two names lead to is there once. Nothing of it is
 * replicated or needed: it is fetched again, so no replica's disk is held to it and nothing is synced.
 */
import { createHash } from "node:crypto";
import { createWriteStream } from "node:fs";
import { mkdir, readdir, readFile, rename, rm, stat, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { codedError } from "./coded.ts";
import { type Room, roomOn, within } from "./room.ts";

/** Content that is here for as long as it is held. */
export interface Held {
  readonly path: string;
  readonly bytes: number;
  readonly version: string | undefined;
  /** To be called once. */
  readonly release: () => Promise<void>;
}

interface Content {
  readonly bytes: number;
  holders: number;
}

interface Named {
  readonly sha256: string;
  readonly version: string | undefined;
}

/** One directory of a node; nobody else writes there. */
export class ObjectCache {
  readonly #directory: string;
  readonly #budgetBytes: number;
  readonly #room: Room;
  /** In the order of their last use. */
  readonly #contents = new Map<string, Content>();
  #bytes = 0;
  #temporary = 0;

  /** Use `open`. */
  constructor(directory: string, budgetBytes: number) {
    this.#directory = directory;
    this.#budgetBytes = budgetBytes;
    this.#room = roomOn(directory);
  }

  /** What an earlier process has left is used on. */
  static async open(directory: string, budgetBytes: number): Promise<ObjectCache> {
    const cache = new ObjectCache(directory, budgetBytes);
    await rm(join(directory, "part"), { recursive: true, force: true });
    for (const name of ["part", "names", "content"]) {
      await mkdir(join(directory, name), { recursive: true });
    }
    const found: { readonly name: string; readonly bytes: number; readonly usedMs: number }[] = [];
    for (const name of await readdir(join(directory, "content"))) {
      const { size, mtimeMs } = await stat(join(directory, "content", name));
      found.push({ name, bytes: size, usedMs: mtimeMs });
    }
    found.sort((left, right) => left.usedMs - right.usedMs);
    for (const { name, bytes } of found) cache.#add(name, bytes, 0);
    await cache.#evict();
    return cache;
  }

  /** Bytes that are here. */
  get bytes(): number {
    return this.#bytes;
  }

  /** The version that is here under a name, and its content; undefined for none. */
  async get(name: string): Promise<Held | undefined> {
    const named = await this.#named(name);
    const content = named && this.#contents.get(named.sha256);
    if (named === undefined || content === undefined) return undefined;
    return this.#hold(named, content);
  }

  /**
   * Takes content in, held for the caller.
   * @throws {JobxError} as `within`; `OBJECT_NO_ROOM`, `OBJECT_FETCH_FAILED` for what the disk says; as `content`.
   */
  async put(
    name: string,
    of: {
      readonly object: string;
      readonly content: AsyncIterable<Uint8Array>;
      readonly version: string | undefined;
    },
  ): Promise<Held> {
    const { object, version } = of;
    const room = this.#room;
    this.#temporary += 1;
    const part = join(this.#directory, "part", String(this.#temporary));
    const hash = createHash("sha256");
    let bytes = 0;
    async function* counted(): AsyncGenerator<Uint8Array, void, undefined> {
      for await (const chunk of within(of.content, { object, room })) {
        bytes += chunk.length;
        hash.update(chunk);
        yield chunk;
      }
    }
    try {
      await pipeline(counted(), createWriteStream(part));
      const sha256 = hash.digest("hex");
      await rename(part, this.#pathOf(sha256));
      await writeFile(this.#pathOfName(name), JSON.stringify({ sha256, version }));
      const content = this.#contents.get(sha256) ?? this.#add(sha256, bytes, 0);
      const held = await this.#hold({ sha256, version }, content);
      await this.#evict();
      return held;
    } catch (error) {
      // What cannot be removed now goes at the next start.
      await rm(part, { force: true }).catch(() => undefined);
      throw codedError(error, object);
    }
  }

  async #hold(named: Named, content: Content): Promise<Held> {
    const { sha256, version } = named;
    content.holders += 1;
    // Used last from now on.
    this.#contents.delete(sha256);
    this.#contents.set(sha256, content);
    const now = new Date();
    await utimes(this.#pathOf(sha256), now, now).catch(() => undefined);
    const release = async (): Promise<void> => {
      content.holders -= 1;
      await this.#evict();
    };
    return { path: this.#pathOf(sha256), bytes: content.bytes, version, release };
  }

  #add(sha256: string, bytes: number, holders: number): Content {
    const content = { bytes, holders };
    this.#contents.set(sha256, content);
    this.#bytes += bytes;
    return content;
  }

  /** What is held stays, whatever the budget. */
  async #evict(): Promise<void> {
    for (const [sha256, { bytes, holders }] of this.#contents) {
      if (this.#bytes <= this.#budgetBytes) return;
      if (holders > 0) continue;
      this.#contents.delete(sha256);
      this.#bytes -= bytes;
      // What cannot be removed is found again at the next start.
      await rm(this.#pathOf(sha256), { force: true }).catch(() => undefined);
    }
  }

  async #named(name: string): Promise<Named | undefined> {
    try {
      const told: unknown = JSON.parse(await readFile(this.#pathOfName(name), "utf8"));
      const fields: Readonly<Record<string, unknown>> =
        typeof told === "object" && told !== null ? { ...told } : {};
      const { sha256, version } = fields;
      if (typeof sha256 !== "string") return undefined;
      return { sha256, version: typeof version === "string" ? version : undefined };
    } catch {
      // Not there, or half written when a machine stopped: as good as never fetched.
      return undefined;
    }
  }

  #pathOf(sha256: string): string {
    return join(this.#directory, "content", sha256);
  }

  #pathOfName(name: string): string {
    const hash = createHash("sha256").update(name).digest("hex");
    return join(this.#directory, "names", hash);
  }
}
