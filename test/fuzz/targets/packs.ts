/** Packs of blocks on a disk. */
import { hash } from "node:crypto";
import {
  DEAD_BYTE,
  DEAD_MARK,
  decodeIndex,
  decodeRecordHeader,
  encodePack,
  indexBytesOf,
  isOtherVersion,
  MARK_AT,
  PACK_BYTES_MAX,
  PACK_HEADER_BYTES,
  TRAILER_BYTES,
} from "../../../src/fs/packs/format.ts";
import { scanPack } from "../../../src/fs/packs/scan.ts";
import { writeUint32 } from "../../../src/std/bytes.ts";
import { CRC32C_EMPTY, crc32c } from "../../../src/std/crc32c.ts";
import type { Chance } from "../../sim/chance.ts";
import { mutateBytes, randomBytes } from "../mutate-bytes.ts";
import type { Target } from "../target.ts";

const sha256 = (data: Uint8Array): string => hash("sha256", data, "hex");

function packOf(chance: Chance): Uint8Array {
  const contents = new Map(
    Array.from({ length: chance.whole(1, 5) }, () => {
      const bytes = randomBytes(chance);
      return [sha256(bytes), bytes];
    }),
  );
  const blocks = [...contents].map(([cid, bytes]) => ({ hash: Buffer.from(cid, "hex"), bytes }));
  const { pack, indexAt } = encodePack(blocks);
  if (chance.hits(0.4)) return mutateBytes(pack, chance);
  const index = pack.subarray(indexAt);
  const marksAt = index.length - TRAILER_BYTES - blocks.length;
  if (chance.hits(0.2)) {
    index[marksAt] = DEAD_BYTE;
    writeUint32(pack, PACK_HEADER_BYTES + MARK_AT, DEAD_MARK);
  }
  // A record that says to be longer than one may be, with the checksum that it needs.
  if (chance.hits(0.1)) {
    const [begin, sumAt] = [PACK_HEADER_BYTES, PACK_HEADER_BYTES + MARK_AT - 4];
    writeUint32(pack, begin + 4, chance.pick([65_535, 65_536, 2 ** 32 - 1]));
    writeUint32(pack, sumAt, crc32c(CRC32C_EMPTY, pack, begin, sumAt));
  }
  if (chance.hits(0.3)) return pack;
  // And an index that says something else.
  index.set([chance.whole(0, 255), chance.whole(0, 255)], chance.whole(0, marksAt - 2));
  const sum = crc32c(CRC32C_EMPTY, index, 0, marksAt);
  const at = index.length - TRAILER_BYTES;
  writeUint32(index, index.length - 4, crc32c(sum, index, at, index.length - 4));
  return pack;
}

const packTarget: Target = {
  name: "pack",
  reads: ["fs/packs/format.ts", "fs/packs/scan.ts"],
  make: packOf,
  take(bytes) {
    if (isOtherVersion(bytes)) return "version";
    const { index } = scanPack(bytes);
    if (index.count * TRAILER_BYTES > PACK_BYTES_MAX) throw new Error("more than a pack can have");
    if (decodeRecordHeader(bytes, bytes.length - TRAILER_BYTES) !== undefined)
      throw new Error("a record that is beyond the end");
    const indexBytes = indexBytesOf(bytes.subarray(-TRAILER_BYTES));
    if (indexBytes === undefined || indexBytes > bytes.length) return "cut";
    const indexAt = bytes.length - indexBytes;
    return decodeIndex(bytes.subarray(indexAt), indexAt) === undefined ? "refused" : "accepted";
  },
};

export const packTargets: readonly Target[] = [packTarget];
