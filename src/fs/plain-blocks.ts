/** Blocks that have a file of their own: `blocks/aa/aabbcc…`. The rules S1 to S3 are in `block-store.ts`. */
import { statSync } from "node:fs";
import { mkdir, readdir, rename, unlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Cid } from "../wire/dataset.ts";
import { DATA_BLOCK_BYTES_MAX } from "../wire/run.ts";
import {
  asError,
  linkOrNothing,
  readWhole,
  statOrNothing,
  syncDirectory,
  syncFile,
  unlinkOrNothing,
  writeWhole,
} from "./block-files.ts";
import { cidOf, isCid } from "./cid.ts";
import type { DamagedFolder } from "./damaged-folder.ts";
import { onDisk } from "./errors.ts";

/** Blocks that one batch writes, or directories that it syncs, at a time: enough to overlap syncs, and bounds what it holds in memory. */
export const WRITES_AT_ONCE = 4;

/** Directories of blocks, one for each first byte of a name. */
export const SHARDS = 256;

/** The plain files of a store. Names are content ids that the caller has checked. */
export class PlainBlocks {
  readonly #directory: string;
  readonly #sync: boolean;
  readonly #damaged: DamagedFolder;
  readonly #temporaryPath: () => string;

  constructor(options: {
    /** The store's own directory. */
    readonly directory: string;
    readonly sync: boolean;
    readonly damaged: DamagedFolder;
    readonly temporaryPath: () => string;
  }) {
    this.#directory = options.directory;
    this.#sync = options.sync;
    this.#damaged = options.damaged;
    this.#temporaryPath = options.temporaryPath;
  }

  /** Makes the directories; their names are durable then. */
  async makeShards(): Promise<void> {
    const blocks = join(this.#directory, "blocks");
    await mkdir(blocks, { recursive: true });
    const present = new Set(await readdir(blocks));
    const missing = shardNames().filter((shard) => !present.has(shard));
    for (const shard of missing) await mkdir(join(blocks, shard), { recursive: true });
    // Also when all were there: whoever made them may have been killed before their entries were
    // synced, and then a power failure would take the blocks in them along (S2).
    const parents = this.#sync ? [blocks, this.#directory, dirname(this.#directory)] : [];
    for (const path of parents) {
      await syncDirectory(path);
    }
  }

  /**
   * Whether there is a file of this name. Asked in the thread itself: that costs 2 µs, and 20 µs
   * otherwise, which for thousands of small blocks would be half of what storing them takes.
   */
  async has(cid: Cid): Promise<boolean> {
    const path = this.#pathOf(cid);
    return onDisk(path, async () => statSync(path, { throwIfNoEntry: false }) !== undefined);
  }

  /** Names in one of the directories, in no order. */
  async list(shard: number): Promise<readonly Cid[]> {
    const path = join(this.#directory, "blocks", shardNames()[shard] ?? "");
    return (await onDisk(path, () => readdir(path))).filter(isCid);
  }

  /** How long a block's file is; undefined where there is none. */
  async bytesOf(cid: Cid): Promise<number | undefined> {
    const path = this.#pathOf(cid);
    return onDisk(path, async () => (await statOrNothing(path))?.size);
  }

  /**
   * The bytes, verified; "missing", or "damaged", after which it is missing (S3).
   * @throws {JobxError} `FS_IO`.
   */
  async get(cid: Cid): Promise<Uint8Array | "missing" | "damaged"> {
    const path = this.#pathOf(cid);
    const found = await onDisk(path, () => readWhole(path, DATA_BLOCK_BYTES_MAX));
    if (found === undefined) return "missing";
    if (found.bytes !== undefined && cidOf(found.bytes) === cid) return found.bytes;
    await this.#setAside(cid, found.inode);
    return "damaged";
  }

  /**
   * Writes a block under its name; durable after `syncShards`.
   * @throws {JobxError} `FS_DISK_FULL`, `FS_IO`.
   */
  async write(cid: Cid, bytes: Uint8Array): Promise<void> {
    const temporary = this.#temporaryPath();
    await onDisk(temporary, async () => {
      try {
        await writeWhole(temporary, bytes, this.#sync);
        await rename(temporary, this.#pathOf(cid));
      } catch (error) {
        await unlinkOrNothing(temporary);
        throw error;
      }
    });
  }

  /**
   * Gives a file that has a block's bytes the block's name beside its own; durable after `syncShards`. False where it
   * is on another disk, or may have no more names.
   * @throws {JobxError} `FS_DISK_FULL`, `FS_IO`.
   */
  async link(cid: Cid, path: string): Promise<boolean> {
    const temporary = this.#temporaryPath();
    return onDisk(path, async () => {
      if (!(await linkOrNothing(path, temporary))) return false;
      try {
        if (this.#sync) await syncFile(temporary);
        await rename(temporary, this.#pathOf(cid));
        return true;
      } finally {
        // Where the block was this very file, rename(2) has done nothing.
        await unlinkOrNothing(temporary);
      }
    });
  }

  /** Makes the names in these directories durable. Side by side: the disk makes one flush of what waits for it together. */
  async syncShards(shards: ReadonlySet<string>): Promise<void> {
    if (!this.#sync) return;
    await eachAtOnce(shards, async (shard) => {
      const path = join(this.#directory, "blocks", shard);
      await onDisk(path, () => syncDirectory(path));
    });
  }

  /** False when there was no such file. A crash may bring it back. */
  async delete(cid: Cid): Promise<boolean> {
    const path = this.#pathOf(cid);
    return onDisk(path, () => unlinkOrNothing(path));
  }

  #pathOf(cid: Cid): string {
    return join(this.#directory, "blocks", shardOf(cid), cid);
  }

  async #setAside(cid: Cid, inode: number): Promise<void> {
    const path = this.#pathOf(cid);
    await onDisk(path, async () => {
      // Somebody may have put the good block there in the meantime: then nothing is left to do.
      if ((await statOrNothing(path))?.ino !== inode) return;
      this.#damaged.count();
      await ((await this.#damaged.hasRoom())
        ? rename(path, this.#damaged.pathOf(cid))
        : unlink(path));
    });
  }
}

/** The directory in which a block's file lies. */
export function shardOf(cid: Cid): string {
  return cid.slice(0, 2);
}

/**
 * Runs `work` for each item, `WRITES_AT_ONCE` at a time. After an error none is begun; it is thrown when
 * nothing runs any more.
 */
export async function eachAtOnce<Item>(
  items: Iterable<Item>,
  work: (item: Item) => Promise<void>,
): Promise<void> {
  const left = items[Symbol.iterator]();
  let hasFailed = false;
  const lane = async (): Promise<void> => {
    for (let next = left.next(); next.done !== true; next = left.next()) {
      try {
        await work(next.value);
      } catch (error) {
        hasFailed = true;
        throw error;
      }
      if (hasFailed) return;
    }
  };
  const ends = await Promise.allSettled(Array.from({ length: WRITES_AT_ONCE }, lane));
  for (const end of ends) if (end.status === "rejected") throw asError(end.reason);
}

function shardNames(): readonly string[] {
  return Array.from({ length: SHARDS }, (_, byte) => byte.toString(16).padStart(2, "0"));
}
