import fc from "fast-check";
import { expect, test } from "vitest";
import { concatBytes, fromHex, toHex, writeUint32 } from "../std/bytes.ts";
import { JobxError } from "../std/errors.ts";
import { encodePairs, type Pair, RECORD_BYTES_MAX, RecordCursor } from "./pairs.ts";
import {
  BLOCK_RECORDS_BYTES,
  DATA_BLOCK_BYTES_MAX,
  DataBlock,
  DataBlockBuilder,
  type DataBlockEntry,
  decodeManifest,
  encodeManifest,
  FIRST_KEY_BYTES_MAX,
  MANIFEST_BYTES_MAX,
  PLACE_STRIDE,
  RUN_BLOCKS_MAX,
} from "./run.ts";

const CID = "ab".repeat(32);
const empty = new Uint8Array(0);

function cursorOf(pair: Pair): RecordCursor {
  const cursor = new RecordCursor(encodePairs([pair]));
  cursor.next();
  return cursor;
}

function blockOf(pairs: readonly Pair[]): Uint8Array {
  const builder = new DataBlockBuilder();
  for (const pair of pairs) builder.append(cursorOf(pair));
  return builder.finish().block;
}

function bytesOf(hex: string): Uint8Array {
  return fromHex(hex) ?? empty;
}

function codeOf(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    if (error instanceof JobxError) return String(error.code);
    throw error;
  }
  return "none";
}

/** All pairs that a block gives, or the code of its refusal. */
function readBlock(bytes: Uint8Array): string {
  return codeOf(() => {
    const block = new DataBlock(bytes);
    for (let index = 0; index < Math.min(block.count, 100); index++) {
      const cursor = block.cursorAt(index);
      while (cursor.next());
    }
  });
}

const pair = fc.record({
  key: fc.uint8Array({ maxLength: 9 }),
  value: fc.uint8Array({ maxLength: 90 }),
});

test("a data block has the recorded bytes", () => {
  const block = blockOf(
    Array.from({ length: PLACE_STRIDE + 1 }, () => ({ key: Uint8Array.of(1), value: empty })),
  );
  const records = "010100".repeat(17);
  expect(toHex(block)).toBe(`${records}${"00000000"}${"00000030"}${"00000011"}${"6a786401"}`);
});

test("any pair of a block is found from its number", () => {
  fc.assert(
    fc.property(fc.array(pair, { minLength: 1, maxLength: 70 }), fc.nat(), (pairs, number) => {
      const block = new DataBlock(blockOf(pairs));
      expect(block.count).toBe(pairs.length);
      const index = number % pairs.length;
      const cursor = block.cursorAt(index);
      const rest: Pair[] = [];
      while (cursor.next()) rest.push({ key: cursor.key(), value: cursor.value() });
      expect(rest).toEqual(pairs.slice(index));
    }),
  );
});

test("a block takes pairs up to its size, and one larger pair alone", () => {
  const builder = new DataBlockBuilder();
  const half = cursorOf({ key: empty, value: new Uint8Array(BLOCK_RECORDS_BYTES / 2) });
  const large = cursorOf({ key: empty, value: new Uint8Array(3 * BLOCK_RECORDS_BYTES) });
  expect(builder.fits(large)).toBe(true);
  builder.append(half);
  expect([builder.fits(half), builder.fits(large)]).toEqual([false, false]);
  expect(() => builder.append(half)).toThrow(/room/);
  builder.clear();
  builder.append(large);
  expect(builder.fits(cursorOf({ key: empty, value: empty }))).toBe(false);
  expect(new DataBlock(builder.finish().block).count).toBe(1);
  expect(() => builder.finish()).toThrow(/holds a pair/);
});

test("a builder gives the pairs so far, and keeps nothing of the block before", () => {
  const builder = new DataBlockBuilder();
  const pairs = [{ key: Uint8Array.of(9), value: new Uint8Array(5000).fill(1) }];
  for (let round = 0; round < 2; round++) {
    for (const each of pairs) builder.append(cursorOf(each));
    expect([builder.count, builder.recordsBytes]).toEqual([1, encodePairs(pairs).length]);
    expect(builder.records()).toEqual(encodePairs(pairs));
    expect(builder.finish()).toEqual({
      block: blockOf(pairs),
      count: 1,
      firstKey: Uint8Array.of(9),
    });
  }
});

test("only the start of a long first key is noted", () => {
  const builder = new DataBlockBuilder();
  builder.append(cursorOf({ key: new Uint8Array(500).fill(3), value: empty }));
  expect(builder.finish().firstKey).toEqual(new Uint8Array(FIRST_KEY_BYTES_MAX).fill(3));
});

test("bytes that are no data block are refused", () => {
  const footer = "6a786401";
  const bad = {
    "": "too short",
    "00000001": "too short",
    "010100000000000000000100000000": "another magic",
    "0101000000000000000001006a7864": "cut short",
    [`0101000000000000000001${"6a786402"}`]: "a later version",
    [`00000000${footer}`]: "no pairs",
    [`00000000${"00000001"}${footer}`]: "a count without bytes of pairs",
    [`010100${"ffffffff"}${footer}`]: "a count beyond the bytes",
    [`010100${"00000001"}${"00000001"}${footer}`]: "a first place that is not 0",
    [`${"010100".repeat(17)}${"00000000"}${"00000000"}${"00000011"}${footer}`]: "the same place",
    [`${"010100".repeat(17)}${"00000000"}${"00000033"}${"00000011"}${footer}`]: "beyond the pairs",
  };
  for (const [hex, why] of Object.entries(bad)) {
    expect(readBlock(bytesOf(hex)), why).toBe("RUN_MALFORMED");
  }
  const long = new Uint8Array(DATA_BLOCK_BYTES_MAX + 1);
  expect(readBlock(long)).toBe("RUN_MALFORMED");
});

test("a block whose pairs are fewer than counted is noticed on the way", () => {
  const block = `${"010100".repeat(2)}${"00000000"}${"00000003"}${"6a786401"}`;
  expect(codeOf(() => new DataBlock(bytesOf(block)).cursorAt(2))).toBe("none");
  expect(new DataBlock(bytesOf(block)).cursorAt(2).next()).toBe(false);
  const fewer = `${"010100"}${"00000000"}${"00000003"}${"6a786401"}`;
  expect(codeOf(() => new DataBlock(bytesOf(fewer)).cursorAt(2))).toBe("RUN_MALFORMED");
});

test("a block with a byte changed or cut off is read or refused, never worse", () => {
  fc.assert(
    fc.property(
      fc.array(pair, { minLength: 1, maxLength: 40 }),
      fc.nat(),
      fc.nat(255),
      (pairs, at, byte) => {
        const block = blockOf(pairs);
        const allowed = ["none", "RUN_MALFORMED", "PAIRS_MALFORMED"];
        expect(allowed).toContain(readBlock(block.subarray(0, at % block.length)));
        block[at % block.length] = byte;
        expect(allowed).toContain(readBlock(block));
      },
    ),
    { numRuns: 500 },
  );
});

test("random bytes before a good footer are read or refused, never worse", () => {
  fc.assert(
    fc.property(fc.uint8Array({ max: 3, maxLength: 60 }), fc.nat(40), (garbage, count) => {
      const footer = new Uint8Array(8);
      writeUint32(footer, 0, count);
      footer.set(bytesOf("6a786401"), 4);
      const allowed = ["none", "RUN_MALFORMED", "PAIRS_MALFORMED"];
      expect(allowed).toContain(readBlock(concatBytes([garbage, footer])));
    }),
    { numRuns: 1000 },
  );
});

function entry(over: Partial<DataBlockEntry> = {}): DataBlockEntry {
  return { cid: CID, bytes: 300, count: 2, firstKey: Uint8Array.of(1), ...over };
}

function manifestOf(blocks: readonly DataBlockEntry[], order: "key" | "yield" = "key"): Uint8Array {
  const count = blocks.reduce((sum, block) => sum + block.count, 0);
  const bytes = blocks.reduce((sum, block) => sum + block.bytes, 0);
  return encodeManifest({ order, count, bytes, blocks });
}

test("a manifest has the recorded bytes", () => {
  expect(toHex(manifestOf([entry(), entry({ firstKey: Uint8Array.of(1, 2) })]))).toBe(
    `6a786d01${"01"}${"04"}${"d804"}${"02"}` +
      `${CID}${"ac02"}${"02"}${"0101"}${CID}${"ac02"}${"02"}${"020102"}`,
  );
});

test("a manifest comes back from its bytes", () => {
  const hash = fc.uint8Array({ minLength: 32, maxLength: 32 });
  const block = fc.record({
    cid: hash.map(toHex),
    bytes: fc.integer({ min: 1000, max: DATA_BLOCK_BYTES_MAX }),
    count: fc.integer({ min: 1, max: 1000 }),
    firstKey: fc.constant(empty),
  });
  fc.assert(
    fc.property(fc.array(block, { minLength: 1, maxLength: 20 }), (blocks) => {
      for (const order of ["key", "yield"] as const) {
        const decoded = decodeManifest(manifestOf(blocks, order));
        expect(decoded.order).toBe(order);
        expect(decoded.blocks).toEqual(blocks);
        expect(decoded.count).toBe(blocks.reduce((sum, { count }) => sum + count, 0));
      }
    }),
  );
});

test("the longest run's manifest is within its bound", () => {
  const firstKey = new Uint8Array(FIRST_KEY_BYTES_MAX).fill(255);
  const large = entry({ bytes: DATA_BLOCK_BYTES_MAX, count: 500_000, firstKey });
  const blocks = Array.from({ length: RUN_BLOCKS_MAX }, () => large);
  const encoded = manifestOf(blocks);
  expect(encoded.length).toBeLessThanOrEqual(MANIFEST_BYTES_MAX);
  expect(decodeManifest(encoded).blocks).toHaveLength(RUN_BLOCKS_MAX);
  expect(() => manifestOf([...blocks, large])).toThrow(/too many/);
  expect(() => manifestOf([entry({ cid: "ab" })])).toThrow(/sha256/);
  expect(RECORD_BYTES_MAX).toBeLessThan(DATA_BLOCK_BYTES_MAX);
});

test("bytes that are no manifest are refused", () => {
  const good = toHex(manifestOf([entry()]));
  expect(codeOf(() => decodeManifest(bytesOf(good)))).toBe("none");
  const one = `${CID}${"ac02"}${"02"}${"0101"}`;
  const bad = {
    "": "nothing",
    "6a786d02": "a later version",
    "6a786d01": "no order",
    [`${good}00`]: "more bytes",
    [good.slice(0, -2)]: "cut short in the key",
    [good.slice(0, 30)]: "cut short in the hash",
    [`6a786d0102${good.slice(10)}`]: "an unknown order",
    "6a786d01010000": "no number of blocks",
    "6a786d0101000000": "no blocks",
    [`6a786d010102ac02812001${one}`]: "a varint in more bytes than it needs",
    [`6a786d010102ac028120${one}`]: "more blocks than a run has",
    [`6a786d010103ac0201${one}`]: "another count",
    [`6a786d010102ad0201${one}`]: "other bytes",
    [`6a786d010100ac0201${CID}${"ac02"}${"00"}${"0101"}`]: "a block without pairs",
    [`6a786d0101ad02ac0201${CID}${"ac02"}${"ad02"}${"0101"}`]: "more pairs than bytes",
    [`6a786d010102ac0201${CID}${"ac02"}${"02"}${"8101"}`]: "a first key that is too long",
    [`6a786d010102ffffff7f01${CID}${"ffffff7f"}${"02"}${"00"}`]: "a block that is too large",
  };
  for (const [hex, why] of Object.entries(bad)) {
    expect(
      codeOf(() => decodeManifest(bytesOf(hex))),
      why,
    ).toBe("RUN_MALFORMED");
  }
  const long = new Uint8Array(MANIFEST_BYTES_MAX + 1);
  expect(codeOf(() => decodeManifest(long))).toBe("RUN_MALFORMED");
});

test("blocks of sorted pairs are in the order of their first keys, others need not be", () => {
  const blocks = [entry({ firstKey: Uint8Array.of(2) }), entry({ firstKey: Uint8Array.of(1) })];
  expect(codeOf(() => decodeManifest(manifestOf(blocks)))).toBe("RUN_MALFORMED");
  expect(codeOf(() => decodeManifest(manifestOf(blocks, "yield")))).toBe("none");
});

test("a manifest with a byte changed is read or refused, never worse", () => {
  const good = manifestOf([entry(), entry()]);
  fc.assert(
    fc.property(fc.nat(good.length - 1), fc.nat(255), (at, byte) => {
      const changed = good.slice();
      changed[at] = byte;
      expect(["none", "RUN_MALFORMED"]).toContain(codeOf(() => decodeManifest(changed)));
    }),
    { numRuns: 500 },
  );
});
