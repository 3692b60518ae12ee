/**
 * Content-addressed blocks as plain files, named by their sha256: `blocks/aa/aabbcc…`.
 *
 * S1. A file under its final name was whole and synced before it got that name, so a crash leaves
 * only whole blocks and temporary files. S2. A block counts as durable when its directory was
 * synced after the rename. S3. What is read is hashed before anyone sees it; a file with another
 * hash is set aside under `damaged/`, so that the good block can take its place.
 */
import { hash } from "node:crypto";
import { mkdir, open, readdir, rename, rm, stat, unlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { assert } from "../std/assert.ts";
import type { Cid } from "../wire/dataset.ts";
import { DATA_BLOCK_BYTES_MAX } from "../wire/run.ts";
import { blockMissing, errnoOf, FsError, onDisk } from "./errors.ts";

/** Blocks that one batch writes, or directories that it syncs, at a time: enough to overlap syncs, and bounds what it holds in memory. */
export const WRITES_AT_ONCE = 4;

/** Damaged files kept for a look at what happened; of later ones only the error is left. */
export const DAMAGED_FILES_MAX = 64;

/** Where and as whom a store works. */
export interface BlockStoreOptions {
  /** The store's own directory, made when it does not exist. */
  readonly directory: string;
  /**
   * Names the temporary files of this opening. Several workers may have the same directory open
   * under different names; opening removes what an earlier opening of the same name left behind.
   */
  readonly instance?: string;
  /** False: nothing waits for the disk, and a power cut may take blocks along. Default true. */
  readonly sync?: boolean;
}

/** Whether the text is a content id. */
export function isCid(text: string): boolean {
  return /^[0-9a-f]{64}$/.test(text);
}

/** The content id of a block. */
export function cidOf(bytes: Uint8Array): Cid {
  return hash("sha256", bytes, "hex");
}

/** Removes the temporary files of all instances: for the start of a node, before any store is open. */
export async function clearTemporary(directory: string): Promise<void> {
  await onDisk(directory, () => rm(join(directory, "tmp"), { recursive: true, force: true }));
}

/** The blocks of this node. All methods may be called at the same time. */
export class BlockStore {
  /** For files that need not outlive this opening, on the same disk as the blocks. */
  readonly temporaryDirectory: string;
  readonly #directory: string;
  readonly #sync: boolean;
  #temporaryCount = 0;

  /** Does nothing on the disk: use `open`. */
  constructor(options: Required<BlockStoreOptions>) {
    this.#directory = options.directory;
    this.#sync = options.sync;
    this.temporaryDirectory = join(options.directory, "tmp", options.instance);
  }

  /** @throws {JobxError} `FS_DISK_FULL`, `FS_IO` when the directory cannot be made ready. */
  static async open(options: BlockStoreOptions): Promise<BlockStore> {
    const { directory, instance = "main", sync = true } = options;
    assert(/^[a-z0-9-]+$/.test(instance), "the name of an instance is a plain file name");
    const store = new BlockStore({ directory, instance, sync });
    await onDisk(directory, async () => {
      await rm(store.temporaryDirectory, { recursive: true, force: true });
      await mkdir(store.temporaryDirectory, { recursive: true });
      await mkdir(join(directory, "damaged"), { recursive: true });
      await store.#makeShards();
    });
    return store;
  }

  /** Whether a block of this name is here. Whether it is whole shows when it is read. */
  async has(cid: Cid): Promise<boolean> {
    if (!isCid(cid)) return false;
    const path = this.#pathOf(cid);
    return onDisk(path, async () => (await statOrNothing(path)) !== undefined);
  }

  /** Ids of blocks above `after`, in order, at most `limit`; what comes in meanwhile may be missing. */
  async list(after: string, limit: number): Promise<readonly Cid[]> {
    const found: Cid[] = [];
    for (let shard = Number.parseInt(after.slice(0, 2) || "00", 16); shard < 256; shard++) {
      const path = join(this.#directory, "blocks", shard.toString(16).padStart(2, "0"));
      const names = await onDisk(path, () => readdir(path));
      found.push(...names.filter((name) => isCid(name) && name > after).sort());
      if (found.length >= limit) break;
    }
    return found.slice(0, limit);
  }

  /**
   * The bytes of a block, verified.
   * @throws {JobxError} `FS_BLOCK_MISSING`; `FS_BLOCK_DAMAGED` when its file was not what it should
   * be, once, after which it is missing; `FS_IO`.
   */
  async get(cid: Cid): Promise<Uint8Array> {
    if (!isCid(cid)) throw blockMissing(cid);
    const path = this.#pathOf(cid);
    const found = await onDisk(path, () => readWhole(path));
    if (found === undefined) throw blockMissing(cid);
    if (found.bytes !== undefined && cidOf(found.bytes) === cid) return found.bytes;
    await this.#setAside(cid, found.inode);
    throw new FsError({ code: "FS_BLOCK_DAMAGED", cid }, "a block's file does not have its hash");
  }

  /**
   * Stores a block and resolves when it is durable. Harmless to repeat.
   * @throws {JobxError} `FS_DISK_FULL`, `FS_IO`.
   */
  async put(bytes: Uint8Array): Promise<Cid> {
    const batch = this.batch();
    const cid = await batch.put(bytes);
    await batch.commit();
    return cid;
  }

  /** For many blocks whose directories are synced once, together. */
  batch(): BlockBatch {
    return new BlockBatch({
      holds: (cid) => this.#holdsWhole(cid),
      write: (cid, bytes) => this.#write(cid, bytes),
      sync: (shards) => this.#syncShards(shards),
    });
  }

  /** Removes a block; false when it was not here. A crash may bring it back. */
  async delete(cid: Cid): Promise<boolean> {
    if (!isCid(cid)) return false;
    const path = this.#pathOf(cid);
    return onDisk(path, () => unlinkOrNothing(path));
  }

  /** A path for a new temporary file. */
  temporaryPath(): string {
    return join(this.temporaryDirectory, `${this.#temporaryCount++}`);
  }

  #pathOf(cid: Cid): string {
    return join(this.#directory, "blocks", cid.slice(0, 2), cid);
  }

  async #makeShards(): Promise<void> {
    const blocks = join(this.#directory, "blocks");
    await mkdir(blocks, { recursive: true });
    const present = new Set(await readdir(blocks));
    const wanted = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));
    const missing = wanted.filter((shard) => !present.has(shard));
    for (const shard of missing) await mkdir(join(blocks, shard), { recursive: true });
    // Also when all were there: whoever made them may have been killed before their entries were
    // synced, and then a power failure would take the blocks in them along (S2).
    const parents = this.#sync ? [blocks, this.#directory, dirname(this.#directory)] : [];
    for (const path of parents) {
      await syncDirectory(path);
    }
  }

  async #write(cid: Cid, bytes: Uint8Array): Promise<void> {
    if (await this.#holdsWhole(cid)) return;
    const temporary = this.temporaryPath();
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

  /** Reads it, because a promise that it is durable must not rest on a damaged file. */
  async #holdsWhole(cid: Cid): Promise<boolean> {
    if (!(await this.has(cid))) return false;
    try {
      await this.get(cid);
      return true;
    } catch (error) {
      if (error instanceof FsError && error.code.startsWith("FS_BLOCK_")) return false;
      throw error;
    }
  }

  /** Side by side: the disk makes one flush of what waits for it together. */
  async #syncShards(shards: ReadonlySet<string>): Promise<void> {
    if (!this.#sync) return;
    const left = shards.values();
    const sync = async (): Promise<void> => {
      for (const shard of left) {
        const path = join(this.#directory, "blocks", shard);
        await onDisk(path, () => syncDirectory(path));
      }
    };
    await Promise.all(Array.from({ length: WRITES_AT_ONCE }, sync));
  }

  async #setAside(cid: Cid, inode: number): Promise<void> {
    const path = this.#pathOf(cid);
    const damaged = join(this.#directory, "damaged");
    await onDisk(path, async () => {
      // Somebody may have put the good block there in the meantime: then nothing is left to do.
      if ((await statOrNothing(path))?.ino !== inode) return;
      const keep = (await readdir(damaged)).length < DAMAGED_FILES_MAX;
      await (keep ? rename(path, join(damaged, cid)) : unlink(path));
    });
  }
}

/** What a batch does to its store. */
interface BatchTarget {
  readonly holds: (cid: Cid) => Promise<boolean>;
  readonly write: (cid: Cid, bytes: Uint8Array) => Promise<void>;
  readonly sync: (shards: ReadonlySet<string>) => Promise<void>;
}

/**
 * Blocks that become durable together. Use: `put` any number of times, one at a time, then `commit`
 * or `settle` once.
 */
export class BlockBatch {
  readonly #target: BatchTarget;
  readonly #running = new Set<Promise<void>>();
  readonly #shards = new Set<string>();
  #failure: { readonly error: unknown } | undefined;

  constructor(target: BatchTarget) {
    this.#target = target;
  }

  /**
   * Takes a block, which the caller leaves alone from now on; resolves when the next may come.
   * @throws {JobxError} the first error of this batch.
   */
  async put(bytes: Uint8Array): Promise<Cid> {
    assert(bytes.length <= DATA_BLOCK_BYTES_MAX, "a block within bounds");
    while (this.#running.size >= WRITES_AT_ONCE) await Promise.race(this.#running);
    this.#check();
    const cid = cidOf(bytes);
    // Also where the block was there: its directory may still wait for its sync (S2).
    this.#shards.add(cid.slice(0, 2));
    const write = this.#target.write(cid, bytes).catch((error: unknown) => {
      this.#failure ??= { error };
    });
    const running = write.finally(() => this.#running.delete(running));
    this.#running.add(running);
    return cid;
  }

  /** Whether a block is here, and whole; if so, it is durable after `commit` like those that were put. */
  async keep(cid: Cid): Promise<boolean> {
    if (!(await this.#target.holds(cid))) return false;
    this.#shards.add(cid.slice(0, 2));
    return true;
  }

  /**
   * Resolves when every block is durable.
   * @throws {JobxError} `FS_DISK_FULL`, `FS_IO`: then some blocks may be there all the same.
   */
  async commit(): Promise<void> {
    await this.settle();
    this.#check();
    await this.#target.sync(this.#shards);
  }

  /** Waits until nothing is written any more; promises nothing about the blocks. */
  async settle(): Promise<void> {
    await Promise.all(this.#running);
  }

  #check(): void {
    if (this.#failure !== undefined) throw asError(this.#failure.error);
  }
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error("not an error", { cause: error });
}

async function writeWhole(path: string, bytes: Uint8Array, sync: boolean): Promise<void> {
  const file = await open(path, "wx");
  try {
    let at = 0;
    while (at < bytes.length) at += (await file.write(bytes, at)).bytesWritten;
    if (sync) await file.datasync();
  } finally {
    await file.close();
  }
}

/** Undefined without a file; without `bytes` when the file is longer than any block. */
async function readWhole(
  path: string,
): Promise<{ readonly inode: number; readonly bytes: Uint8Array | undefined } | undefined> {
  const file = await openOrNothing(path);
  if (file === undefined) return undefined;
  try {
    const { size, ino: inode } = await file.stat();
    if (size > DATA_BLOCK_BYTES_MAX) return { inode, bytes: undefined };
    const bytes = new Uint8Array(size);
    let at = 0;
    while (at < size) {
      const { bytesRead } = await file.read(bytes, at, size - at, at);
      if (bytesRead === 0) return { inode, bytes: undefined };
      at += bytesRead;
    }
    return { inode, bytes };
  } finally {
    await file.close();
  }
}

async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, "r");
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

type Maybe<Call extends (...args: never[]) => Promise<unknown>> =
  | Awaited<ReturnType<Call>>
  | undefined;

async function openOrNothing(path: string): Promise<Maybe<typeof open>> {
  return open(path, "r").catch(nothingIfAbsent);
}

async function statOrNothing(path: string): Promise<{ readonly ino: number } | undefined> {
  return stat(path).catch(nothingIfAbsent);
}

async function unlinkOrNothing(path: string): Promise<boolean> {
  const removed = await unlink(path).then(() => true, nothingIfAbsent);
  return removed === true;
}

function nothingIfAbsent(error: unknown): undefined {
  if (errnoOf(error) === "ENOENT") return undefined;
  throw asError(error);
}
