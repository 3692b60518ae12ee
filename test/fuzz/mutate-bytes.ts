/** Bytes made worse: bits, lengths, pieces. */
import type { Chance } from "../sim/chance.ts";

/** Bytes that mean something to one of our formats: lengths, marks, ends of ranges. */
const TELLING = [0, 1, 0x7f, 0x80, 0x90, 0xa0, 0xc0, 0xc1, 0xc6, 0xcf, 0xdb, 0xdd, 0xfe, 0xff];

/** Most bytes of a made input, so that mutation upon mutation does not grow without end. */
const INPUT_BYTES_MAX = 256 * 1024;

type Change = (bytes: Uint8Array, chance: Chance, others: readonly Uint8Array[]) => Uint8Array;

const CHANGES: readonly Change[] = [
  (bytes, chance) => edited(bytes, chance, [bytes[0] ?? 0], true),
  (bytes, chance) => edited(bytes, chance, [chance.whole(0, 255)]),
  (bytes, chance) => edited(bytes, chance, [chance.pick(TELLING)]),
  (bytes, chance) => edited(bytes, chance, lengthBytes(chance)),
  (bytes, chance) => bytes.slice(0, placeIn(bytes, chance)),
  (bytes, chance) => joined(bytes.subarray(0, placeIn(bytes, chance)), randomBytes(chance), bytes),
  (bytes, chance) => {
    const [from, to] = [placeIn(bytes, chance), placeIn(bytes, chance)];
    // Left out when from < to, else there twice.
    return joined(bytes.subarray(0, from), bytes.subarray(to));
  },
  (bytes, chance, others) => {
    const other = others.length === 0 ? bytes : chance.pick(others);
    const head = bytes.subarray(0, placeIn(bytes, chance));
    return joined(head, other.subarray(placeIn(other, chance)));
  },
];

/** One to four changes; `others` are valid inputs to take pieces of. */
export function mutateBytes(
  bytes: Uint8Array,
  chance: Chance,
  others: readonly Uint8Array[] = [],
): Uint8Array {
  let mutant = bytes;
  for (let left = chance.whole(1, 4); left > 0; left--) {
    mutant = chance.pick(CHANGES)(mutant, chance, others);
  }
  return mutant.length > INPUT_BYTES_MAX ? mutant.slice(0, INPUT_BYTES_MAX) : mutant;
}

/** Up to 64 bytes of noise. */
export function randomBytes(chance: Chance, lengthMax = 64): Uint8Array {
  const bytes = new Uint8Array(chance.whole(0, lengthMax));
  for (let at = 0; at < bytes.length; at++) bytes[at] = chance.whole(0, 255);
  return bytes;
}

/** The same bytes in pieces, as a stream may bring them. */
export function pieces(bytes: Uint8Array, chance: Chance): readonly Uint8Array[] {
  const parts: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; ) {
    const end = at + chance.whole(1, Math.max(1, bytes.length - at));
    parts.push(bytes.subarray(at, end));
    at = end;
  }
  return parts;
}

function placeIn(bytes: Uint8Array, chance: Chance): number {
  return chance.whole(0, bytes.length);
}

function edited(
  bytes: Uint8Array,
  chance: Chance,
  patch: readonly number[],
  oneBit = false,
): Uint8Array {
  const copy = Uint8Array.from(bytes);
  if (copy.length === 0) return copy;
  const at = chance.whole(0, copy.length - 1);
  if (oneBit) copy[at] = (copy[at] ?? 0) ^ (1 << chance.whole(0, 7));
  else for (const [offset, byte] of patch.entries()) copy[at + offset] = byte;
  return copy;
}

/** A length that cannot be, as big endian, little endian or varint. */
function lengthBytes(chance: Chance): readonly number[] {
  const kind = chance.whole(0, 3);
  if (kind === 0) return [0xff, 0xff, 0xff, 0xff];
  if (kind === 1) return [0x7f, 0xff, 0xff, 0xff];
  if (kind === 2) return Array.from({ length: chance.whole(1, 9) }, () => 0xff);
  return [0, 0, chance.whole(0, 255), chance.whole(0, 255)];
}

function joined(...parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}
