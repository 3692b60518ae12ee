/** Finds the records of a pack without its index: where that is damaged or the file was cut. */
import { cidOf } from "../cid.ts";
import {
  decodeRecordHeader,
  indexOf,
  PACK_HEADER_BYTES,
  type PackIndex,
  RECORD_HEADER_BYTES,
} from "./format.ts";

/** The first byte of a record. */
const RECORD_START = 0x6a;

/** What a scan found. */
export interface Scan {
  readonly index: PackIndex;
  /** Records whose header is whole and whose block is not: damaged, or cut off. */
  readonly damaged: number;
}

/**
 * Goes from record to record, and where a header is damaged to the next bytes that are one. Only
 * blocks that have their hash are taken, so that what only looks like a record, inside of a damaged
 * one, does no harm. Of two records of one block the later is taken unless it is dead.
 */
export function scanPack(bytes: Uint8Array): Scan {
  const found = new Map<
    string,
    { hash: Uint8Array; place: number; length: number; isDead: boolean }
  >();
  let damaged = 0;
  let at = PACK_HEADER_BYTES;
  while (at + RECORD_HEADER_BYTES <= bytes.length) {
    const header = decodeRecordHeader(bytes, at);
    if (header === undefined) {
      const next = bytes.indexOf(RECORD_START, at + 1);
      if (next < 0) break;
      at = next;
      continue;
    }
    const begin = at + RECORD_HEADER_BYTES;
    const block = bytes.subarray(begin, begin + header.length);
    const cid = Buffer.from(header.hash).toString("hex");
    if (block.length === header.length && cidOf(block) === cid) {
      const { hash, length, isDead } = header;
      if (!isDead || !found.has(cid)) found.set(cid, { hash, place: at, length, isDead });
    } else damaged++;
    at = begin + header.length;
  }
  const records = [...found].sort(([left], [right]) => (left < right ? -1 : 1));
  return { index: indexOf(records.map(([, record]) => record)), damaged };
}
