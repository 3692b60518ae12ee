const MASK_DELTA = 0xa282ead8;

/** As LevelDB stores a CRC-32C: turned and moved, so that a checksum over bytes with a checksum in them is of use. */
export function maskedCrc(sum: number): number {
  return (((sum >>> 15) | (sum << 17)) + MASK_DELTA) >>> 0;
}
