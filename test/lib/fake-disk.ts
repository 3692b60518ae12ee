/**
 * A node's disk in memory. Every operation takes effect when `delay` lets it, so a simulator decides
 * in which order they end; `crash` ends the process that uses it and leaves what a disk would.
 */

import type { Random } from "../../src/std/random.ts";
import { closedError, StoreError } from "../../src/store/errors.ts";
import {
  LOG_MEMTABLE_BYTES,
  MARK_FILE_BYTES,
  MARK_SLOT_BYTES,
  STATE_MEMTABLE_BYTES,
} from "../../src/store/limits.ts";
import type {
  DatabaseName,
  Disk,
  KvOperation,
  KvReader,
  KvSnapshot,
  MarkFile,
  OrderedKv,
  ScanRange,
} from "../../src/store/ports.ts";
import { ByteSlab } from "../../src/wire/byte-slab.ts";
import { type CrashKind, FakeDatabase, pageOf } from "./fake-database.ts";
import type { SortedRows } from "./sorted-rows.ts";

/** What is about to happen on the fake disk. */
export interface DiskStep {
  /** A small file or a database is made or replaced: that, unlike all else about files, needs room. */
  readonly kind: "read" | "write" | "sync" | "flush" | "open" | "file" | "file-write" | "mark";
  readonly place: string;
  readonly bytes: number;
}

export interface FakeDiskOptions {
  /** Decides what a crash loses. */
  readonly random: Random;
  /** Awaited before a step takes effect. A rejection is what the operation fails with. At once by default. */
  readonly delay?: (step: DiskStep) => Promise<void>;
  /** Whether a write that failed is found after the next opening all the same; never by default. */
  readonly failedLands?: () => boolean;
  /** Sizes of the memtables; LevelDB's by default. Small ones make rotations frequent. */
  readonly memtableBytes?: Readonly<Record<DatabaseName, number>>;
}

/** How many versions of a mark's sector a crash chooses from. */
const MARK_VERSIONS_MAX = 16;

const MEMTABLE_BYTES: Readonly<Record<DatabaseName, number>> = {
  log: LOG_MEMTABLE_BYTES,
  state: STATE_MEMTABLE_BYTES,
};

/** A process's hold on the disk; a crash ends all holds at once. */
class Session {
  #dead = false;
  readonly open = new Map<DatabaseName, FakeKv>();

  /** The process ends. */
  end(): void {
    this.#dead = true;
  }

  /** Lets a step happen, unless the process has died meanwhile: then nothing ever returns to it. */
  async wait(delay: (step: DiskStep) => Promise<void>, step: DiskStep): Promise<void> {
    if (this.#isDead()) return forever();
    await delay(step);
    if (this.#isDead()) return forever();
  }

  #isDead(): boolean {
    return this.#dead;
  }
}

function forever(): Promise<never> {
  return new Promise<never>(() => {});
}

export class FakeDisk implements Disk {
  readonly #random: Random;
  readonly #delay: (step: DiskStep) => Promise<void>;
  readonly #failedLands: () => boolean;
  readonly #memtableBytes: Readonly<Record<DatabaseName, number>>;
  readonly #databases = new Map<DatabaseName, FakeDatabase>();
  readonly #files = new Map<string, Uint8Array>();
  /** Per file its two sectors, each with the versions that may be on the disk, newest last. */
  readonly #marks = new Map<string, Uint8Array[][]>();
  #session = new Session();
  /** Stores that were set aside. */
  asideCount = 0;

  constructor(options: FakeDiskOptions) {
    this.#random = options.random;
    this.#delay = options.delay ?? (() => Promise.resolve());
    this.#failedLands = options.failedLands ?? (() => false);
    this.#memtableBytes = options.memtableBytes ?? MEMTABLE_BYTES;
  }

  /**
   * Ends the process: every promise it waits for stays pending for ever. With `power`, what was not
   * synced may be lost as a disk would lose it. The disk can be opened again at once.
   */
  crash(kind: CrashKind = "power"): void {
    this.#session.end();
    for (const [name, database] of this.#databases) {
      const pending = this.#session.open.get(name)?.pending ?? [];
      database.crash(kind, { pending: [...pending], random: this.#random });
    }
    for (const sectors of this.#marks.values()) {
      for (const versions of sectors) {
        const chosen = kind === "process" ? versions.length : this.#random.next() * versions.length;
        versions.splice(0, versions.length, ...versions.slice(Math.ceil(chosen) - 1).slice(0, 1));
      }
    }
    this.#session = new Session();
  }

  /**
   * As `crash` of a process whose disk has lied: batches of a database that were synced are gone. The mark
   * is there as it was written. @returns false when there was nothing to lose: then nothing has happened.
   */
  crashLying(name: DatabaseName, what: "end" | "middle"): boolean {
    const database = this.#databases.get(name);
    if (database?.forget(what, this.#random) !== true) return false;
    // What was under way came after what is gone.
    if (what === "end") this.#session.open.get(name)?.pending.clear();
    this.crash("process");
    return true;
  }

  /** For faults and for checkers: a database; undefined where there is none. */
  find(name: DatabaseName): FakeDatabase | undefined {
    return this.#databases.get(name);
  }

  /** A fault for tests: one bit of a small file is another one. @returns whether there is such a file. */
  flipFile(name: string): boolean {
    const bytes = this.#files.get(name);
    if (bytes === undefined) return false;
    this.#files.set(name, flipped(bytes, this.#random));
    return true;
  }

  /** A fault for tests: one bit of a mark's newest content is another one. @returns whether there is such a mark. */
  flipMark(name: string): boolean {
    const sectors = this.#marks.get(name);
    const versions = sectors?.[Math.floor(this.#random.next() * sectors.length)];
    if (versions === undefined) return false;
    versions.splice(0, versions.length, flipped(newestOf(versions), this.#random));
    return true;
  }

  /** For faults and for checkers; the database must exist. */
  database(name: DatabaseName): FakeDatabase {
    const database = this.#databases.get(name);
    if (database === undefined) throw new Error(`there is no ${name} database`);
    return database;
  }

  /** A fault for tests: the files of a database are gone. */
  removeKv(name: DatabaseName): void {
    this.#databases.delete(name);
  }

  /** A fault for tests: a small file or mark is gone. */
  removeFile(name: string): void {
    this.#files.delete(name);
    this.#marks.delete(name);
  }

  async hasKv(name: DatabaseName): Promise<boolean> {
    await this.#wait("open", name);
    return this.#databases.has(name);
  }

  async openKv(name: DatabaseName): Promise<OrderedKv> {
    await this.#wait("open", name);
    const database = this.#databases.get(name);
    if (database === undefined) throw missing(name);
    return this.#open(name, database);
  }

  async createKv(name: DatabaseName): Promise<OrderedKv> {
    await this.#wait(this.#databases.has(name) ? "open" : "file-write", name);
    const database = this.#databases.get(name) ?? new FakeDatabase(this.#memtableBytes[name]);
    this.#databases.set(name, database);
    return this.#open(name, database);
  }

  #open(name: DatabaseName, database: FakeDatabase): OrderedKv {
    const session = this.#session;
    if (session.open.has(name))
      throw new StoreError({ code: "STORE_LOCKED", what: name }, `${name} is in use`);
    database.reopen();
    const kv = new FakeKv(database, {
      name,
      wait: (kind, bytes) => session.wait(this.#delay, { kind, place: name, bytes }),
      failedLands: this.#failedLands,
      onClose: () => session.open.delete(name),
    });
    session.open.set(name, kv);
    return kv;
  }

  async setAside(): Promise<string> {
    await this.#wait("file", "aside");
    this.wipe();
    this.asideCount += 1;
    return `damaged-${this.asideCount}`;
  }

  /** A fault for tests: everything is gone. */
  wipe(): void {
    this.#databases.clear();
    this.#files.clear();
    this.#marks.clear();
  }

  async readSmall(name: string): Promise<Uint8Array | undefined> {
    await this.#wait("file", name);
    return this.#files.get(name)?.slice();
  }

  async writeSmall(name: string, bytes: Uint8Array): Promise<void> {
    const copy = bytes.slice();
    await this.#wait("file-write", name);
    this.#files.set(name, copy);
  }

  async createMark(name: string, bytes: Uint8Array): Promise<MarkFile> {
    await this.#wait(this.#marks.has(name) ? "file" : "file-write", name);
    if (!this.#marks.has(name)) {
      const slot = (at: number): Uint8Array[] => [bytes.slice(at, at + MARK_SLOT_BYTES)];
      this.#marks.set(name, [slot(0), slot(MARK_SLOT_BYTES)]);
    }
    return this.openMark(name);
  }

  async openMark(name: string): Promise<MarkFile> {
    await this.#wait("file", name);
    const sectors = this.#marks.get(name);
    if (sectors === undefined) throw missing(name);
    const session = this.#session;
    const slab = new ByteSlab();
    const wait = (): Promise<void> =>
      session.wait(this.#delay, { kind: "mark", place: name, bytes: MARK_FILE_BYTES });
    return {
      read: async () => {
        await wait();
        return joined(sectors);
      },
      write: async (offset, bytes) => {
        const copy = slab.copy(bytes, 0, bytes.length);
        await wait();
        for (const [at, versions] of sectors.entries()) {
          const newest = newestOf(versions);
          versions.push(
            overwritten(newest, { slab, bytes: copy, offset: offset - at * MARK_SLOT_BYTES }),
          );
          if (versions.length > MARK_VERSIONS_MAX) versions.splice(1, 1);
        }
      },
      close: async () => {},
    };
  }

  #wait(kind: DiskStep["kind"], place: string): Promise<void> {
    return this.#session.wait(this.#delay, { kind, place, bytes: 0 });
  }
}

function joined(sectors: readonly (readonly Uint8Array[])[]): Uint8Array {
  const whole = new Uint8Array(MARK_FILE_BYTES);
  sectors.forEach((versions, at) => {
    whole.set(newestOf(versions), at * MARK_SLOT_BYTES);
  });
  return whole;
}

function newestOf(versions: readonly Uint8Array[]): Uint8Array {
  return versions.at(-1) ?? new Uint8Array(MARK_SLOT_BYTES);
}

/** The sector with as much of `bytes` as falls into it; itself where that is nothing. */
function overwritten(
  sector: Uint8Array,
  by: { readonly slab: ByteSlab; readonly bytes: Uint8Array; readonly offset: number },
): Uint8Array {
  const { slab, bytes, offset } = by;
  const begin = Math.max(0, offset);
  const end = Math.min(sector.length, offset + bytes.length);
  if (begin >= end) return sector;
  const next = slab.copy(sector, 0, sector.length);
  next.set(bytes.subarray(begin - offset, end - offset), begin);
  return next;
}

/** A copy with one bit that is another one. */
export function flipped(bytes: Uint8Array, random: Random): Uint8Array {
  const copy = bytes.slice();
  const bit = Math.floor(random.next() * copy.length * 8);
  copy[bit >>> 3] = (copy[bit >>> 3] ?? 0) ^ (1 << (bit & 7));
  return copy;
}

function missing(what: string): StoreError {
  return new StoreError({ code: "STORE_MISSING", what }, `${what} does not exist`);
}

/** The batch as it is now, in memory of its own: a buffer for each value, or batch, would cost far more. */
function copied(
  operations: readonly KvOperation[],
  slab: ByteSlab,
): {
  readonly copy: readonly KvOperation[];
  readonly bytes: number;
} {
  let bytes = 0;
  const copy: KvOperation[] = [];
  for (const operation of operations) {
    const { kind, key } = operation;
    bytes += key.length;
    if (kind === "del") {
      copy.push(operation);
      continue;
    }
    const { value } = operation;
    bytes += value.length;
    copy.push({ kind, key, value: slab.copy(value, 0, value.length) });
  }
  return { copy, bytes };
}

interface FakeKvOptions {
  readonly name: DatabaseName;
  readonly wait: (kind: DiskStep["kind"], bytes: number) => Promise<void>;
  readonly failedLands: () => boolean;
  readonly onClose: () => void;
}

class FakeKv implements OrderedKv {
  readonly #database: FakeDatabase;
  readonly #options: FakeKvOptions;
  /** Batches under way, in the order in which they were issued. */
  readonly pending = new Set<readonly KvOperation[]>();
  readonly #slab = new ByteSlab();
  #closed = false;

  constructor(database: FakeDatabase, options: FakeKvOptions) {
    this.#database = database;
    this.#options = options;
  }

  getMany(keys: readonly string[]): Promise<readonly (Uint8Array | undefined)[]> {
    return this.#reader(() => this.#database.rows).getMany(keys);
  }

  scan(range: ScanRange): ReturnType<KvReader["scan"]> {
    return this.#reader(() => this.#database.rows).scan(range);
  }

  async write(
    operations: readonly KvOperation[],
    options: { readonly sync: boolean },
  ): Promise<void> {
    this.#assertOpen();
    const { copy, bytes } = copied(operations, this.#slab);
    this.pending.add(copy);
    try {
      await this.#options.wait(options.sync ? "sync" : "write", bytes);
    } catch (error) {
      if (this.#options.failedLands()) this.#database.land(copy);
      throw error;
    } finally {
      this.pending.delete(copy);
    }
    if (this.#database.apply(copy, options.sync)) void this.#flushLater();
  }

  async flush(): Promise<void> {
    this.#assertOpen();
    this.#database.rotate();
    await this.#options.wait("flush", 0);
    this.#database.flushRotated();
  }

  snapshot(): KvSnapshot {
    this.#assertOpen();
    const rows = this.#database.rows.copy();
    let closed = false;
    const reader = this.#reader(() => {
      if (closed) throw closedError("the snapshot");
      return rows;
    });
    return {
      getMany: (keys) => reader.getMany(keys),
      scan: (range) => reader.scan(range),
      close: async () => {
        closed = true;
      },
    };
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#options.onClose();
  }

  #reader(rows: () => SortedRows): KvReader {
    return {
      getMany: async (keys) => {
        this.#assertOpen();
        await this.#options.wait("read", 0);
        const from = rows();
        return keys.map((key) => from.get(key)?.slice());
      },
      scan: async (range) => {
        this.#assertOpen();
        await this.#options.wait("read", 0);
        return pageOf(rows(), range);
      },
    };
  }

  async #flushLater(): Promise<void> {
    try {
      await this.#options.wait("flush", 0);
    } catch {
      return; // A flush that fails leaves the rotated log, which the next one takes along.
    }
    this.#database.flushRotated();
  }

  #assertOpen(): void {
    if (this.#closed) throw closedError(`the ${this.#options.name} database`);
  }
}
