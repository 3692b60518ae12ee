/**
 * The format of the file that says who a data directory belongs to. It is text for people, with a
 * checksum: a flipped bit would else make a file that says something else, and a node that refuses its
 * own directory for ever.
 */
import { hash64, hash64Text } from "../std/hash64.ts";
import { damagedError, StoreError, versionError } from "./errors.ts";

/** Name of the file in the data directory. */
export const IDENTITY_NAME = "identity.json";

/** The newest format of the file and of the directory around it. */
const FORMAT = 2;

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

/** The file's bytes. */
export function encodeIdentity(file: IdentityFile): Uint8Array {
  const fields = { format: FORMAT, ...file.identity, complete: file.complete };
  const text = JSON.stringify({ ...fields, check: checkOf(fields) }, null, 2);
  return new TextEncoder().encode(`${text}\n`);
}

/** What the bytes of a file say. @throws {StoreError} `STORE_DAMAGED`, `STORE_VERSION_UNKNOWN`. */
export function decodeIdentity(bytes: Uint8Array): IdentityFile {
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
