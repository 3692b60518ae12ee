/**
 * The small blocks of a store, in packs. Several instances may have the packs open: each finds what
 * the others wrote when it misses something, reads the mark of the dead with each block, and looks
 * again when a pack is gone. Only one, the keeper, gives space back: two could each drop a block because
 * the other has it.
 *
 * P1. A pack is in the table only when its name was synced: what is found is durable. P2. A pack goes
 * only when each of its live blocks was read, verified and synced in another, or found whole in one.
 * P3. Marks of the dead need no sync: a crash may bring a block back, and never takes one.
 */
import type { Cid } from "../../wire/dataset.ts";
import type { DamagedFolder } from "../damaged-folder.ts";
import { Compactor, stateOf } from "./compactor.ts";
import { extentsOf } from "./extents.ts";
import { HASH_BYTES, RECORD_HEADER_BYTES } from "./format.ts";
import type { Blocks } from "./group-commit.ts";
import type { Pack } from "./pack.ts";
import type { PackFiles } from "./pack-files.ts";
import { PackFolder } from "./pack-folder.ts";

/** Blocks that packs take: 132 MB of memory (`pack-table.ts`). Further small blocks get files of their own. */
export const PACKED_BLOCKS_MAX = 2 ** 21;

/** What is in the packs, and what happened to them since they were opened. */
export interface PackStats {
  readonly packs: number;
  readonly blocks: number;
  /** Bytes of the blocks that live. */
  readonly liveBytes: number;
  /** Bytes of the files. */
  readonly fileBytes: number;
  /** Packs that were written again, or removed since nothing in them lived. */
  readonly compacted: number;
  /** Compactions that the disk refused; they are tried again. */
  readonly failed: number;
  /** Packs whose index was damaged, so that their records were read. */
  readonly scanned: number;
  /** Files that only a newer program can read, or that the disk does not give; they are left alone. */
  readonly unreadable: number;
}

/** Packed blocks. Names are content ids that the caller has checked; all methods may be called at the same time. */
export class Packs {
  readonly #folder: PackFolder;
  readonly #compactor: Compactor;
  readonly #isKeeper: boolean;

  constructor(options: {
    readonly files: PackFiles;
    readonly damaged: DamagedFolder;
    readonly isKeeper: boolean;
  }) {
    this.#folder = new PackFolder(options.files, options.damaged);
    this.#compactor = new Compactor(this.#folder);
    this.#isKeeper = options.isKeeper;
  }

  /** Whether no more blocks are taken. */
  get isFull(): boolean {
    return this.#folder.table.blockCount >= PACKED_BLOCKS_MAX;
  }

  /** Finds packs that came from elsewhere. @throws {JobxError} `FS_IO`. */
  refresh(): Promise<void> {
    return this.#folder.refresh();
  }

  /** Whether a block is known to be here. */
  has(cid: Cid): boolean {
    return this.#folder.table.find(hashOf(cid)) !== undefined;
  }

  /**
   * The bytes, verified; "missing"; or "damaged", after which it is missing (S3).
   * @throws {JobxError} `FS_IO`.
   */
  async get(cid: Cid): Promise<Uint8Array | "missing" | "damaged"> {
    const hash = hashOf(cid);
    let without: "missing" | "damaged" = "missing";
    // Ends: each round but the last makes a copy dead, or forgets a pack.
    for (;;) {
      const place = this.#folder.table.find(hash);
      if (place === undefined) return without;
      const { pack, ordinal } = place;
      const record = await this.#folder.files.readRecord(place);
      if (record === undefined) {
        await this.#folder.vanished(pack);
        continue;
      }
      const block = record.subarray(RECORD_HEADER_BYTES);
      switch (stateOf(record, { cid, length: pack.lengthOf(ordinal) })) {
        case "whole":
          return block;
        case "dead":
          // By another instance, or here since the table was asked.
          this.#folder.table.kill(place);
          break;
        case "damaged":
          without = "damaged";
          await this.#folder.setAside(place, block);
          break;
      }
    }
  }

  /**
   * Those of the blocks that one look at each of their packs finds whole, verified; about others `get` says
   * more. What is returned shares its memory with its neighbours.
   * @throws {JobxError} `FS_IO`.
   */
  async getMany(cids: Iterable<Cid>): Promise<ReadonlyMap<Cid, Uint8Array>> {
    const wanted = new Map<Pack, Map<number, Cid>>();
    for (const cid of cids) {
      const place = this.#folder.table.find(hashOf(cid));
      if (place === undefined) continue;
      const ordinals = wanted.get(place.pack) ?? new Map<number, Cid>();
      wanted.set(place.pack, ordinals.set(place.ordinal, cid));
    }
    const found = new Map<Cid, Uint8Array>();
    for (const [pack, names] of wanted) {
      const extents = extentsOf(pack, [...names.keys()]);
      const parts = (await this.#folder.files.readExtents(pack.name, extents)) ?? [];
      for (const [at, part] of parts.entries()) {
        for (const ordinal of extents[at]?.ordinals ?? []) {
          const from = pack.placeOf(ordinal) - (extents[at]?.at ?? 0);
          const length = pack.lengthOf(ordinal);
          const record = part.subarray(from, from + RECORD_HEADER_BYTES + length);
          const cid = names.get(ordinal);
          if (cid === undefined || stateOf(record, { cid, length }) !== "whole") continue;
          found.set(cid, record.subarray(RECORD_HEADER_BYTES));
        }
      }
    }
    return found;
  }

  /**
   * Stores blocks, together no more than a pack takes; they are durable when this resolves.
   * @throws {JobxError} `FS_DISK_FULL`, `FS_IO`.
   */
  async store(blocks: Blocks): Promise<void> {
    const packed = [...blocks].map(([cid, bytes]) => ({ hash: hashOf(cid), bytes }));
    this.#folder.register(await this.#folder.write(packed));
    // Nobody waits for it: the blocks are durable.
    if (this.#isKeeper) void this.#compactor.tend();
  }

  /** Removes all copies of a block; false when there was none. @throws {JobxError} `FS_IO`. */
  async delete(cid: Cid): Promise<boolean> {
    const { table, files } = this.#folder;
    const places = table.findAll(hashOf(cid));
    // At once, before anything waits: from now on it is not here.
    for (const place of places) table.kill(place);
    for (const place of places) {
      const isEmpty = place.pack.liveCount === 0;
      if (isEmpty && this.#isKeeper) await this.#compactor.remove(place.pack);
      else await files.mark(place);
    }
    if (places.length > 0 && this.#isKeeper) await this.#compactor.tend();
    return places.length > 0;
  }

  /** Ids that begin with the byte `shard`, in no order; of duplicates each. */
  list(shard: number): readonly Cid[] {
    const from = new Uint8Array(HASH_BYTES);
    from[0] = shard;
    const found: Cid[] = [];
    for (const pack of this.#folder.table.packs) {
      for (let ordinal = pack.lowerBound(from); ordinal < pack.index.count; ordinal++) {
        const hash = pack.hashOf(ordinal);
        if (hash[0] !== shard) break;
        if (!pack.isDead(ordinal)) found.push(Buffer.from(hash).toString("hex"));
      }
    }
    return found;
  }

  /** Counts, of what this instance knows. */
  stats(): PackStats {
    const { table, scanned, unreadable } = this.#folder;
    const { compacted, failed } = this.#compactor;
    let [liveBytes, fileBytes] = [0, 0];
    for (const pack of table.packs) {
      liveBytes += pack.liveBytes;
      fileBytes += pack.fileBytes;
    }
    const counts = { packs: table.packCount, blocks: table.blockCount, liveBytes, fileBytes };
    return { ...counts, compacted, failed, scanned, unreadable };
  }

  /** Resolves when no pack is being compacted. */
  settled(): Promise<void> {
    return this.#compactor.settled();
  }
}

function hashOf(cid: Cid): Uint8Array {
  return Buffer.from(cid, "hex");
}
