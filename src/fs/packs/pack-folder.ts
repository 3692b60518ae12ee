/** Keeps the table of packs in step with their folder, to which other instances may write as well. */
import type { Cid } from "../../wire/dataset.ts";
import { asError } from "../block-files.ts";
import type { DamagedFolder } from "../damaged-folder.ts";
import { FsError } from "../errors.ts";
import { encodePack, type PackedBlock } from "./format.ts";
import { Pack } from "./pack.ts";
import type { Opened, PackFiles } from "./pack-files.ts";
import { type PackedPlace, PackTable } from "./pack-table.ts";

/** Packs opened at a time. */
const OPENED_AT_ONCE = 8;

/** A folder that changed so lately, milliseconds, may have changed again at the same time by its file system's clock. */
const CHANGE_MS = 50;

/** The packs of a folder. P1: what is in the table is durable, its name too. */
export class PackFolder {
  readonly table = new PackTable();
  readonly files: PackFiles;
  readonly #damaged: DamagedFolder;
  /** Names that a look passes over: of packs that are being written or removed here, or cannot be read. */
  readonly #passedOver = new Set<string>();
  #seenMs = Number.NaN;
  #looking: Promise<void> | undefined;
  #scanned = 0;
  #unreadable = 0;

  constructor(files: PackFiles, damaged: DamagedFolder) {
    this.files = files;
    this.#damaged = damaged;
  }

  /** Packs whose index was damaged, so that their records were read. */
  get scanned(): number {
    return this.#scanned;
  }

  /** Files that only a newer program can read, or that the disk does not give. */
  get unreadable(): number {
    return this.#unreadable;
  }

  /**
   * Looks for packs that came or went; only at the folder's time when none did.
   * @throws {JobxError} `FS_IO`.
   */
  refresh(): Promise<void> {
    this.#looking ??= this.#look().finally(() => {
      this.#looking = undefined;
    });
    return this.#looking;
  }

  /**
   * Writes a pack, which is durable then, but not in the table before `register`: looks pass it over.
   * @throws {JobxError} `FS_DISK_FULL`, `FS_IO`.
   */
  async write(blocks: readonly PackedBlock[]): Promise<Pack> {
    const name = this.files.newName();
    const { pack, index, indexAt } = encodePack(blocks);
    this.#passedOver.add(name);
    try {
      await this.files.write(name, pack);
    } catch (error) {
      this.#passedOver.delete(name);
      throw error;
    }
    return new Pack({ name, index, indexAt, fileBytes: pack.length });
  }

  /** Takes a pack that `write` made. */
  register(pack: Pack): void {
    this.table.add(pack);
    this.#passedOver.delete(pack.name);
  }

  /** Removes a pack; one with damage is kept among the damaged if there is room. @throws {JobxError} `FS_IO`. */
  async remove(pack: Pack): Promise<void> {
    if (!this.table.holds(pack) || this.#passedOver.has(pack.name)) return;
    this.#passedOver.add(pack.name);
    try {
      const keep = pack.indexAt === undefined && (await this.#damaged.hasRoom());
      if (keep) await this.files.moveTo(pack.name, this.#damaged.pathOf(pack.name));
      else await this.files.remove(pack.name);
      this.table.remove(pack);
    } finally {
      this.#passedOver.delete(pack.name);
    }
  }

  /** The packs that are not being removed. */
  *staying(): Generator<Pack> {
    for (const pack of this.table.packs) if (!this.#passedOver.has(pack.name)) yield pack;
  }

  /** A pack's file is gone: another instance moved what lived in it. */
  async vanished(pack: Pack): Promise<void> {
    this.table.remove(pack);
    this.#seenMs = Number.NaN;
    await this.refresh();
  }

  /** Makes a record that is not what it should be dead, keeps a copy, and counts (S3). */
  async setAside(place: PackedPlace, block: Uint8Array): Promise<void> {
    const cid: Cid = Buffer.from(place.pack.hashOf(place.ordinal)).toString("hex");
    // Another reader was faster.
    if (!this.table.kill(place)) return;
    this.#damaged.count();
    await this.files.mark(place);
    await this.#damaged.keep(cid, block);
  }

  async #look(): Promise<void> {
    const changedMs = await this.files.changedMs();
    if (changedMs === this.#seenMs) return;
    // Before the names are read: what is registered meanwhile may not be among them.
    const known = new Map([...this.table.packs].map((pack) => [pack.name, pack]));
    const lookedMs = Date.now();
    const names = new Set(await this.files.names());
    const gone = [...known.values()].filter(
      ({ name }) => !names.has(name) && !this.#passedOver.has(name),
    );
    for (const pack of gone) this.table.remove(pack);
    const now = this.#knownNames();
    const news = [...names].filter((name) => !known.has(name) && !now.has(name));
    const opened = await this.#openAll(news);
    if (opened.length > 0) await this.files.syncNames();
    const later = this.#knownNames();
    for (const pack of opened) if (!later.has(pack.name)) this.table.add(pack);
    if (lookedMs - changedMs > CHANGE_MS) this.#seenMs = changedMs;
  }

  #knownNames(): ReadonlySet<string> {
    return new Set([...this.#passedOver, ...[...this.table.packs].map(({ name }) => name)]);
  }

  async #openAll(names: readonly string[]): Promise<readonly Pack[]> {
    const packs: Pack[] = [];
    const left = names.values();
    const lane = async (): Promise<void> => {
      for (const name of left) packs.push(...(await this.#open(name)));
    };
    await Promise.all(Array.from({ length: OPENED_AT_ONCE }, lane));
    return packs;
  }

  async #open(name: string): Promise<readonly Pack[]> {
    const opened = await this.files.open(name).catch(unreadableIfBroken);
    switch (opened.kind) {
      case "gone":
        return [];
      case "unreadable":
        this.#unreadable++;
        this.#passedOver.add(name);
        return [];
      case "pack":
        if (opened.pack.indexAt === undefined) this.#scanned++;
        for (let count = 0; count < opened.damaged; count++) this.#damaged.count();
        return [opened.pack];
    }
  }
}

/** A broken place on the disk takes one pack away, and not the whole store; other errors pass, or are ours. */
function unreadableIfBroken(error: unknown): Opened {
  if (error instanceof FsError && error.details.code === "FS_IO" && error.details.errno === "EIO") {
    return { kind: "unreadable" };
  }
  throw asError(error);
}
