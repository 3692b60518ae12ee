/** Where blocks go that do not have their hash: a few are kept for a look at what happened. */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { Cid } from "../wire/dataset.ts";
import { countNames, unlinkOrNothing, writeWhole } from "./block-files.ts";
import { errnoOf } from "./errors.ts";

/** Damaged files kept for a look at what happened; of later ones only the error is left. */
export const DAMAGED_FILES_MAX = 64;

/** `damaged/` of a store, and how many blocks were found to be damaged. */
export class DamagedFolder {
  readonly #path: string;
  #found = 0;

  constructor(directory: string) {
    this.#path = join(directory, "damaged");
  }

  /** Blocks that were set aside since the store was opened. */
  get found(): number {
    return this.#found;
  }

  /** Another block was found to be damaged. */
  count(): void {
    this.#found++;
  }

  /** Makes it when it is not there. */
  async make(): Promise<void> {
    await mkdir(this.#path, { recursive: true });
  }

  /** Whether another may be kept. */
  async hasRoom(): Promise<boolean> {
    return (await countNames(this.#path)) < DAMAGED_FILES_MAX;
  }

  /** Where the damaged bytes of this name are kept. */
  pathOf(name: Cid): string {
    return join(this.#path, name);
  }

  /** Keeps a copy if there is room here and on the disk: it is only for people to look at. */
  async keep(cid: Cid, bytes: Uint8Array): Promise<void> {
    if (!(await this.hasRoom())) return;
    try {
      await writeWhole(this.pathOf(cid), bytes, false);
    } catch (error) {
      if (errnoOf(error) !== "EEXIST") await unlinkOrNothing(this.pathOf(cid));
    }
  }
}
