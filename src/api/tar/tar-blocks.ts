/** Numbers of the tar format (POSIX ustar and pax). */

/** Bytes of a block: headers are one, and content is filled up to whole ones. */
export const TAR_BLOCK_BYTES = 512;

/** Where the fields of a header are: first byte and length. */
export const TAR_FIELDS = {
  name: [0, 100],
  mode: [100, 8],
  size: [124, 12],
  mtime: [136, 12],
  checksum: [148, 8],
  type: [156, 1],
  link: [157, 100],
  magic: [257, 8],
  prefix: [345, 155],
} as const;

export type TarField = readonly [from: number, length: number];

/** The bytes of a field, not copied. */
export function fieldOf(header: Uint8Array, [from, length]: TarField): Uint8Array {
  return header.subarray(from, from + length);
}

/** Bytes that content is filled up with. */
export function paddingOf(bytes: number): number {
  return (TAR_BLOCK_BYTES - (bytes % TAR_BLOCK_BYTES)) % TAR_BLOCK_BYTES;
}

/** The sum of a header's bytes, those of the sum itself taken for spaces. */
export function checksumOf(header: Uint8Array): number {
  const [from, length] = TAR_FIELDS.checksum;
  let sum = length * 0x20;
  for (let at = 0; at < from; at++) sum += header[at] ?? 0;
  for (let at = from + length; at < header.length; at++) sum += header[at] ?? 0;
  return sum;
}
