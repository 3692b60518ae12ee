/** Whether there is room left for blocks on this node's disk: said before nothing can be stored, and until it can again. */
import type { Timer, Timers } from "../std/clock.ts";

/** Between two looks. */
const LOOK_MS = 2_000;

/** Less free than this is told: a few large files more, and writes here fail. */
export const LOW_BYTES: number = 64 * 1024 * 1024;

const MIB = 1024 * 1024;

/** A sentence for people about the room that is left. */
export interface RoomWarning {
  readonly code: "disk-full";
  readonly message: string;
}

export interface DiskRoomDeps {
  readonly timers: Timers;
  /** Free where blocks are kept, bytes. */
  readonly freeBytes: () => Promise<number>;
}

export class DiskRoom {
  readonly #deps: DiskRoomDeps;
  #timer: Timer | undefined;
  #stopped = false;
  #freeBytes: number | undefined;

  constructor(deps: DiskRoomDeps) {
    this.#deps = deps;
  }

  start(): void {
    void this.#look().finally(() => {
      if (!this.#stopped) this.#timer = this.#deps.timers.after(LOOK_MS, () => this.start());
    });
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
  }

  /** As it was at the last look; nothing where there is room, or nobody can tell. */
  warnings(): readonly RoomWarning[] {
    const free = this.#freeBytes;
    if (free === undefined || free >= LOW_BYTES) return [];
    const message = `only ${Math.floor(free / MIB)} MiB are free where this node keeps blocks: what is written here may fail, and copies go to other nodes`;
    return [{ code: "disk-full", message }];
  }

  async #look(): Promise<void> {
    try {
      this.#freeBytes = await this.#deps.freeBytes();
    } catch {
      // What is wrong with the disk shows where it is written to.
      this.#freeBytes = undefined;
    }
  }
}
