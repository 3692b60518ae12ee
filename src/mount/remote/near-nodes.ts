/** Nodes on the machine of the mount: their disk is read and written in place of sending. */
import { constants } from "node:fs";
import { access, readFile } from "node:fs/promises";
import { join, relative } from "node:path";
import type { BlockView } from "../../api/inode-port.ts";
import type { NearPlace, StagedContent } from "../../api/near.ts";
import { BlockThreads } from "./block-threads.ts";
import type { RemoteCalls } from "./remote-calls.ts";

/** Small blocks are in packs, which only the node reads. */
const PLAIN_BYTES_MIN = 64 << 10;

/** A node that could not say whether it is near is not asked again for so long. */
const ASK_AGAIN_MS = 30_000;

interface Known {
  place: Promise<NearPlace | undefined>;
  untilMs: number;
}

export class NearNodes {
  readonly #calls: Pick<RemoteCalls, "near" | "url">;
  readonly #nowMs: () => number;
  readonly #threads = new BlockThreads();
  /** For each node by its address; undefined where it is not near. */
  readonly #places = new Map<string, Known>();

  constructor(
    calls: Pick<RemoteCalls, "near" | "url">,
    { nowMs }: { readonly nowMs: () => number },
  ) {
    this.#calls = calls;
    this.#nowMs = nowMs;
  }

  /** Where the present node would have what is written; undefined where it is not near. */
  async directory(): Promise<string | undefined> {
    return (await this.#place())?.directory;
  }

  /** How the present node finds a file that it can read itself. */
  async staged(file: {
    readonly path: string;
    readonly bytes: number;
  }): Promise<StagedContent | undefined> {
    const place = await this.#place();
    if (place === undefined) return undefined;
    const staged = relative(place.directory, file.path);
    return staged.startsWith("..") ? undefined : { staged, bytes: file.bytes };
  }

  /** Whether it takes pieces of content that are files in that directory as they are. */
  async takesPieces(directory: string): Promise<boolean> {
    const place = await this.#place();
    if (place?.takesPieces !== true) return false;
    return !relative(place.directory, directory).startsWith("..");
  }

  /** How the present node finds files of pieces that it can take. */
  async pieces(paths: readonly string[]): Promise<readonly string[] | undefined> {
    const place = await this.#place();
    if (place?.takesPieces !== true) return undefined;
    return paths.map((path) => relative(place.directory, path));
  }

  /** Until when the blocks of what is opened now may be read from the disk. */
  async untilMs(): Promise<number> {
    const place = await this.#place();
    return place === undefined ? 0 : this.#nowMs() + place.readMs;
  }

  /** The bytes of a block, verified; undefined where the node is to be asked. */
  async block({ cid, bytes, plain }: BlockView, untilMs: number): Promise<Uint8Array | undefined> {
    // Only the node opens what is sealed.
    if (plain !== null || bytes < PLAIN_BYTES_MIN || this.#nowMs() >= untilMs) return undefined;
    const place = await this.#place();
    if (place === undefined) return undefined;
    // Not there, or damaged: the node knows what to do about it.
    return this.#threads.read({ path: join(place.blocks, cid.slice(0, 2), cid), cid, bytes });
  }

  #place(): Promise<NearPlace | undefined> {
    const { url } = this.#calls;
    const known = this.#places.get(url);
    if (known !== undefined && this.#nowMs() < known.untilMs) return known.place;
    const asked: Known = { place: this.#ask(), untilMs: Number.POSITIVE_INFINITY };
    // One that could not be asked is asked again, though not for every call.
    asked.place = asked.place.catch(() => {
      asked.untilMs = this.#nowMs() + ASK_AGAIN_MS;
      return undefined;
    });
    this.#places.set(url, asked);
    return asked.place;
  }

  async #ask(): Promise<NearPlace | undefined> {
    const { url } = this.#calls;
    const near = await this.#calls.near();
    // Another one answered.
    if (this.#calls.url !== url) throw new Error("the node is gone");
    return near !== null && (await isHere(near)) ? near : undefined;
  }
}

/** Whether its files are those that are seen here, and may be written by this user. */
async function isHere({ directory, proofFile, proof }: NearPlace): Promise<boolean> {
  try {
    await access(directory, constants.W_OK);
    return (await readFile(join(directory, proofFile), "utf8")) === proof;
  } catch {
    return false;
  }
}
