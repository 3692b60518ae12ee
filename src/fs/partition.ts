/** Which part of a partitioned output a key belongs to: the same on every node, for ever. */
import { hash } from "node:crypto";
import { assert } from "../std/assert.ts";

/** Most parts of one output. Each is a dataset in the log and a unit of work; more make no cluster busier. */
export const PARTS_MAX = 4096;

/** The first 8 bytes, big endian, of the sha256 of the key's canonical bytes, modulo `parts`. */
export function partitionOf(key: Uint8Array, parts: number): number {
  assert(Number.isInteger(parts) && parts > 0 && parts <= PARTS_MAX, "parts within bounds");
  if (parts === 1) return 0;
  const digest = hash("sha256", key, "buffer");
  // 2^32 modulo parts, times a remainder, stays far below 2^53, so this is exact.
  const high = digest.readUInt32BE(0) % parts;
  return (high * (2 ** 32 % parts) + digest.readUInt32BE(4)) % parts;
}
