/**
 * A key of a workflow as one node can take it out: sealed for its X25519 key with a secret that is agreed with a
 * key made for this wrap alone. What came out is held against the key's id, so nobody can pass another key off.
 * RFC 7748 (X25519), RFC 5869 (HKDF).
 */
import {
  createHmac,
  createPublicKey,
  createSecretKey,
  diffieHellman,
  generateKeyPairSync,
  hkdfSync,
  type KeyObject,
} from "node:crypto";
import { gcmOpen, gcmSeal, TAG_BYTES } from "../../fs/gcm.ts";
import { SEAL_KEY_BYTES, type SealKey } from "../../fs/seal.ts";
import { privateExchangeKey, publicExchangeKey } from "../../mesh/exchange-key.ts";
import type { NodeId } from "../../wire/dataset.ts";

/** The form of what follows; its first byte. */
const VERSION = 1;

const POINT_BYTES = 32;
const WRAPPED_BYTES = 1 + POINT_BYTES + SEAL_KEY_BYTES + TAG_BYTES;

const WRAP_LABEL = "jobx wrapped key 1";
const ID_LABEL = "jobx key id 1";
const ID_LENGTH = 32;

/** What comes before the 32 bytes of a public key in its DER form (RFC 8410). */
const PUBLIC_PREFIX = Buffer.from("302a300506032b656e032100", "hex");

/** Tells keys apart, and nothing else about them: 32 hex digits. */
export function keyIdOf(key: SealKey): string {
  return createHmac("sha256", key).update(ID_LABEL).digest("hex").slice(0, ID_LENGTH);
}

/** The key for one node. @throws {JobxError} `MESH_KEY_INVALID` when the node's id has no key in it. */
export function wrapKey(key: SealKey, node: NodeId): Uint8Array {
  const publicKey = publicExchangeKey(node);
  const once = generateKeyPairSync("x25519");
  const point = pointOf(once.publicKey);
  const secret = diffieHellman({ privateKey: once.privateKey, publicKey });
  const wrapping = wrappingKey(secret, { point, node });
  const plain = key.export();
  const wrapped = Buffer.concat([Buffer.of(VERSION), point, gcmSeal(wrapping, plain)]);
  for (const bytes of [secret, wrapping, plain]) bytes.fill(0);
  return wrapped;
}

/** Takes keys out of wraps that were made for a node. */
export class KeyUnwrapper {
  readonly #node: NodeId;
  readonly #privateKey: KeyObject;

  /** `key` is the node's, as `loadOrCreateKey` gives it. @throws {JobxError} `MESH_KEY_INVALID`. */
  constructor(node: NodeId, key: Uint8Array) {
    this.#node = node;
    this.#privateKey = privateExchangeKey(key);
  }

  /** The key of that id; undefined when something else, or nothing, is in the wrap. */
  unwrap(wrapped: Uint8Array, id: string): SealKey | undefined {
    if (wrapped.length !== WRAPPED_BYTES || wrapped[0] !== VERSION) return undefined;
    const point = Buffer.from(wrapped.subarray(1, 1 + POINT_BYTES));
    const secret = this.#agree(point);
    if (secret === undefined) return undefined;
    const wrapping = wrappingKey(secret, { point, node: this.#node });
    const plain = gcmOpen(wrapping, wrapped.subarray(1 + POINT_BYTES));
    const key = plain && createSecretKey(plain);
    for (const bytes of [secret, wrapping, plain]) bytes?.fill(0);
    return key !== undefined && keyIdOf(key) === id ? key : undefined;
  }

  /** Undefined for points with which nothing can be agreed. */
  #agree(point: Uint8Array): Buffer | undefined {
    const der = Buffer.concat([PUBLIC_PREFIX, point]);
    const publicKey = createPublicKey({ key: der, format: "der", type: "spki" });
    try {
      return diffieHellman({ privateKey: this.#privateKey, publicKey });
    } catch {
      return undefined;
    }
  }
}

/** Seals one key: the point is never used again. */
function wrappingKey(
  secret: Uint8Array,
  { point, node }: { readonly point: Uint8Array; readonly node: NodeId },
): Buffer {
  const context = Buffer.concat([Buffer.from(`${WRAP_LABEL} ${node} `), point]);
  return Buffer.from(hkdfSync("sha256", secret, Buffer.alloc(0), context, SEAL_KEY_BYTES));
}

function pointOf(key: KeyObject): Buffer {
  return key.export({ format: "der", type: "spki" }).subarray(-POINT_BYTES);
}
