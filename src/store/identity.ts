/**
 * Who a data directory belongs to: one small file beside the databases. It is written before they
 * are made and again when they are, so a database that is missing afterwards is damage, never a
 * reason to make a new one (R3). It is text for people, with a checksum: a flipped bit would else make a
 * file that says something else, and a node that refuses its own directory for ever.
 */
import { isJobxError } from "../std/errors.ts";
import { hash64, hash64Text } from "../std/hash64.ts";
import type { Random } from "../std/random.ts";
import { damagedError, StoreError, versionError } from "./errors.ts";
import type { Disk } from "./ports.ts";

/** Name of the file in the data directory. */
export const IDENTITY_NAME = "identity.json";

/** The newest format of the file and of the directory around it. */
const FORMAT = 2;

/** Bytes of a store id: two of 2^128 never meet. */
const STORE_ID_BYTES = 16;

/** Who uses the directory. */
export interface Identity {
  readonly clusterId: string;
  readonly nodeId: string;
  /** Made once per directory; a node whose store id is new has no replicas (R2). */
  readonly storeId: string;
}

/** What the file says. */
export interface IdentityFile {
  readonly identity: Identity;
  /** The databases have been made: from then on they must be there. */
  readonly complete: boolean;
}

/** What was found, and whether the databases were ever complete. */
export interface OpenedIdentity {
  readonly identity: Identity;
  /** The databases may be made, or their making completed: nothing was ever acknowledged here. */
  readonly create: boolean;
}

/** The identity of a directory; undefined in a new one. @throws as {@link openIdentity}. */
export function readIdentity(disk: Disk): Promise<IdentityFile | undefined> {
  return readFile(disk);
}

/**
 * Whether nothing was ever acknowledged here: there is no store yet, or none that was complete. What is
 * damaged says nothing, so something may have been; opening the store decides what becomes of it.
 * @throws `STORE_VERSION_UNKNOWN`, `STORE_IO`.
 */
export async function isUnused(disk: Disk): Promise<boolean> {
  try {
    const found = await readFile(disk);
    return found === undefined ? !(await hasDatabases(disk)) : !found.complete;
  } catch (error) {
    if (isJobxError(error) && error.code === "STORE_DAMAGED") return false;
    throw error;
  }
}

/**
 * Reads the identity, or gives the directory one. Call {@link completeIdentity} when the databases
 * are there.
 * @throws `STORE_DAMAGED` for an unreadable file, or databases without one; `STORE_IDENTITY_MISMATCH`;
 * `STORE_VERSION_UNKNOWN`; `STORE_IO`, `STORE_DISK_FULL`.
 */
export async function openIdentity(
  disk: Disk,
  options: { readonly clusterId: string; readonly nodeId: string; readonly random: Random },
): Promise<OpenedIdentity> {
  const found = await readFile(disk);
  if (found !== undefined) {
    for (const field of ["clusterId", "nodeId"] as const) {
      const expected = options[field];
      if (found.identity[field] === expected) continue;
      throw new StoreError(
        { code: "STORE_IDENTITY_MISMATCH", field, expected, found: found.identity[field] },
        "the data directory belongs to another node or cluster",
      );
    }
    return { identity: found.identity, create: !found.complete };
  }
  // Deleting the file must not be the way to lose a node's data.
  if (await hasDatabases(disk))
    throw damagedError("the data directory", "there are databases but no identity file");
  const { clusterId, nodeId, random } = options;
  const identity = { clusterId, nodeId, storeId: newStoreId(random) };
  await write(disk, { identity, complete: false });
  return { identity, create: true };
}

/** States that both databases are there; from now on they must be. @throws `STORE_IO`, `STORE_DISK_FULL`. */
export async function completeIdentity(disk: Disk, identity: Identity): Promise<void> {
  await write(disk, { identity, complete: true });
}

async function hasDatabases(disk: Disk): Promise<boolean> {
  return (await disk.hasKv("log")) || (await disk.hasKv("state"));
}

function newStoreId(random: Random): string {
  let id = "";
  for (let byte = 0; byte < STORE_ID_BYTES; byte++)
    id += Math.floor(random.next() * 256)
      .toString(16)
      .padStart(2, "0");
  return id;
}

async function write(disk: Disk, file: IdentityFile): Promise<void> {
  const fields = { format: FORMAT, ...file.identity, complete: file.complete };
  const text = JSON.stringify({ ...fields, check: checkOf(fields) }, null, 2);
  await disk.writeSmall(IDENTITY_NAME, new TextEncoder().encode(`${text}\n`));
}

async function readFile(disk: Disk): Promise<IdentityFile | undefined> {
  const bytes = await disk.readSmall(IDENTITY_NAME);
  if (bytes === undefined) return undefined;
  const { check, ...fields } = parse(bytes);
  const { format, clusterId, nodeId, storeId, complete } = fields;
  if (typeof format !== "number") throw unreadable();
  // Before anything is believed, the format too. Only the first files had no checksum.
  const isSound = check === checkOf(fields);
  if (format < FORMAT && (isSound || check === undefined)) throw unreleased(format);
  if (!isSound) throw unreadable();
  if (format !== FORMAT) throw versionError("the data directory", format);
  if (
    typeof clusterId !== "string" ||
    typeof nodeId !== "string" ||
    typeof storeId !== "string" ||
    typeof complete !== "boolean"
  )
    throw unreadable();
  return { identity: { clusterId, nodeId, storeId }, complete };
}

/** The formats before were those of programs that were never released, and whose data changed its form freely. */
function unreleased(format: number): StoreError {
  return new StoreError(
    { code: "STORE_VERSION_UNKNOWN", what: "the data directory", version: format },
    "the data directory was written by a program of before the first release, and cannot be read: take an empty one",
  );
}

/** Of all other fields as they stand in the file, in their order. */
function checkOf(fields: Readonly<Record<string, unknown>>): string {
  return hash64Text(hash64(IDENTITY_NAME, new TextEncoder().encode(JSON.stringify(fields))));
}

function parse(bytes: Uint8Array): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(new TextDecoder().decode(bytes));
    if (typeof value === "object" && value !== null) return { ...value };
  } catch (error) {
    throw unreadable({ cause: error });
  }
  throw unreadable();
}

function unreadable(options?: ErrorOptions): StoreError {
  return damagedError("the identity file", "it cannot be read", options);
}
