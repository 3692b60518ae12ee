/**
 * A value that anybody can seal for a workflow, by its public key, and only members can open. A key that is made for
 * this value alone agrees with the workflow's on a secret, and what follows from that seals it.
 * RFC 7748 (X25519), RFC 5869 (HKDF).
 */
import {
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  hkdfSync,
  type KeyObject,
} from "node:crypto";
import { gcmOpen, gcmSeal, TAG_BYTES } from "../../fs/gcm.ts";

/** Bytes of a value. */
export const SEALED_VALUE_BYTES_MAX = 32 * 1024;

/** The form of what follows; its first byte. */
const VERSION = 1;

const POINT_BYTES = 32;
const KEY_BYTES = 32;
const LABEL = "jobx sealed value 1 ";

/** What comes before the 32 bytes of a public key in its DER form (RFC 8410). */
const PUBLIC_PREFIX = Buffer.from("302a300506032b656e032100", "hex");

/** The 32 bytes of a public key. */
export function pointOfKey(key: KeyObject): Buffer {
  return key.export({ format: "der", type: "spki" }).subarray(-POINT_BYTES);
}

/** The value for whoever has the private half of the key; each time another text. Throws for a point of no use. */
export function sealValue(publicPoint: Uint8Array, value: string): string {
  const once = generateKeyPairSync("x25519");
  const point = pointOfKey(once.publicKey);
  const key = agreed(once.privateKey, publicPoint, Buffer.concat([point, publicPoint]));
  const sealed = gcmSeal(key, Buffer.from(value));
  return Buffer.concat([Buffer.of(VERSION), point, sealed]).toString("base64url");
}

/** What was sealed for the key; undefined for all else. */
export function openSealedValue(privateKey: KeyObject, text: string): string | undefined {
  const bytes = Buffer.from(text, "base64url");
  const tooLong = bytes.length > 1 + POINT_BYTES + SEALED_VALUE_BYTES_MAX + TAG_BYTES;
  if (bytes[0] !== VERSION || bytes.length < 1 + POINT_BYTES + TAG_BYTES || tooLong) {
    return undefined;
  }
  const point = bytes.subarray(1, 1 + POINT_BYTES);
  const own = pointOfKey(createPublicKey(privateKey));
  try {
    const key = agreed(privateKey, point, Buffer.concat([point, own]));
    const value = gcmOpen(key, bytes.subarray(1 + POINT_BYTES));
    return value && new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(value);
  } catch {
    // A point with which nothing can be agreed, or bytes that are no text.
    return undefined;
  }
}

/** The same with a private key as PKCS #8. */
export function unsealWith(pkcs8: Uint8Array): (text: string) => string | undefined {
  const key = createPrivateKey({ key: Buffer.from(pkcs8), format: "der", type: "pkcs8" });
  return (text) => openSealedValue(key, text);
}

function agreed(privateKey: KeyObject, point: Uint8Array, context: Uint8Array): Buffer {
  const der = Buffer.concat([PUBLIC_PREFIX, point]);
  const publicKey = createPublicKey({ key: der, format: "der", type: "spki" });
  const secret = diffieHellman({ privateKey, publicKey });
  const info = Buffer.concat([Buffer.from(LABEL), context]);
  return Buffer.from(hkdfSync("sha256", secret, Buffer.alloc(0), info, KEY_BYTES));
}
