/** AES-256-GCM for keys that seal one thing each, so that the nonce need not differ. NIST SP 800-38D. */
import { createCipheriv, createDecipheriv } from "node:crypto";

/** By so much what is sealed is longer. */
export const TAG_BYTES = 16;

const CIPHER = "aes-256-gcm";
const NONCE = new Uint8Array(12);
const OPTIONS = { authTagLength: TAG_BYTES } as const;

/** Sealed data, and the tag after it. The key, 32 bytes, must never seal anything else. */
export function gcmSeal(key: Uint8Array, data: Uint8Array): Uint8Array {
  const cipher = createCipheriv(CIPHER, key, NONCE, OPTIONS);
  return Buffer.concat([cipher.update(data), cipher.final(), cipher.getAuthTag()]);
}

/** What was sealed; undefined where any bit of it, or the key, is another one. */
export function gcmOpen(key: Uint8Array, sealed: Uint8Array): Uint8Array | undefined {
  const end = sealed.length - TAG_BYTES;
  if (end < 0) return undefined;
  const decipher = createDecipheriv(CIPHER, key, NONCE, OPTIONS);
  decipher.setAuthTag(sealed.subarray(end));
  const data = decipher.update(sealed.subarray(0, end));
  try {
    decipher.final();
  } catch {
    return undefined;
  }
  return data;
}
