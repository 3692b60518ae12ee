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
  /** Its file has its name; false while it comes, and once the file was found to be gone. */
  isHere: boolean;
  /** Files of the names that lead to it. */
  readonly names: Set<string>;
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
  /** Files that are being removed: none of the same content may come before they are gone. */
  readonly #removing = new Map<string, Promise<void>>();
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
    for (const { name, bytes } of found) cache.#add(name, bytes).isHere = true;
    await cache.#sweepNames();
    await cache.#evict();
    return cache;
  }

  /** Bytes that are here. */
  get bytes(): number {
    return this.#bytes;
  }

  /** The version that is here under a name, and its content; undefined for none. */
  async get(name: string): Promise<Held | undefined> {
    const named = await this.#named(fileOfName(name));
    const content = named && this.#contents.get(named.sha256);
    if (named === undefined || content === undefined || !content.isHere) return undefined;
    content.holders += 1;
    if (await this.#isWhole(named.sha256, content)) return this.#held(named, content);
    content.isHere = false;
    await this.#letGo(named.sha256, content);
    return undefined;
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
      return await this.#place(part, name, { sha256: hash.digest("hex"), version, bytes });
    } catch (error) {
      // What cannot be removed now goes at the next start.
      await rm(part, { force: true }).catch(() => undefined);
      throw codedError(error, object);
    }
  }

  /** Held before the file has its name: nobody else's release may take it away again. */
  async #place(part: string, name: string, of: Named & { readonly bytes: number }): Promise<Held> {
    const { sha256, version, bytes } = of;
    for (let gone = this.#removing.get(sha256); gone; gone = this.#removing.get(sha256)) await gone;
    const content = this.#contents.get(sha256) ?? this.#add(sha256, bytes);
    content.holders += 1;
    try {
      await rename(part, this.#pathOf(sha256));
      content.isHere = true;
      await this.#lead(fileOfName(name), { sha256, version }, content);
      const held = await this.#held({ sha256, version }, content);
      await this.#evict();
      return held;
    } catch (error) {
      await this.#letGo(sha256, content);
      throw error;
    }
  }

  async #lead(file: string, named: Named, content: Content): Promise<void> {
    const before = await this.#named(file);
    if (before !== undefined) this.#contents.get(before.sha256)?.names.delete(file);
    content.names.add(file);
    await writeFile(this.#pathOfName(file), JSON.stringify(named));
  }

  /** Of content that was counted for the caller. */
  async #held(named: Named, content: Content): Promise<Held> {
    const { sha256, version } = named;
    // Used last from now on.
    this.#contents.delete(sha256);
    this.#contents.set(sha256, content);
    const now = new Date();
    await utimes(this.#pathOf(sha256), now, now).catch(() => undefined);
    const release = (): Promise<void> => this.#letGo(sha256, content);
    return { path: this.#pathOf(sha256), bytes: content.bytes, version, release };
  }

  async #letGo(sha256: string, content: Content): Promise<void> {
    content.holders -= 1;
    if (content.holders === 0 && !content.isHere) await this.#remove(sha256, content);
    await this.#evict();
  }

  #add(sha256: string, bytes: number): Content {
    const content = { bytes, holders: 0, isHere: false, names: new Set<string>() };
    this.#contents.set(sha256, content);
    this.#bytes += bytes;
    return content;
  }

  /** What is held stays, whatever the budget. */
  async #evict(): Promise<void> {
    for (const [sha256, content] of this.#contents) {
      if (this.#bytes <= this.#budgetBytes) return;
      if (content.holders === 0) await this.#remove(sha256, content);
    }
  }

  /** The content that nobody holds, and the names that lead to it. */
  async #remove(sha256: string, content: Content): Promise<void> {
    this.#contents.delete(sha256);
    this.#bytes -= content.bytes;
    const paths = [this.#pathOf(sha256), ...[...content.names].map((at) => this.#pathOfName(at))];
    const removing = removeAll(paths);
    this.#removing.set(sha256, removing);
    await removing;
    this.#removing.delete(sha256);
  }

  /** Names that lead to nothing are gone; what the others lead to knows them. */
  async #sweepNames(): Promise<void> {
    for (const file of await readdir(join(this.#directory, "names"))) {
      const named = await this.#named(file);
      const content = named && this.#contents.get(named.sha256);
      if (content === undefined) await removeAll([this.#pathOfName(file)]);
      else content.names.add(file);
    }
  }

  async #isWhole(sha256: string, { bytes }: Content): Promise<boolean> {
    const found = await stat(this.#pathOf(sha256)).catch(() => undefined);
    return found?.size === bytes;
  }

  async #named(file: string): Promise<Named | undefined> {
    try {
      const told: unknown = JSON.parse(await readFile(this.#pathOfName(file), "utf8"));
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

  #pathOfName(file: string): string {
    return join(this.#directory, "names", file);
  }
}

function fileOfName(name: string): string {
  return createHash("sha256").update(name).digest("hex");
}

/** What cannot be removed is found again at the next start. */
async function removeAll(paths: readonly string[]): Promise<void> {
  for (const path of paths) await rm(path, { force: true }).catch(() => undefined);
}
