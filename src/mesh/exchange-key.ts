/**
 * A node's key for agreeing on secrets, from the one with which it signs: X25519 from Ed25519 (RFC 7748, RFC
 * 8032). The public half follows from a node's id, so that anybody can wrap a secret for a node that is not up.
 */
import { createHash, createPrivateKey, createPublicKey, type KeyObject } from "node:crypto";
import { peerIdFromString } from "@libp2p/peer-id";
import { meshError } from "./errors.ts";
import { parseKey } from "./keys.ts";
import type { NodeId } from "./ports.ts";

/** The field of both curves, 2^255 - 19. */
const PRIME = 2n ** 255n - 19n;

/** What comes before the 32 bytes of a key in its DER form (RFC 8410). */
const PRIVATE_PREFIX = Buffer.from("302e020100300506032b656e04220420", "hex");
const PUBLIC_PREFIX = Buffer.from("302a300506032b656e032100", "hex");

const SEED_BYTES = 32;

/** The private half, of a node's key as `loadOrCreateKey` gives it. @throws {JobxError} `MESH_KEY_INVALID`. */
export function privateExchangeKey(key: Uint8Array): KeyObject {
  return privateFromSeed(parseKey(key, "").raw.subarray(0, SEED_BYTES));
}

/** The same, of the seed of an Ed25519 key. */
export function privateFromSeed(seed: Uint8Array): KeyObject {
  // The curve's arithmetic clamps the scalar.
  const scalar = createHash("sha512").update(seed).digest().subarray(0, SEED_BYTES);
  const der = Buffer.concat([PRIVATE_PREFIX, scalar]);
  const made = createPrivateKey({ key: der, format: "der", type: "pkcs8" });
  scalar.fill(0);
  der.fill(0);
  return made;
}

/** The public half of a node's. @throws {JobxError} `MESH_KEY_INVALID` when the id has no Ed25519 key in it. */
export function publicExchangeKey(node: NodeId): KeyObject {
  const peer = parsed(node);
  if (peer?.type === "Ed25519") return publicFromPoint(peer.publicKey.raw);
  throw meshError({ code: "MESH_KEY_INVALID", path: "" }, "the node's id is of another kind");
}

function parsed(node: NodeId): ReturnType<typeof peerIdFromString> | undefined {
  try {
    return peerIdFromString(node);
  } catch {
    return undefined;
  }
}

/** The same, of the 32 bytes of an Ed25519 public key. */
export function publicFromPoint(point: Uint8Array): KeyObject {
  const y = littleEndian(point) & (2n ** 255n - 1n);
  // Montgomery's u of Edwards' y; the sign of x does not matter.
  const u = ((1n + y) * inverse(1n - y)) % PRIME;
  const der = Buffer.concat([PUBLIC_PREFIX, bytesOf(u)]);
  return createPublicKey({ key: der, format: "der", type: "spki" });
}

/** By Fermat; that of 0 is 0. */
function inverse(value: bigint): bigint {
  let result = 1n;
  let base = ((value % PRIME) + PRIME) % PRIME;
  for (let left = PRIME - 2n; left > 0n; left >>= 1n) {
    if (left & 1n) result = (result * base) % PRIME;
    base = (base * base) % PRIME;
  }
  return result;
}

function littleEndian(bytes: Uint8Array): bigint {
  return BigInt(`0x${Buffer.from(bytes).reverse().toString("hex")}`);
}

function bytesOf(value: bigint): Buffer {
  return Buffer.from(value.toString(16).padStart(2 * SEED_BYTES, "0"), "hex").reverse();
}
