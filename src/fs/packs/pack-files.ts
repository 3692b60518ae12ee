/**
 * Pack files on the disk: `packs/<24 hexadecimal digits>.pack`, whose names mean nothing. The content
 * of a file under such a name is on the disk (S1); its name is when `write` or `syncNames` resolved (S2).
 */
import { randomBytes } from "node:crypto";
import { type FileHandle, mkdir, readdir, rename } from "node:fs/promises";
import { join } from "node:path";
import { writeUint32 } from "../../std/bytes.ts";
import {
  openOrNothing,
  readRange,
  statOrNothing,
  syncDirectory,
  unlinkOrNothing,
  writeWhole,
} from "../block-files.ts";
import { onDisk } from "../errors.ts";
import type { Extent } from "./extents.ts";
import {
  DEAD_BYTE,
  DEAD_MARK,
  decodeIndex,
  indexBytesOf,
  indexMarkAt,
  isOtherVersion,
  MARK_AT,
  PACK_BYTES_MAX,
  PACK_HEADER_BYTES,
  type PackIndex,
  RECORD_HEADER_BYTES,
  TRAILER_BYTES,
} from "./format.ts";
import { Pack } from "./pack.ts";
import type { PackedPlace } from "./pack-table.ts";
import { scanPack } from "./scan.ts";

/** What a file under a pack's name turned out to be. */
export type Opened =
  | { readonly kind: "pack"; readonly pack: Pack; readonly damaged: number }
  /** Of another version, which a newer program wrote: left alone. */
  | { readonly kind: "unreadable" }
  | { readonly kind: "gone" };

/** The folder of packs. */
export class PackFiles {
  readonly #directory: string;
  readonly #sync: boolean;
  readonly #temporaryPath: () => string;

  constructor(options: {
    readonly directory: string;
    readonly sync: boolean;
    readonly temporaryPath: () => string;
  }) {
    this.#directory = options.directory;
    this.#sync = options.sync;
    this.#temporaryPath = options.temporaryPath;
  }

  /** Makes the folder when it is not there. Its own name is synced with those of its neighbours. */
  async make(): Promise<void> {
    await mkdir(this.#directory, { recursive: true });
  }

  /** A name that no other pack has. */
  newName(): string {
    return `${randomBytes(12).toString("hex")}.pack`;
  }

  /** Names of all packs. */
  async names(): Promise<readonly string[]> {
    const names = await onDisk(this.#directory, () => readdir(this.#directory));
    return names.filter((name) => /^[0-9a-f]{24}\.pack$/.test(name));
  }

  /** When a pack came or went for the last time, milliseconds. */
  async changedMs(): Promise<number> {
    return onDisk(this.#directory, async () => {
      return (await statOrNothing(this.#directory))?.mtimeMs ?? 0;
    });
  }

  /** Makes the names of all packs durable. */
  async syncNames(): Promise<void> {
    if (this.#sync) await onDisk(this.#directory, () => syncDirectory(this.#directory));
  }

  /**
   * Writes a pack; it is durable when this resolves.
   * @throws {JobxError} `FS_DISK_FULL`, `FS_IO`: then it may be there all the same.
   */
  async write(name: string, pack: Uint8Array): Promise<void> {
    const temporary = this.#temporaryPath();
    await onDisk(temporary, async () => {
      try {
        await writeWhole(temporary, pack, this.#sync);
        await rename(temporary, this.#pathOf(name));
      } catch (error) {
        await unlinkOrNothing(temporary);
        throw error;
      }
    });
    await this.syncNames();
  }

  /** Reads the index of a pack, or its records where that is damaged. @throws {JobxError} `FS_IO`. */
  async open(name: string): Promise<Opened> {
    return this.#withFile(name, "r", async (file) => {
      const fileBytes = (await file.stat()).size;
      const read = await readIndex(file, fileBytes);
      if (read !== undefined) {
        return { kind: "pack", pack: new Pack({ name, fileBytes, ...read }), damaged: 0 };
      }
      // Nothing that is longer was ever a pack, but it may begin with one.
      const length = Math.min(fileBytes, PACK_BYTES_MAX);
      const bytes = await readRange(file, { at: 0, length });
      if (isOtherVersion(bytes)) return { kind: "unreadable" };
      const { index, damaged } = scanPack(bytes);
      return {
        kind: "pack",
        pack: new Pack({ name, fileBytes, index, indexAt: undefined }),
        damaged,
      };
    });
  }

  /** A record as it is on the disk, shorter where the file ends before; undefined without the file. */
  async readRecord({ pack, ordinal }: PackedPlace): Promise<Uint8Array | undefined> {
    const range = {
      at: pack.placeOf(ordinal),
      length: RECORD_HEADER_BYTES + pack.lengthOf(ordinal),
    };
    const read = await this.#withFile(pack.name, "r", (file) => readRange(file, range));
    return read instanceof Uint8Array ? read : undefined;
  }

  /** Parts of a pack as they are on the disk, shorter where the file ends before; undefined without the file. */
  async readExtents(
    name: string,
    extents: readonly Extent[],
  ): Promise<readonly Uint8Array[] | undefined> {
    const read = await this.#withFile(name, "r", async (file) => {
      const parts: Uint8Array[] = [];
      for (const extent of extents) parts.push(await readRange(file, extent));
      return { kind: "parts", parts } as const;
    });
    return read.kind === "parts" ? read.parts : undefined;
  }

  /** All bytes of a pack; undefined without the file. */
  async readAll(pack: Pack): Promise<Uint8Array | undefined> {
    const range = { at: 0, length: Math.min(pack.fileBytes, PACK_BYTES_MAX) };
    const read = await this.#withFile(pack.name, "r", (file) => readRange(file, range));
    return read instanceof Uint8Array ? read : undefined;
  }

  /**
   * Marks a record as dead, for the next opening and for other instances. A crash may undo it. In the
   * index first: where only one of both gets to the disk, it is the one that openings read.
   */
  async mark({ pack, ordinal }: PackedPlace): Promise<void> {
    await this.#withFile(pack.name, "r+", async (file) => {
      if (pack.indexAt !== undefined) {
        const at = pack.indexAt + indexMarkAt(pack.index.count, ordinal);
        await file.write(Uint8Array.of(DEAD_BYTE), 0, 1, at);
      }
      const mark = new Uint8Array(4);
      writeUint32(mark, 0, DEAD_MARK);
      const at = pack.placeOf(ordinal) + MARK_AT;
      // Where the file was cut, nothing is written: it must not grow again.
      if (at + mark.length <= pack.fileBytes) await file.write(mark, 0, mark.length, at);
    });
  }

  /** Gives the space of a pack back. */
  async remove(name: string): Promise<void> {
    await onDisk(this.#pathOf(name), () => unlinkOrNothing(this.#pathOf(name)));
  }

  /** Moves a pack elsewhere on the same disk. */
  async moveTo(name: string, path: string): Promise<void> {
    await onDisk(path, () => rename(this.#pathOf(name), path));
  }

  #pathOf(name: string): string {
    return join(this.#directory, name);
  }

  async #withFile<Result>(
    name: string,
    flags: "r" | "r+",
    run: (file: FileHandle) => Promise<Result>,
  ): Promise<Result | { readonly kind: "gone" }> {
    const path = this.#pathOf(name);
    return onDisk(path, async () => {
      const file = await openOrNothing(path, flags);
      if (file === undefined) return { kind: "gone" };
      try {
        return await run(file);
      } finally {
        await file.close();
      }
    });
  }
}

async function readIndex(
  file: FileHandle,
  fileBytes: number,
): Promise<{ readonly index: PackIndex; readonly indexAt: number } | undefined> {
  if (fileBytes < PACK_HEADER_BYTES + TRAILER_BYTES) return undefined;
  const trailer = { at: fileBytes - TRAILER_BYTES, length: TRAILER_BYTES };
  const length = indexBytesOf(await readRange(file, trailer));
  if (length === undefined || length > fileBytes - PACK_HEADER_BYTES) return undefined;
  const indexAt = fileBytes - length;
  const bytes = await readRange(file, { at: indexAt, length });
  if (bytes.length !== length) return undefined;
  const index = decodeIndex(bytes, indexAt);
  return index && { index, indexAt };
}
