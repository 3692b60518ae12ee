/** The hash by which large directories are spread over nodes, as in IPFS. */
import { murmur364 } from "@multiformats/murmur3";
import { assert } from "../../std/assert.ts";

/** Bytes of the hash, each of which chooses a branch; so many levels can a directory have. */
export const NAME_HASH_BYTES = 8;

/** The first 64 bits of murmur3 of a name; byte `n` chooses the branch at depth `n`. */
export function nameHash(name: Uint8Array): Uint8Array {
  const digest = murmur364.encode(name);
  assert(digest instanceof Uint8Array, "the hash is made at once");
  return digest;
}

/** The two characters that stand before the names, or alone, in the links of branch `index`. */
export function branchLabel(index: number): string {
  return index.toString(16).toUpperCase().padStart(2, "0");
}

/** Characters of a branch's label. */
export const LABEL_LENGTH = 2;
