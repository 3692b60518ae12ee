/** Which parts of a pack are read for many of its records. Pure. */
import { RECORD_HEADER_BYTES } from "./format.ts";
import type { Pack } from "./pack.ts";

/** What nobody wants between two records is read along up to here: less work than another read. */
const GAP_BYTES = 32 * 1024;

/** Bytes of a pack, and the ordinals of the records in them that are wanted. */
export interface Extent {
  readonly at: number;
  readonly length: number;
  readonly ordinals: readonly number[];
}

/** Extents with all of these records, in the order of their places; together no longer than the pack. */
export function extentsOf(pack: Pack, ordinals: readonly number[]): readonly Extent[] {
  const extents: Extent[] = [];
  let last: { at: number; length: number; ordinals: number[] } | undefined;
  for (const ordinal of ordinals.toSorted((a, b) => pack.placeOf(a) - pack.placeOf(b))) {
    const at = pack.placeOf(ordinal);
    const end = at + RECORD_HEADER_BYTES + pack.lengthOf(ordinal);
    if (last !== undefined && at - (last.at + last.length) <= GAP_BYTES) {
      last.length = end - last.at;
      last.ordinals.push(ordinal);
      continue;
    }
    last = { at, length: end - at, ordinals: [ordinal] };
    extents.push(last);
  }
  return extents;
}
