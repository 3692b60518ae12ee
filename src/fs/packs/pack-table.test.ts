import { expect, test } from "vitest";
import { smallBlocks } from "../../../test/lib/pack-kit.ts";
import { seededRandom } from "../../std/random.ts";
import { cidOf } from "../cid.ts";
import { planCompaction, SMALL_PACKS_MAX } from "./compaction-plan.ts";
import { encodePack, PACK_BYTES } from "./format.ts";
import { Pack } from "./pack.ts";
import { PackTable } from "./pack-table.ts";

let names = 0;

function packOf(blocks: readonly Uint8Array[]): Pack {
  const packed = blocks.map((bytes) => ({ hash: Buffer.from(cidOf(bytes), "hex"), bytes }));
  const { pack, index, indexAt } = encodePack(packed);
  return new Pack({ name: `${names++}`, index, indexAt, fileBytes: pack.length });
}

test("a table finds what the packs hold, as a simple list of copies does", () => {
  const random = seededRandom(11);
  const below = (bound: number): number => Math.floor(random.next() * bound);
  const universe = smallBlocks(2_000, 8);
  const hashes = universe.map((bytes) => Buffer.from(cidOf(bytes), "hex"));
  const table = new PackTable();
  const packs = new Set<Pack>();
  const holders = (hash: Uint8Array): readonly Pack[] =>
    [...packs].filter((pack) => pack.find(hash) !== undefined);
  for (let round = 0; round < 30; round++) {
    const first = below(1_500);
    const pack = packOf(universe.slice(first, first + 1 + below(500)));
    table.add(pack);
    packs.add(pack);
    for (let kill = 0; kill < 200; kill++) {
      const place = table.find(hashes[below(hashes.length)] ?? new Uint8Array(0));
      if (place !== undefined) expect(table.kill(place)).toBe(true);
    }
    const [oldest] = packs;
    if (oldest !== undefined && below(2) === 0) {
      table.remove(oldest);
      packs.delete(oldest);
    }
    let here = 0;
    const wrong = hashes.filter((hash) => {
      const holding = holders(hash);
      if (holding.length > 0) here++;
      const place = table.find(hash);
      if (table.findAll(hash).length !== holding.length) return true;
      if (place === undefined) return holding.length > 0;
      return place.pack.find(hash) !== place.ordinal || !holding.includes(place.pack);
    });
    expect(wrong).toEqual([]);
    expect(table.blockCount).toBe(here);
    expect(table.packCount).toBe(packs.size);
  }
});

test("packs of which half lives are written again, those with the least first, up to one new pack", () => {
  const full = packOf(smallBlocks(300, 10_000));
  const half = packOf(smallBlocks(300, 10_001));
  for (let ordinal = 0; ordinal < 151; ordinal++) half.kill(ordinal);
  const empty = packOf(smallBlocks(300, 10_002));
  for (let ordinal = 0; ordinal < 300; ordinal++) empty.kill(ordinal);
  expect(planCompaction([full])).toEqual([]);
  expect(planCompaction([full, half, empty])).toEqual([empty, half]);
  const many = Array.from({ length: 20 }, () => {
    const pack = packOf(smallBlocks(300, 10_000));
    for (let ordinal = 0; ordinal < 200; ordinal++) pack.kill(ordinal);
    return pack;
  });
  const planned = planCompaction(many);
  const bytes = planned.reduce((sum, pack) => sum + pack.liveRecordBytes, 0);
  expect(planned.length).toBeGreaterThan(1);
  expect(bytes).toBeLessThanOrEqual(PACK_BYTES);
});

test("small packs are put together when they are too many, and not before", () => {
  const small = Array.from({ length: SMALL_PACKS_MAX + 1 }, (_, index) =>
    packOf(smallBlocks(10, 10, index * 100)),
  );
  expect(planCompaction(small.slice(1))).toEqual([]);
  expect(planCompaction(small)).toHaveLength(SMALL_PACKS_MAX + 1);
});
