/** A simulated machine's disk: how long it takes, when it stands still, and what it refuses. */
import { isJobxError } from "../../src/std/errors.ts";
import { StoreError } from "../../src/store/errors.ts";
import type { DatabaseName } from "../../src/store/ports.ts";
import { type DiskStep, FakeDisk } from "../lib/fake-disk.ts";
import type { Chance } from "./chance.ts";
import { Violation, type World } from "./world.ts";

/** Small, so that rotations and checkpoints happen. */
export const MEMTABLE_BYTES = { log: 256 * 1024, state: 64 * 1024 } as const;

/** How a host's disk behaves. */
export interface DiskWeather {
  readonly syncMsMin: number;
  readonly syncMsMax: number;
  /** Chance that a sync takes up to `stallMs` more. */
  readonly stallRatio: number;
  readonly stallMs: number;
}

export const CALM_DISK: DiskWeather = {
  syncMsMin: 0.3,
  syncMsMax: 4,
  stallRatio: 0,
  stallMs: 0,
};

/** What stands still: one database or, with its files, the whole disk. */
export type HungPlace = DatabaseName | "disk";

/** The process that uses the disk, as far as it is needed here. */
interface DiskUser {
  sleep(delayMs: number): Promise<void>;
}

export interface HostDiskOptions {
  readonly world: World;
  /** Of the host. */
  readonly id: string;
  /** Undefined while there is none: then nothing ends. */
  readonly process: () => DiskUser | undefined;
}

export class HostDisk {
  readonly disk: FakeDisk;
  weather: DiskWeather = CALM_DISK;
  readonly #options: HostDiskOptions;
  readonly #chance: Chance;
  readonly #faultChance: Chance;
  #hung: { readonly place: HungPlace; readonly untilMs: number } | undefined;
  /** Chance that a write finds no room. */
  #fullRatio = 0;
  /** Whose next read fails. */
  #unreadable: DatabaseName | undefined;
  #onReadFailed: (() => void) | undefined;
  /** Codes of what the process that runs, or ran last, was refused. */
  readonly #refused = new Set<string>();
  /** Databases into which it could not write. */
  readonly #unwritable = new Set<string>();

  constructor(options: HostDiskOptions) {
    this.#options = options;
    const { world, id } = options;
    this.#chance = world.chance(`disk ${id}`);
    this.#faultChance = world.chance(`disk faults ${id}`);
    this.disk = new FakeDisk({
      random: world.chance(`disk loss ${id}`),
      delay: (step) => this.#delay(step),
      failedLands: () => this.#faultChance.hits(0.5),
      memtableBytes: MEMTABLE_BYTES,
    });
  }

  /** A process starts, which was refused nothing yet. */
  started(): void {
    this.#refused.clear();
    this.#unwritable.clear();
  }

  /** Whether the process that runs, or ran last, was refused anything. */
  get hasRefused(): boolean {
    return this.#refused.size > 0;
  }

  get isHung(): boolean {
    return this.#hung !== undefined;
  }

  /** From now on what writes stands still until then, and goes on. */
  hang(place: HungPlace, untilMs: number): void {
    this.#hung = { place, untilMs };
  }

  /** Nothing that begins from now on stands still. */
  goOn(): void {
    this.#hung = undefined;
  }

  get isFull(): boolean {
    return this.#fullRatio > 0;
  }

  /** From now on writes find no room, each with this chance. */
  fill(ratio: number): void {
    this.#fullRatio = ratio;
  }

  makeRoom(): void {
    this.#fullRatio = 0;
  }

  /** The next read of a database fails, once. */
  failNextRead(place: DatabaseName, onFailed: () => void): void {
    this.#unreadable = place;
    this.#onReadFailed = onFailed;
  }

  get awaitsRead(): boolean {
    return this.#unreadable !== undefined;
  }

  /** All reads succeed again. */
  readAll(): void {
    this.#unreadable = undefined;
  }

  /** Whether a process may end over this error: it was refused just that. */
  explainsEnd(error: unknown): boolean {
    return isJobxError(error) && this.#refused.has(error.code);
  }

  /** Whether a replica of the process that runs may have stopped for this reason. */
  explainsStop(reason: string): boolean {
    return [...this.#refused].some((code) => reason.startsWith(`${code}: `));
  }

  #delay(step: DiskStep): Promise<void> {
    const process = this.#options.process();
    if (process === undefined) return new Promise(() => {});
    if (this.#stands(step)) {
      const { untilMs } = this.#hung ?? { untilMs: 0 };
      const leftMs = untilMs - this.#options.world.loop.nowMs();
      return process.sleep(Math.max(0, leftMs)).then(() => this.#take(step, process));
    }
    return this.#take(step, process);
  }

  #stands({ kind, place }: DiskStep): boolean {
    if (this.#hung === undefined) return false;
    if (kind === "read" || kind === "open" || kind === "file") return false;
    return this.#hung.place === "disk" || this.#hung.place === place;
  }

  #take(step: DiskStep, process: DiskUser): Promise<void> {
    const refusal = this.#refusal(step);
    if (refusal === undefined) return this.#duration(step, process);
    this.#refused.add(refusal.code);
    return this.#duration(step, process).then(() => {
      throw refusal;
    });
  }

  #refusal({ kind, place }: DiskStep): StoreError | undefined {
    const { world, id } = this.#options;
    switch (kind) {
      case "read": {
        if (this.#unreadable !== place) return undefined;
        this.#unreadable = undefined;
        world.totals.readErrors += 1;
        world.trace.note(`${id}: a read of ${place} fails`);
        this.#onReadFailed?.();
        return new StoreError({ code: "STORE_IO", what: place }, "a read failed");
      }
      case "write":
      case "sync":
        this.#checkWritable(place);
        if (!this.#isRefused()) return undefined;
        this.#unwritable.add(place);
        break;
      case "flush":
      case "file-write":
        if (!this.#isRefused()) return undefined;
        break;
      case "open":
      case "file":
      case "mark":
        return undefined;
    }
    world.totals.writesRefused += 1;
    world.trace.note(`${id}: a ${kind} of ${place} finds no room`);
    return new StoreError({ code: "STORE_DISK_FULL", what: place }, "no space is left");
  }

  #isRefused(): boolean {
    return this.#fullRatio > 0 && this.#faultChance.hits(this.#fullRatio);
  }

  /** Rule 1 of the store: what is in a database after a write that failed is known only when it is opened again. */
  #checkWritable(place: string): void {
    if (!this.#unwritable.has(place)) return;
    const { world, id } = this.#options;
    world.violate(new Violation(`${id} writes into ${place} after a write that failed`));
  }

  #duration({ kind }: DiskStep, process: DiskUser): Promise<void> {
    const chance = this.#chance;
    const { syncMsMin, syncMsMax, stallRatio, stallMs } = this.weather;
    switch (kind) {
      case "read":
      case "write":
      case "mark":
        return Promise.resolve();
      case "sync":
      case "flush": {
        const stalled = chance.hits(stallRatio) ? chance.between(0, stallMs) : 0;
        return process.sleep(chance.between(syncMsMin, syncMsMax) + stalled);
      }
      case "open":
      case "file":
      case "file-write":
        return process.sleep(chance.between(0.2, 2));
    }
  }
}
