/** Gives the space of dead blocks back: what lives in a pack is written into another, then it goes. */
import { isJobxError } from "../../std/errors.ts";
import { cidOf } from "../cid.ts";
import { planCompaction } from "./compaction-plan.ts";
import { isDeadRecord, type PackedBlock, RECORD_HEADER_BYTES } from "./format.ts";
import type { Pack } from "./pack.ts";
import type { PackFolder } from "./pack-folder.ts";
import type { PackedPlace } from "./pack-table.ts";

/** Looks for work after a compaction that failed, on a full disk say, before the next is tried. */
const PAUSE_LOOKS = 256;

interface Moved extends PackedBlock {
  readonly from: PackedPlace;
}

/**
 * Compacts packs, one group at a time. P2: a pack goes only when each of its live blocks was read,
 * verified and synced in another pack, or found whole in one. A crash leaves blocks in two packs at most.
 */
export class Compactor {
  readonly #folder: PackFolder;
  #running: Promise<void> | undefined;
  #pause = 0;
  #compacted = 0;
  #failed = 0;

  constructor(folder: PackFolder) {
    this.#folder = folder;
  }

  /** Packs that were written again, or removed since nothing in them lived. */
  get compacted(): number {
    return this.#compacted;
  }

  /** Compactions that the disk refused. */
  get failed(): number {
    return this.#failed;
  }

  /** Does what is to be done. Resolves also when the disk refused: that is counted, and tried again later. */
  async tend(): Promise<void> {
    if (this.#pause > 0) {
      this.#pause--;
      return;
    }
    if (this.#running === undefined) {
      const packs = this.#plan();
      if (packs.length > 0) this.#running = this.#run(packs);
    }
    await this.#running;
  }

  /** Resolves when nothing is written any more. */
  async settled(): Promise<void> {
    await this.#running;
  }

  /** Removes a pack in which nothing lives: needs no room on the disk. @throws {JobxError} `FS_IO`. */
  async remove(pack: Pack): Promise<void> {
    await this.#folder.remove(pack);
    this.#compacted++;
  }

  #plan(): readonly Pack[] {
    return planCompaction(this.#folder.staying());
  }

  async #run(first: readonly Pack[]): Promise<void> {
    try {
      for (let packs = first; packs.length > 0; packs = this.#plan()) await this.#compact(packs);
    } catch (error) {
      if (!isJobxError(error)) throw error;
      this.#failed++;
      this.#pause = PAUSE_LOOKS;
    } finally {
      // In the same turn as the last plan: who comes later has a plan of their own made.
      this.#running = undefined;
    }
  }

  async #compact(packs: readonly Pack[]): Promise<void> {
    const moved = new Map<string, Moved>();
    for (const pack of packs) await this.#gather(pack, { moved, leaving: packs });
    if (moved.size > 0) await this.#write([...moved.values()]);
    for (const pack of packs) await this.remove(pack);
  }

  async #write(moved: readonly Moved[]): Promise<void> {
    const pack = await this.#folder.write(moved);
    const deleted = moved.flatMap(({ hash, from }) => {
      const ordinal = from.pack.isDead(from.ordinal) ? pack.find(hash) : undefined;
      return ordinal === undefined ? [] : [{ pack, ordinal }];
    });
    // In the turn in which it is registered: what is deleted later is looked for in this pack.
    for (const { ordinal } of deleted) pack.kill(ordinal);
    this.#folder.register(pack);
    for (const place of deleted) await this.#folder.files.mark(place);
  }

  /** Collects copies of what must be moved out of a pack. */
  async #gather(
    pack: Pack,
    into: { readonly moved: Map<string, Moved>; readonly leaving: readonly Pack[] },
  ): Promise<void> {
    if (pack.liveCount === 0) return;
    const { moved, leaving } = into;
    const bytes = await this.#folder.files.readAll(pack);
    if (bytes === undefined) return this.#folder.vanished(pack);
    for (const ordinal of [...pack.live()]) {
      const place = { pack, ordinal };
      const cid = Buffer.from(pack.hashOf(ordinal)).toString("hex");
      const begin = pack.placeOf(ordinal);
      const record = bytes.subarray(begin, begin + RECORD_HEADER_BYTES + pack.lengthOf(ordinal));
      const state = stateOf(record, { cid, length: pack.lengthOf(ordinal) });
      if (state === "dead") this.#folder.table.kill(place);
      if (state === "damaged") {
        await this.#folder.setAside(place, record.subarray(RECORD_HEADER_BYTES));
      }
      if (state !== "whole" || moved.has(cid) || pack.isDead(ordinal)) continue;
      if (await this.#isElsewhere(place, leaving)) continue;
      // A copy: a view would keep the whole pack in memory.
      const block = record.slice(RECORD_HEADER_BYTES);
      moved.set(cid, { hash: pack.hashOf(ordinal), bytes: block, from: place });
    }
  }

  /** Whether another pack, that stays, has the block as well, and whole. */
  async #isElsewhere({ pack, ordinal }: PackedPlace, leaving: readonly Pack[]): Promise<boolean> {
    const hash = pack.hashOf(ordinal);
    const cid = Buffer.from(hash).toString("hex");
    for (const place of this.#folder.table.findAll(hash)) {
      if (leaving.includes(place.pack)) continue;
      const record = await this.#folder.files.readRecord(place);
      const length = place.pack.lengthOf(place.ordinal);
      if (record !== undefined && stateOf(record, { cid, length }) === "whole") return true;
    }
    return false;
  }
}

/** What a record is that should be the block's. */
export function stateOf(
  record: Uint8Array,
  block: { readonly cid: string; readonly length: number },
): "whole" | "dead" | "damaged" {
  if (record.length !== RECORD_HEADER_BYTES + block.length) return "damaged";
  if (isDeadRecord(record, 0)) return "dead";
  return cidOf(record.subarray(RECORD_HEADER_BYTES)) === block.cid ? "whole" : "damaged";
}
