import { expect, test } from "vitest";
import { smallBlocks } from "../../../test/lib/pack-kit.ts";
import { seededRandom } from "../../std/random.ts";
import { cidOf } from "../cid.ts";
import {
  decodeIndex,
  encodePack,
  HASH_BYTES,
  indexBytesOf,
  isOtherVersion,
  PACK_HEADER_BYTES,
  type PackIndex,
  RECORD_HEADER_BYTES,
  TRAILER_BYTES,
} from "./format.ts";
import { scanPack } from "./scan.ts";

const packed = (blocks: readonly Uint8Array[]) =>
  blocks.map((bytes) => ({ hash: Buffer.from(cidOf(bytes), "hex"), bytes }));

function indexIn(pack: Uint8Array): PackIndex | undefined {
  const length = indexBytesOf(pack.subarray(pack.length - TRAILER_BYTES));
  if (length === undefined || length > pack.length) return undefined;
  return decodeIndex(pack.subarray(pack.length - length), pack.length - length);
}

/** Two blocks, "content" and the empty one, as version 1 has them. Never to be changed: such files are on disks. */
const VERSION_1 = [
  "6a7870016a78720100000007ed7002b439e9ac845f22357d822bac1444730fbd",
  "b6016d3ec9432297b9ec9f738224de6200000000636f6e74656e746a78720100",
  "000000e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b78",
  "52b85566196e3300000000e3b0c44298fc1c149afbf4c8996fb92427ae41e464",
  "9b934ca495991b7852b8550000003b00000000ed7002b439e9ac845f22357d82",
  "2bac1444730fbdb6016d3ec9432297b9ec9f73000000040000000700006a7869",
  "0100000002bfb030f1",
].join("");

test("version 1 of a pack is written and read as it always was", () => {
  const { pack } = encodePack(packed([new TextEncoder().encode("content"), new Uint8Array(0)]));
  expect(Buffer.from(pack).toString("hex")).toBe(VERSION_1);
  const recorded = Uint8Array.from(Buffer.from(VERSION_1, "hex"));
  const index = indexIn(recorded);
  // In the order of hashes, e3b0… and ed70….
  expect(index?.lengths).toEqual(Uint16Array.of(0, 7));
  expect(index?.places).toEqual(Uint32Array.of(4 + 48 + 7, 4));
  expect(index?.dead).toEqual(Uint8Array.of(0, 0));
  expect(scanPack(recorded)).toEqual({ index, damaged: 0 });
});

test("an index and a scan tell the same, in the order of hashes", () => {
  const blocks = smallBlocks(500, 90);
  const { pack, index, indexAt } = encodePack(packed(blocks));
  expect(indexIn(pack)).toEqual(index);
  expect(scanPack(pack)).toEqual({ index, damaged: 0 });
  expect(indexAt).toBe(PACK_HEADER_BYTES + 500 * (RECORD_HEADER_BYTES + 90));
  const cids = Array.from({ length: index.count }, (_, at) =>
    Buffer.from(index.hashes.subarray(at * HASH_BYTES, (at + 1) * HASH_BYTES)).toString("hex"),
  );
  expect(cids).toEqual(blocks.map(cidOf).sort());
});

test("a flipped bit in an index is noticed, and one in a mark makes no block dead", () => {
  const { pack, index, indexAt } = encodePack(packed(smallBlocks(40, 10)));
  const marksAt = pack.length - TRAILER_BYTES - 40;
  for (let at = indexAt; at < pack.length; at++) {
    const flipped = pack.slice();
    flipped[at] = (flipped[at] ?? 0) ^ (1 << (at % 8));
    const isMark = at >= marksAt && at < marksAt + 40;
    expect([at, indexIn(flipped)]).toEqual([at, isMark ? index : undefined]);
  }
});

test("whatever bytes a file has, a scan takes only blocks that have their hash", () => {
  const random = seededRandom(5);
  const { pack } = encodePack(packed(smallBlocks(30, 60)));
  for (let round = 0; round < 200; round++) {
    const bytes = pack.slice(0, Math.floor(random.next() * pack.length));
    for (let flip = 0; flip < 5 && bytes.length > 0; flip++) {
      bytes[Math.floor(random.next() * bytes.length)] = Math.floor(random.next() * 256);
    }
    const { index } = scanPack(bytes);
    for (let at = 0; at < index.count; at++) {
      const begin = (index.places[at] ?? 0) + RECORD_HEADER_BYTES;
      const block = bytes.subarray(begin, begin + (index.lengths[at] ?? 0));
      const hash = index.hashes.subarray(at * HASH_BYTES, (at + 1) * HASH_BYTES);
      expect(cidOf(block)).toBe(Buffer.from(hash).toString("hex"));
    }
  }
});

test("a record inside of a block is not taken for one", () => {
  const inner = encodePack(packed(smallBlocks(3, 100))).pack;
  const { pack, index } = encodePack(packed([inner, new Uint8Array(5)]));
  expect(scanPack(pack)).toEqual({ index, damaged: 0 });
  // Not even where the header before it is damaged: what is found there is a whole block anyway.
  pack[PACK_HEADER_BYTES + 1] = 0;
  expect(scanPack(pack).index.count).toBe(4);
});

test("only what begins as a pack is a pack of another version", () => {
  expect(isOtherVersion(Uint8Array.of(0x6a, 0x78, 0x70, 2))).toBe(true);
  expect(isOtherVersion(Uint8Array.of(0x6a, 0x78, 0x70, 1))).toBe(false);
  expect(isOtherVersion(Uint8Array.of(0x6a, 0x78, 0x71, 2))).toBe(false);
  expect(isOtherVersion(Uint8Array.of(0x6a, 0x78))).toBe(false);
});
