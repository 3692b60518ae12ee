/** Undoes snappy compression; only for the indexes of LevelDB's tables, so it need not be fast. */

/** A copy of 64 bytes takes three: a length above that is damage, not a reason to take memory. */
const EXPANSION_MAX = 22;

/** The bytes that were compressed; undefined when `input` is not what snappy writes. */
export function unsnap(input: Uint8Array): Uint8Array | undefined {
  let at = 0;
  const littleEndian = (count: number): number => {
    let value = 0;
    for (let byte = 0; byte < count; byte++) value += (input[at++] ?? 0) * 256 ** byte;
    return value;
  };
  let length = 0;
  for (let scale = 1; ; scale *= 128) {
    const byte = input[at++];
    if (byte === undefined || scale > 2 ** 28) return undefined;
    length += (byte & 127) * scale;
    if (byte < 128) break;
  }
  if (length > EXPANSION_MAX * input.length) return undefined;
  const output = new Uint8Array(length);
  let written = 0;
  while (at < input.length) {
    const tag = input[at++] ?? 0;
    const kind = tag & 3;
    if (kind === 0) {
      const small = tag >>> 2;
      const count = (small < 60 ? small : littleEndian(small - 59)) + 1;
      if (at + count > input.length || written + count > length) return undefined;
      output.set(input.subarray(at, at + count), written);
      at += count;
      written += count;
      continue;
    }
    const count = kind === 1 ? ((tag >>> 2) & 7) + 4 : (tag >>> 2) + 1;
    const back =
      kind === 1 ? (tag >>> 5) * 256 + littleEndian(1) : littleEndian(kind === 2 ? 2 : 4);
    if (back === 0 || back > written || written + count > length) return undefined;
    // Byte by byte: a copy may reach into what it is writing.
    for (let byte = 0; byte < count; byte++, written++) {
      output[written] = output[written - back] ?? 0;
    }
  }
  return written === length ? output : undefined;
}
