import { JobxError } from "../std/errors.ts";
import type { DatabaseName } from "./ports.ts";

/** What may go wrong with a node's disk. The caller decides by `code`; nothing here is retried. */
export type StoreErrorDetails =
  /** The store or database was closed, or its process is shutting down. */
  | { readonly code: "STORE_CLOSED"; readonly what: string }
  /** What is on disk is not what was acknowledged. Never repaired in place (R4). */
  | { readonly code: "STORE_DAMAGED"; readonly what: string; readonly reason: string }
  /** A database or file that must exist does not. */
  | { readonly code: "STORE_MISSING"; readonly what: string }
  /** Another process has the database open. */
  | { readonly code: "STORE_LOCKED"; readonly what: DatabaseName }
  /** The disk is full; the write did not happen, and the store takes no more until it is reopened. */
  | { readonly code: "STORE_DISK_FULL"; readonly what: string }
  /** The operating system refused; as with a full disk, the store takes no more writes. */
  | { readonly code: "STORE_IO"; readonly what: string }
  /** Written by a newer program; this one stops rather than skip what it does not know (R10). */
  | { readonly code: "STORE_VERSION_UNKNOWN"; readonly what: string; readonly version: number }
  /** The data directory belongs to another node or cluster. */
  | {
      readonly code: "STORE_IDENTITY_MISMATCH";
      readonly field: "clusterId" | "nodeId";
      readonly expected: string;
      readonly found: string;
    };

/** An operating error of the store. */
export class StoreError extends JobxError<StoreErrorDetails> {}

/** @returns a `STORE_CLOSED` error about `what`. */
export function closedError(what: string): StoreError {
  return new StoreError({ code: "STORE_CLOSED", what }, `${what} is closed`);
}

/** @returns a `STORE_DAMAGED` error that says what is damaged and how that shows. */
export function damagedError(what: string, reason: string, options?: ErrorOptions): StoreError {
  return new StoreError(
    { code: "STORE_DAMAGED", what, reason },
    `${what} is damaged: ${reason}`,
    options,
  );
}

/** @returns a `STORE_VERSION_UNKNOWN` error. */
export function versionError(what: string, version: number): StoreError {
  return new StoreError(
    { code: "STORE_VERSION_UNKNOWN", what, version },
    `${what} has a format that this program does not know`,
  );
}
