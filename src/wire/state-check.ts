/**
 * An entry by which replicas compare their states (R10). It is no batch of commands: its first byte is
 * one that no frame begins with, so it is told from them without being decoded.
 */
import type { StateCheck } from "../actors/ports.ts";
import { readUint32, readVarint, varintLength, writeUint32, writeVarint } from "../std/bytes.ts";
import { malformed, WireError } from "./errors.ts";

/** Never the first byte of MessagePack. */
const MARK = 0xc1;

const VERSION = 1;

/** Mark, version and the two halves of the hash. */
const FIXED_BYTES = 10;

/**
 * Mark, version, hash before the entry `index` (two halves, big endian), `index` as a varint; 0 and a
 * hash of 0 where there was no check before. Format `state-check`, version 1.
 */
export const stateCheckFormat = {
  encode({ previous }: StateCheck): Uint8Array {
    const { index, hash } = previous ?? { index: 0, hash: { high: 0, low: 0 } };
    const bytes = new Uint8Array(FIXED_BYTES + varintLength(index));
    bytes[0] = MARK;
    bytes[1] = VERSION;
    writeUint32(bytes, 2, hash.high);
    writeUint32(bytes, 6, hash.low);
    writeVarint(bytes, FIXED_BYTES, index);
    return bytes;
  },

  /** Whether an entry's bytes are a check, of whatever version. */
  matches(bytes: Uint8Array): boolean {
    return bytes[0] === MARK;
  },

  /** @throws {WireError} `WIRE_VERSION_UNKNOWN`, `WIRE_MALFORMED`. */
  decode(bytes: Uint8Array): StateCheck {
    const version = bytes[1] ?? 0;
    if (version !== VERSION) {
      const details = { code: "WIRE_VERSION_UNKNOWN", version } as const;
      throw new WireError(details, `unknown version ${version} of a check of the state`);
    }
    if (bytes.length <= FIXED_BYTES) throw malformed("a check of the state is too short");
    const index = readVarint(bytes, FIXED_BYTES);
    if (index < 0 || FIXED_BYTES + varintLength(index) !== bytes.length)
      throw malformed("a check of the state does not end where it should");
    if (index === 0) return { previous: undefined };
    return { previous: { index, hash: { high: readUint32(bytes, 2), low: readUint32(bytes, 6) } } };
  },
};
