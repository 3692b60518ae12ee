/** A data directory on a real machine: two LevelDB databases and a few small files. */
import { mkdir, open, readFile, rename, stat } from "node:fs/promises";
import { join } from "node:path";
import { ClassicLevel } from "classic-level";
import { assert } from "../std/assert.ts";
import { StoreError } from "./errors.ts";
import { IDENTITY_NAME } from "./identity-file.ts";
import { fileError, translate } from "./level-errors.ts";
import { LATIN1_KEYS, type LevelDatabase, LevelKv } from "./level-kv.ts";
import { checkTables } from "./level-tables.ts";
import {
  LOG_MEMTABLE_BYTES,
  MARK_FILE_BYTES,
  STATE_MEMTABLE_BYTES,
  STATE_OPEN_FILES,
} from "./limits.ts";
import type { DatabaseName, Disk, MarkFile, OrderedKv } from "./ports.ts";
import { MARK_NAME } from "./sequence-mark.ts";

const OPTIONS = {
  // Log entries are read back rarely and soon deleted: compressing them would be work for nothing.
  log: { compression: false, writeBufferSize: LOG_MEMTABLE_BYTES, cacheSize: 4 * 1024 * 1024 },
  state: {
    compression: true,
    writeBufferSize: STATE_MEMTABLE_BYTES,
    cacheSize: 32 * 1024 * 1024,
    maxOpenFiles: STATE_OPEN_FILES,
  },
} as const satisfies Record<DatabaseName, object>;

/** How a disk is opened. */
export interface LevelDiskOptions {
  /** False: no write waits for the disk, and a power cut loses what was acknowledged. Default true. */
  readonly sync?: boolean;
}

/** The directory `path`, which is made when something is first created in it. */
export function levelDisk(path: string, { sync = true }: LevelDiskOptions = {}): Disk {
  const open = (name: DatabaseName, create: boolean) => openLevel(path, name, { create, sync });
  return {
    openKv: (name) => open(name, false),
    createKv: (name) => open(name, true),
    hasKv: (name) => exists(join(path, name)),
    readSmall: (name) => readSmall(path, name),
    writeSmall: (name, bytes) => writeSmall(path, { name, bytes }),
    setAside: () => setAside(path),
    openMark: (name) => openMark(path, name),
    createMark: (name, bytes) => createMark(path, { name, bytes }),
  };
}

async function openLevel(
  path: string,
  name: DatabaseName,
  { create, sync }: { readonly create: boolean; readonly sync: boolean },
): Promise<OrderedKv> {
  const place = join(path, name);
  // Checked here, because LevelDB would make the directory and its lock file before it refuses.
  if (!create && !(await exists(place))) throw missing(name);
  if (create) await makeDirectory(path);
  if (await exists(place)) await checkTables(place);
  const level: LevelDatabase = new ClassicLevel<string, Uint8Array>(place, {
    ...OPTIONS[name],
    keyEncoding: LATIN1_KEYS,
    valueEncoding: "view",
    createIfMissing: create,
  });
  try {
    await level.open();
  } catch (error) {
    throw translate(name, error);
  }
  return new LevelKv(name, level, { sync });
}

function missing(what: string): StoreError {
  return new StoreError({ code: "STORE_MISSING", what }, `${what} does not exist`);
}

async function exists(place: string): Promise<boolean> {
  try {
    await stat(place);
    return true;
  } catch (error) {
    if (isAbsent(error)) return false;
    throw fileError(place, error);
  }
}

function isAbsent(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ENOENT";
}

async function makeDirectory(path: string): Promise<void> {
  try {
    await mkdir(path, { recursive: true });
  } catch (error) {
    throw fileError(path, error);
  }
}

async function readSmall(path: string, name: string): Promise<Uint8Array | undefined> {
  try {
    return await readFile(join(path, name));
  } catch (error) {
    if (isAbsent(error)) return undefined;
    throw fileError(name, error);
  }
}

async function writeSmall(
  path: string,
  file: { readonly name: string; readonly bytes: Uint8Array },
): Promise<void> {
  const temporary = join(path, `${file.name}.new`);
  try {
    await mkdir(path, { recursive: true });
    await using handle = await open(temporary, "w");
    await handle.writeFile(file.bytes);
    await handle.sync();
    await rename(temporary, join(path, file.name));
    await syncDirectory(path);
  } catch (error) {
    throw fileError(file.name, error);
  }
}

/** Everything of a store; the identity last, so that an interrupted move is seen as damage again. */
const STORE_NAMES = ["log", "state", MARK_NAME, IDENTITY_NAME] as const;

/** Stores that are set aside in one directory; each is left for a person to look at. */
const ASIDE_MAX = 1000;

async function setAside(path: string): Promise<string> {
  try {
    for (let number = 1; number <= ASIDE_MAX; number++) {
      const folder = join(path, `damaged-${number}`);
      if (await exists(folder)) continue;
      await mkdir(folder);
      for (const name of STORE_NAMES)
        if (await exists(join(path, name))) await rename(join(path, name), join(folder, name));
      await syncDirectory(folder);
      await syncDirectory(path);
      return folder;
    }
  } catch (error) {
    throw fileError(path, error);
  }
  const what = "the data directory";
  throw new StoreError({ code: "STORE_IO", what }, "too many damaged stores were set aside there");
}

/** Makes names durable: a synced file is lost all the same if its directory entry is. */
async function syncDirectory(path: string): Promise<void> {
  await using handle = await open(path, "r");
  await handle.sync();
}

async function createMark(
  path: string,
  file: { readonly name: string; readonly bytes: Uint8Array },
): Promise<MarkFile> {
  assert(file.bytes.length === MARK_FILE_BYTES, "a mark file is made in its full length");
  if (!(await exists(join(path, file.name)))) await writeSmall(path, file);
  return openMark(path, file.name);
}

async function openMark(path: string, name: string): Promise<MarkFile> {
  const handle = await open(join(path, name), "r+").catch((error: unknown) => {
    throw isAbsent(error) ? missing(name) : fileError(name, error);
  });
  let closing: Promise<void> | undefined;
  return {
    async read() {
      // One more than there may be, so that a file that has grown is noticed.
      const bytes = new Uint8Array(MARK_FILE_BYTES + 1);
      try {
        const { bytesRead } = await handle.read(bytes, 0, bytes.length, 0);
        return bytes.subarray(0, bytesRead);
      } catch (error) {
        throw fileError(name, error);
      }
    },
    async write(offset, bytes) {
      assert(offset + bytes.length <= MARK_FILE_BYTES, "a mark file does not grow");
      try {
        await handle.write(bytes, 0, bytes.length, offset);
      } catch (error) {
        throw fileError(name, error);
      }
    },
    close() {
      closing ??= handle.close();
      return closing;
    },
  };
}
