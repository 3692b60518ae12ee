/** Which packs are written again. Pure. */
import { PACK_BYTES } from "./format.ts";
import type { Pack } from "./pack.ts";

/** A pack is written again when less than this part of it lives: at most as much is written as is given back. */
export const COMPACT_BELOW_RATIO = 0.5;

/** Packs that count as small: several of them make one. */
export const SMALL_PACK_BYTES = PACK_BYTES / 4;

/** Small packs that may be there before they are put together: bounds the files that small batches leave, at the price of writing each block about once more. */
export const SMALL_PACKS_MAX = 32;

/** Packs whose live blocks go into one new pack; empty when there is nothing to do. */
export function planCompaction(packs: Iterable<Pack>): readonly Pack[] {
  const half: Pack[] = [];
  const small: Pack[] = [];
  for (const pack of packs) {
    // One that had to be scanned is written again, so that the next opening need not scan it.
    if (pack.liveRatio < COMPACT_BELOW_RATIO || pack.indexAt === undefined) half.push(pack);
    else if (pack.fileBytes < SMALL_PACK_BYTES) small.push(pack);
  }
  if (half.length > 0) return upToOnePack(half);
  return small.length > SMALL_PACKS_MAX ? upToOnePack(small) : [];
}

/** Those with the least to copy first. */
function upToOnePack(packs: Pack[]): readonly Pack[] {
  packs.sort((left, right) => left.liveRecordBytes - right.liveRecordBytes);
  const taken: Pack[] = [];
  let bytes = 0;
  for (const pack of packs) {
    bytes += pack.liveRecordBytes;
    if (taken.length > 0 && bytes > PACK_BYTES) break;
    taken.push(pack);
  }
  return taken;
}
