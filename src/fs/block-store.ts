/**
 * Content-addressed blocks, named by their sha256: small ones that come together in packs (`packs/`),
 * all others as plain files (`blocks/aa/aabbcc…`).
 *
 * S1. A file under its final name was whole and synced before it got that name, so a crash leaves
 * only whole blocks and temporary files. S2. A block counts as durable when its directory was
 * synced after the rename. S3. What is read is hashed before anyone sees it; what has another
 * hash is set aside under `damaged/`, so that the good block can take its place.
 */
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { assert } from "../std/assert.ts";
import type { Cid } from "../wire/dataset.ts";
import { isRunBlock } from "../wire/run.ts";
import { type BatchTarget, BlockBatch, type Held } from "./block-batch.ts";
import { isCid } from "./cid.ts";
import { CondemnedBlocks } from "./condemned.ts";
import { DamagedFolder } from "./damaged-folder.ts";
import { blockMissing, FsError, onDisk } from "./errors.ts";
import { type Blocks, GroupCommit } from "./packs/group-commit.ts";
import { PackFiles } from "./packs/pack-files.ts";
import { type PackStats, Packs } from "./packs/packs.ts";
import { eachAtOnce, PlainBlocks, SHARDS, shardOf } from "./plain-blocks.ts";

export { cidOf, isCid } from "./cid.ts";

/**
 * Small blocks that come together in fewer than so many have files of their own: a pack is one file and one folder to
 * be synced where each of them is, but it is written once more when many small packs become one, and a file gives its
 * space back at once.
 */
export const PACKED_BLOCKS_MIN = 3;

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
  /**
   * Whether this opening writes packs again of which half is deleted. Of all that have the directory
   * open at the same time only one may (P2 in `packs/packs.ts`). Default true.
   */
  readonly isKeeper?: boolean;
}

/** A block that is here. */
export interface BlockFacts {
  readonly bytes: number;
  /** Whether it may be of a run: its manifest, or a block of its pairs. A file may look like one. */
  readonly isRun: boolean;
}

/** What a store has, and what happened to it since it was opened. */
export interface BlockStoreStats {
  /** Blocks with a file of their own, and their bytes. */
  readonly plain: { readonly blocks: number; readonly bytes: number };
  readonly packed: PackStats;
  /** Blocks that were found to be damaged and set aside. */
  readonly damagedBlocks: number;
}

/** Removes the temporary files of all instances: for the start of a node, before any store is open. */
export async function clearTemporary(directory: string): Promise<void> {
  await onDisk(directory, () => rm(join(directory, "tmp"), { recursive: true, force: true }));
}

/** The blocks of this node. All methods may be called at the same time. */
export class BlockStore {
  /** For files that need not outlive this opening, on the same disk as the blocks. */
  readonly temporaryDirectory: string;
  readonly #damaged: DamagedFolder;
  readonly #plain: PlainBlocks;
  readonly #packFiles: PackFiles;
  readonly #packs: Packs;
  readonly #small = new GroupCommit((blocks) => this.#storeSmall(blocks));
  readonly #condemned = new CondemnedBlocks();
  /** Those that other nodes have, so that this one need not. */
  readonly #offered = new CondemnedBlocks();
  #temporaryCount = 0;

  /** Does nothing on the disk: use `open`. */
  constructor(options: Required<BlockStoreOptions>) {
    const { directory, sync, isKeeper } = options;
    this.temporaryDirectory = join(directory, "tmp", options.instance);
    this.#damaged = new DamagedFolder(directory);
    const temporaryPath = (): string => this.temporaryPath();
    this.#plain = new PlainBlocks({ directory, sync, damaged: this.#damaged, temporaryPath });
    this.#packFiles = new PackFiles({ directory: join(directory, "packs"), sync, temporaryPath });
    this.#packs = new Packs({ files: this.#packFiles, damaged: this.#damaged, isKeeper });
  }

  /** @throws {JobxError} `FS_DISK_FULL`, `FS_IO` when the directory cannot be made ready. */
  static async open(options: BlockStoreOptions): Promise<BlockStore> {
    const { directory, instance = "main", sync = true, isKeeper = true } = options;
    assert(/^[a-z0-9-]+$/.test(instance), "the name of an instance is a plain file name");
    const store = new BlockStore({ directory, instance, sync, isKeeper });
    await onDisk(directory, async () => {
      await rm(store.temporaryDirectory, { recursive: true, force: true });
      await mkdir(store.temporaryDirectory, { recursive: true });
      await store.#damaged.make();
      await store.#packFiles.make();
      // Syncs the names of all folders, that of the packs among them.
      await store.#plain.makeShards();
      await store.#packs.refresh();
    });
    return store;
  }

  /** Whether a block of this name is here. Whether it is whole shows when it is read. */
  async has(cid: Cid): Promise<boolean> {
    if (!isCid(cid)) return false;
    await this.#use(cid);
    if (this.#packs.has(cid) || (await this.#plain.has(cid))) return true;
    await this.#packs.refresh();
    return this.#packs.has(cid);
  }

  /** Ids of blocks above `after`, in order, at most `limit`; what comes in meanwhile may be missing. */
  async list(after: string, limit: number): Promise<readonly Cid[]> {
    await this.#packs.refresh();
    const found: Cid[] = [];
    for (let shard = Number.parseInt(after.slice(0, 2) || "00", 16); shard < SHARDS; shard++) {
      const names = new Set([...(await this.#plain.list(shard)), ...this.#packs.list(shard)]);
      found.push(...[...names].filter((name) => name > after).sort());
      if (found.length >= limit) break;
    }
    return found.slice(0, limit);
  }

  /**
   * The bytes of a block, verified.
   * @throws {JobxError} `FS_BLOCK_MISSING`; `FS_BLOCK_DAMAGED` when no copy was what it should
   * be, once, after which it is missing; `FS_IO`.
   */
  async get(cid: Cid): Promise<Uint8Array> {
    if (!isCid(cid)) throw blockMissing(cid);
    await this.#use(cid);
    const { bytes, isDamaged } = await this.#find(cid);
    if (bytes !== undefined) return bytes;
    if (!isDamaged) throw blockMissing(cid);
    throw new FsError({ code: "FS_BLOCK_DAMAGED", cid }, "a stored block does not have its hash");
  }

  /**
   * Those of many blocks that are here together with others and whole; about the rest `get` says more. What is
   * returned shares its memory with its neighbours.
   * @throws {JobxError} `FS_IO`.
   */
  async getPacked(cids: readonly Cid[]): Promise<ReadonlyMap<Cid, Uint8Array>> {
    const wanted = cids.filter(isCid);
    for (const cid of wanted) await this.#condemned.use(cid);
    return this.#packs.getMany(wanted);
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

  /** For many blocks that become durable together, with few flushes. */
  batch(): BlockBatch {
    const target: BatchTarget = {
      holds: async (cid) => {
        const held = await this.#holds(cid);
        if (held !== undefined) return held;
        await this.#packs.refresh();
        return this.#packs.has(cid) ? this.#holds(cid) : undefined;
      },
      writePlain: async (cid, bytes) => {
        if ((await this.#holds(cid)) === undefined) await this.#plain.write(cid, bytes);
      },
      linkPlain: async (cid, bytes, path) => {
        if ((await this.#holds(cid)) !== undefined) return;
        if (!(await this.#plain.link(cid, path))) await this.#plain.write(cid, bytes);
      },
      syncShards: (shards) => this.#plain.syncShards(shards),
      storeSmall: (blocks) => this.#small.commit(blocks),
    };
    return new BlockBatch(target);
  }

  /** Removes a block; false when it was not here. A crash may bring it back. @throws {JobxError} `FS_IO`. */
  async delete(cid: Cid): Promise<boolean> {
    if (!isCid(cid)) return false;
    const wasPacked = await this.#packs.delete(cid);
    const wasPlain = await this.#plain.delete(cid);
    if (wasPacked || wasPlain) return true;
    await this.#packs.refresh();
    return this.#packs.delete(cid);
  }

  /**
   * What a block is, without wanting it: one that is condemned stays so. Undefined where there is no whole one.
   * @throws {JobxError} `FS_IO`.
   */
  async facts(cid: Cid): Promise<BlockFacts | undefined> {
    if (!isCid(cid)) return undefined;
    const { bytes } = await this.#find(cid);
    return bytes && { bytes: bytes.length, isRun: isRunBlock(bytes) };
  }

  /** R25: from now on each block is here only until `deleteMany`, unless it is wanted before. For each, whether there was room. */
  condemn(cids: readonly Cid[]): readonly boolean[] {
    return cids.map((cid) => isCid(cid) && this.#condemned.condemn(cid));
  }

  /**
   * Removes those that are condemned and were not wanted since; for each, whether it was removed. A crash may
   * bring them back.
   * @throws {JobxError} `FS_IO`; the others are done by then.
   */
  deleteMany(cids: readonly Cid[]): Promise<readonly boolean[]> {
    return this.#deleteFrom(this.#condemned, cids);
  }

  async #deleteFrom(list: CondemnedBlocks, cids: readonly Cid[]): Promise<readonly boolean[]> {
    const removed = new Set<Cid>();
    await eachAtOnce(new Set(cids), async (cid) => {
      if (await list.remove(cid, () => this.delete(cid))) removed.add(cid);
    });
    return cids.map((cid) => removed.has(cid));
  }

  /** As `condemn`, of copies that are too many, whatever else is to become of them. */
  offer(cids: readonly Cid[]): readonly boolean[] {
    return cids.map((cid) => isCid(cid) && this.#offered.condemn(cid));
  }

  /** As `deleteMany`, of what was offered. @throws {JobxError} `FS_IO`. */
  dropOffered(cids: readonly Cid[]): Promise<readonly boolean[]> {
    return this.#deleteFrom(this.#offered, cids);
  }

  /** What is here. Looks at each plain file: minutes for millions. @throws {JobxError} `FS_IO`. */
  async stats(): Promise<BlockStoreStats> {
    const plain = { blocks: 0, bytes: 0 };
    for (let shard = 0; shard < SHARDS; shard++) {
      await eachAtOnce(await this.#plain.list(shard), async (cid) => {
        const bytes = await this.#plain.bytesOf(cid);
        if (bytes === undefined) return;
        plain.blocks++;
        plain.bytes += bytes;
      });
    }
    return { plain, packed: this.#packs.stats(), damagedBlocks: this.#damaged.found };
  }

  /** Resolves when nothing is compacted any more: before the directory is removed, say. */
  settled(): Promise<void> {
    return this.#packs.settled();
  }

  /** Somebody wants the block; to be waited for before it is looked for. */
  async #use(cid: Cid): Promise<void> {
    await Promise.all([this.#condemned.use(cid), this.#offered.use(cid)]);
  }

  /** A path for a new temporary file. */
  temporaryPath(): string {
    return join(this.temporaryDirectory, `${this.#temporaryCount++}`);
  }

  async #find(
    cid: Cid,
  ): Promise<{ readonly bytes: Uint8Array | undefined; readonly isDamaged: boolean }> {
    const packed = await this.#packs.get(cid);
    if (packed instanceof Uint8Array) return { bytes: packed, isDamaged: false };
    const plain = await this.#plain.get(cid);
    if (plain instanceof Uint8Array) return { bytes: plain, isDamaged: false };
    const isDamaged = packed === "damaged" || plain === "damaged";
    // Also when that finds nothing new: another call may have found it meanwhile.
    await this.#packs.refresh();
    const later = await this.#packs.get(cid);
    const bytes = later instanceof Uint8Array ? later : undefined;
    return { bytes, isDamaged: isDamaged || later === "damaged" };
  }

  /** Reads it, because a promise that it is durable must not rest on a damaged file. */
  async #holds(cid: Cid): Promise<Held> {
    if (!isCid(cid)) return undefined;
    await this.#use(cid);
    if ((await this.#packs.get(cid)) instanceof Uint8Array) return "packed";
    if (!(await this.#plain.has(cid))) return undefined;
    return (await this.#plain.get(cid)) instanceof Uint8Array ? "plain" : undefined;
  }

  async #storeSmall(blocks: Blocks): Promise<void> {
    const fresh = new Map<Cid, Uint8Array>();
    const shards = new Set<string>();
    // Read, because a promise that they are durable must not rest on damaged ones.
    const packed = await this.getPacked([...blocks.keys()]);
    await eachAtOnce(blocks, async ([cid, bytes]) => {
      if (packed.has(cid)) return;
      const held = await this.#holds(cid);
      if (held === undefined) fresh.set(cid, bytes);
      if (held === "plain") shards.add(shardOf(cid));
    });
    if (fresh.size >= PACKED_BLOCKS_MIN && !this.#packs.isFull) {
      await this.#packs.store(fresh);
    } else {
      await eachAtOnce(fresh, ([cid, bytes]) => this.#plain.write(cid, bytes));
      for (const cid of fresh.keys()) shards.add(shardOf(cid));
    }
    await this.#plain.syncShards(shards);
  }
}
