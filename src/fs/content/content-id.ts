/**
 * Content ids as IPFS has them: a codec and the sha256 of a block. The text is that of a CID of
 * version 1 in base32, lower case ("b…"), 59 characters, and every id has exactly one text.
 */
import { CID } from "multiformats/cid";
import { create as createDigest } from "multiformats/hashes/digest";
import { assert } from "../../std/assert.ts";
import { fromHex, toHex } from "../../std/bytes.ts";
import type { Cid } from "../../wire/dataset.ts";
import { ContentError } from "./errors.ts";

/** How a block is to be read: its bytes as they are, or a node with links to other blocks. */
export type Codec = "raw" | "dag-pb";

/** Names a block and says how to read it. `block` is the name under which the block store has it. */
export interface ContentId {
  readonly codec: Codec;
  readonly block: Cid;
}

/** What a link may lead to: a block, or bytes that are in the link itself (the identity hash). */
export type LinkTarget =
  | { readonly kind: "block"; readonly id: ContentId }
  | { readonly kind: "inline"; readonly codec: Codec; readonly data: Uint8Array };

/** Bytes of a CID of version 1 with a sha256: version, codec, hash, length, and the hash itself. */
export const CID_BYTES = 36;

/** Characters of the text of a content id: the base's letter and five bits in each other one. */
const TEXT_LENGTH = 1 + Math.ceil((CID_BYTES * 8) / 5);

/** Numbers of multiformats. */
const CODES = { raw: 0x55, "dag-pb": 0x70 } as const satisfies Record<Codec, number>;
const SHA2_256 = 0x12;
const IDENTITY = 0x00;

/** Bytes of a hash of 256 bits. */
const DIGEST_BYTES = 32;

/** Bytes that a link may carry itself; IPFS implementations refuse more as well. */
export const INLINE_BYTES_MAX = 128;

/** The id as multiformats has it, for encoding it as a link. */
export function toCid(id: ContentId): CID {
  const digest = fromHex(id.block);
  assert(digest?.length === DIGEST_BYTES, "a block is named by its sha256");
  return CID.createV1(CODES[id.codec], createDigest(SHA2_256, digest));
}

/** The bytes of an id, as in links and archives. */
export function contentIdBytes(id: ContentId): Uint8Array {
  return toCid(id).bytes;
}

/** The text of an id: "bafk…" for raw blocks, "bafy…" for nodes. */
export function formatContentId(id: ContentId): string {
  return toCid(id).toString();
}

/**
 * The id that a text names. Other bases, hashes and version 0 ("Qm…") are refused, so that two texts
 * are the same id only if they are the same text.
 * @throws {JobxError} `FS_CID_MALFORMED` for anything that `formatContentId` does not make.
 */
export function parseContentId(text: string): ContentId {
  if (!text.startsWith("b"))
    throw refused('does not begin with "b": version 1 in base32 is wanted');
  if (text.length !== TEXT_LENGTH) throw refused(`has not ${TEXT_LENGTH} characters`);
  const target = readLink(decodeText(text));
  if (target.kind === "inline") throw refused("carries its bytes itself");
  // Letters that stand for the same bits, and bits beyond the last byte, would make a second text.
  if (formatContentId(target.id) !== text) throw refused("is not in its only form");
  return target.id;
}

/**
 * What a link of a node, or the id before a block of an archive, leads to. Version 0 is read as the
 * same id in version 1.
 * @throws {JobxError} `FS_CID_MALFORMED` for codecs other than raw and dag-pb, hashes other than
 * sha2-256 and identity, and identities over `INLINE_BYTES_MAX`.
 */
export function readLink(cid: CID): LinkTarget {
  const codec = codecOf(cid.code);
  const { code, digest } = cid.multihash;
  if (code === SHA2_256 && digest.length === DIGEST_BYTES) {
    return { kind: "block", id: { codec, block: toHex(digest) } };
  }
  if (code !== IDENTITY) throw refused(`has the hash 0x${code.toString(16)}, not sha2-256`);
  if (digest.length > INLINE_BYTES_MAX) throw refused(`carries ${digest.length} bytes itself`);
  return { kind: "inline", codec, data: digest };
}

/**
 * The CID at the beginning of `bytes`, and how long it is.
 * @throws {JobxError} `FS_CID_MALFORMED` when there is none.
 */
export function readCid(bytes: Uint8Array): { readonly cid: CID; readonly length: number } {
  try {
    const [cid, rest] = CID.decodeFirst(bytes);
    return { cid, length: bytes.length - rest.length };
  } catch (cause) {
    throw refused("its bytes cannot be read", cause);
  }
}

function decodeText(text: string): CID {
  try {
    return CID.parse(text);
  } catch (cause) {
    throw refused("cannot be read", cause);
  }
}

function codecOf(code: number): Codec {
  if (code === CODES.raw) return "raw";
  if (code === CODES["dag-pb"]) return "dag-pb";
  throw refused(`has the codec 0x${code.toString(16)}, not raw or dag-pb`);
}

function refused(reason: string, cause?: unknown): ContentError {
  const details = { code: "FS_CID_MALFORMED", reason } as const;
  return new ContentError(details, `the content id ${reason}`, { cause });
}
