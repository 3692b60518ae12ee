/**
 * Who a data directory belongs to: one small file beside the databases. It is written before they
 * are made and again when they are, so a database that is missing afterwards is damage, never a
 * reason to make a new one (R3).
 */
import { isJobxError } from "../std/errors.ts";
import type { Random } from "../std/random.ts";
import { damagedError, StoreError } from "./errors.ts";
import {
  decodeIdentity,
  encodeIdentity,
  IDENTITY_NAME,
  type Identity,
  type IdentityFile,
} from "./identity-file.ts";
import type { Disk } from "./ports.ts";

/** Bytes of a store id: two of 2^128 never meet. */
const STORE_ID_BYTES = 16;

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
  await disk.writeSmall(IDENTITY_NAME, encodeIdentity(file));
}

async function readFile(disk: Disk): Promise<IdentityFile | undefined> {
  const bytes = await disk.readSmall(IDENTITY_NAME);
  return bytes && decodeIdentity(bytes);
}
