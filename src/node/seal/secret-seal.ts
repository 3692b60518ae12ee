/**
 * A secret of a workflow as it is stored: sealed with a key that is made for this value alone, from the workflow's
 * key and a random salt. The group and the name are part of it, so a value cannot be passed off as another one's.
 * RFC 5869 (HKDF).
 */
import { hkdfSync, randomBytes } from "node:crypto";
import { gcmOpen, gcmSeal } from "../../fs/gcm.ts";
import { SEAL_KEY_BYTES, type SealKey } from "../../fs/seal.ts";

/** The form of what follows; its first byte. */
const VERSION = 1;

const SALT_BYTES = 16;
const LABEL = "jobx secret 1";

/** Whose secret it is. */
export interface SecretAt {
  readonly group: number;
  readonly name: string;
}

/** The value as it may be stored; each time another one. */
export function sealSecret(key: SealKey, at: SecretAt, value: Uint8Array): Uint8Array {
  const salt = randomBytes(SALT_BYTES);
  const own = ownKey(key, at, salt);
  const sealed = Buffer.concat([Buffer.of(VERSION), salt, gcmSeal(own, value)]);
  own.fill(0);
  return sealed;
}

/** What was sealed; undefined where that, its name, its workflow or the key is another one. */
export function openSecret(key: SealKey, at: SecretAt, sealed: Uint8Array): Uint8Array | undefined {
  if (sealed[0] !== VERSION || sealed.length < 1 + SALT_BYTES) return undefined;
  const own = ownKey(key, at, sealed.subarray(1, 1 + SALT_BYTES));
  const value = gcmOpen(own, sealed.subarray(1 + SALT_BYTES));
  own.fill(0);
  return value;
}

function ownKey(key: SealKey, { group, name }: SecretAt, salt: Uint8Array): Buffer {
  return Buffer.from(hkdfSync("sha256", key, salt, `${LABEL} ${group} ${name}`, SEAL_KEY_BYTES));
}
