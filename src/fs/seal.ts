/**
 * Sealed blocks: what is stored and sent between nodes is AES-256-GCM of the content, and the hash of that is
 * the block's name. Each content has a key of its own, HMAC-SHA256 of the hash of the content under the key of
 * the workflow, and that key seals nothing else; so the nonce may be the same always, and equal content of one
 * workflow is equal when it is sealed: it is stored once. Who lacks the key sees the number and sizes of blocks,
 * and which of them are equal. NIST SP 800-38D (GCM), RFC 2104 (HMAC).
 */
import { createHmac, hash, type KeyObject } from "node:crypto";
import type { Cid } from "../wire/dataset.ts";
import { cidOf } from "./cid.ts";
import type { Chunk, ChunkData } from "./content/chunk.ts";
import { FsError } from "./errors.ts";
import { gcmOpen, gcmSeal, TAG_BYTES } from "./gcm.ts";

/** Bytes of a key of a workflow. */
export const SEAL_KEY_BYTES = 32;

/** The version of the form: another one derives other keys. */
const BLOCK_LABEL = "jobx sealed block 1\0";

/** The key of a workflow. As an object of the crypto module it is never shown and never printed. */
export type SealKey = KeyObject;

/** A piece of content and how it is stored. */
export interface SealedChunk extends Chunk {
  /** Of the block as it is stored. */
  readonly cid: Cid;
  /** Of the content. */
  readonly bytes: number;
  /** Hash of the content, where the block is sealed. */
  readonly plain?: Cid | undefined;
}

/** The content of a chunk as it is to be stored, with the name under which it is; without a key as it is. */
export function sealChunk(
  { chunk, data }: ChunkData,
  key: SealKey | undefined,
): { readonly chunk: SealedChunk; readonly data: Uint8Array } {
  if (key === undefined) return { chunk, data };
  const { cid: plain, bytes } = chunk;
  const sealed = seal(data, { plain, key });
  return { chunk: { cid: cidOf(sealed), bytes, plain }, data: sealed };
}

/** Bytes of the block as it is stored. */
export function storedBytes({ bytes, plain }: SealedChunk): number {
  return plain === undefined ? bytes : bytes + TAG_BYTES;
}

/** The chunk as content knows it, whatever it is stored as. */
export function plainChunk({ cid, bytes, plain }: SealedChunk): Chunk {
  return { cid: plain ?? cid, bytes };
}

/** Content sealed; `plain` is its sha256. */
export function seal(
  data: Uint8Array,
  { plain, key }: { readonly plain: Cid; readonly key: SealKey },
): Uint8Array {
  return gcmSeal(blockKey(key, plain), data);
}

/**
 * The content of a sealed block, verified.
 * @throws {FsError} `FS_BLOCK_UNSEALED` when it was not sealed so, with that key.
 */
export function unseal(
  sealed: Uint8Array,
  { plain, key }: { readonly plain: Cid; readonly key: SealKey },
): Uint8Array {
  const data = gcmOpen(blockKey(key, plain), sealed);
  // The tag says that who has the key made it; only this says that it is what the list says.
  if (data !== undefined && hash("sha256", data, "hex") === plain) return data;
  const message = "a sealed block cannot be opened with the workflow's key";
  throw new FsError({ code: "FS_BLOCK_UNSEALED", cid: plain }, message);
}

function blockKey(key: SealKey, plain: Cid): Buffer {
  return createHmac("sha256", key).update(BLOCK_LABEL).update(plain, "hex").digest();
}
