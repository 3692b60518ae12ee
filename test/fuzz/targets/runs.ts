/** Runs, pairs, keys, and what travels in bulk streams: chunks of snapshots, checks of states. */
import fc from "fast-check";
import { writeUint32 } from "../../../src/std/bytes.ts";
import { CRC32C_EMPTY, crc32c } from "../../../src/std/crc32c.ts";
import { isJobxError } from "../../../src/std/errors.ts";
import { decodeKey, encodeKey } from "../../../src/std/ordered-key.ts";
import { decodePairs, encodePairs, RecordCursor } from "../../../src/wire/pairs.ts";
import {
  DataBlock,
  DataBlockBuilder,
  decodeManifest,
  encodeManifest,
  MANIFEST_BYTES_MAX,
  type RunManifest,
} from "../../../src/wire/run.ts";
import { ChunkReader, encodeChunk } from "../../../src/wire/snapshot.ts";
import { stateCheckFormat } from "../../../src/wire/state-check.ts";
import { Chance } from "../../sim/chance.ts";
import { mutateBytes, pieces, randomBytes } from "../mutate-bytes.ts";
import { makeFrame, reachOf, validOf } from "../mutate-frames.ts";
import type { Reach, Target } from "../target.ts";

const pair = fc.record({
  key: fc.uint8Array({ maxLength: 3, max: 2 }),
  value: fc.uint8Array({ maxLength: 200 }),
});
const pairLists = fc.sample(fc.array(pair, { minLength: 1, maxLength: 40 }), {
  numRuns: 30,
  seed: 7,
});
const pairBytes = pairLists.map((pairs) => encodePairs(pairs));

/** What a decoder makes of bytes, with the codes by which it may refuse them. */
function refusable(codes: readonly string[], take: () => void): Reach {
  try {
    take();
    return "accepted";
  } catch (error) {
    if (!isJobxError(error) || !codes.includes(error.code)) throw error;
    return "refused";
  }
}

const pairsTarget: Target = {
  name: "pairs",
  reads: ["wire/pairs.ts"],
  make: (chance) => mutateBytes(chance.pick(pairBytes), chance, [chance.pick(pairBytes)]),
  take: (bytes) =>
    refusable(["PAIRS_MALFORMED"], () => {
      const pairs = decodePairs(bytes);
      if (Buffer.compare(Buffer.from(encodePairs(pairs)), bytes) !== 0) {
        const again = decodePairs(encodePairs(pairs));
        if (again.length !== pairs.length) throw new Error("pairs are lost when written again");
      }
      const [one, before] = [new RecordCursor(bytes), new RecordCursor(bytes)];
      while (one.next()) {
        if (one.passed > 1) before.next();
        const order = one.compareKey(before);
        if (one.inOrder() !== order >= 0 || one.keyEquals(before.key()) !== (order === 0))
          throw new Error("two ways to compare keys differ");
      }
    }),
};

function blockOf(pairs: (typeof pairLists)[number]): Uint8Array {
  const builder = new DataBlockBuilder();
  const cursor = new RecordCursor(encodePairs(pairs));
  while (cursor.next()) builder.append(cursor);
  return builder.finish().block;
}

const blocks = pairLists.map(blockOf);

const dataBlockTarget: Target = {
  name: "run-data",
  reads: ["wire/run.ts"],
  make(chance) {
    const block = chance.pick(blocks);
    const footer = block.subarray(-8);
    if (chance.hits(0.2)) return mutateBytes(block, chance, blocks);
    // The footer stays, so that what is before it is looked at.
    return Buffer.concat([mutateBytes(block.subarray(0, -8), chance), footer]);
  },
  take: (bytes) =>
    refusable(["RUN_MALFORMED", "PAIRS_MALFORMED"], () => {
      const block = new DataBlock(bytes);
      for (const index of [0, Math.floor(block.count / 2), block.count - 1]) {
        const cursor = block.cursorAt(index);
        let steps = 0;
        while (steps < 64 && cursor.next()) steps += 1;
      }
    }),
};

const manifests: readonly Uint8Array[] = pairLists.map((pairs, at) => {
  const entries = pairs.slice(0, 3).map(({ key }, index) => ({
    ...{ cid: `${at % 10}`.repeat(64), bytes: 100 + index, count: index + 1 },
    firstKey: at % 2 === 0 ? new Uint8Array() : key,
  }));
  const manifest: RunManifest = {
    order: at % 2 === 0 ? "key" : "yield",
    count: entries.reduce((sum, { count }) => sum + count, 0),
    bytes: entries.reduce((sum, { bytes }) => sum + bytes, 0),
    blocks: entries,
  };
  return encodeManifest(manifest);
});

/** No pairs, no bytes, no blocks. */
const EMPTY_MANIFEST = Uint8Array.of(...Buffer.from("jxm\u0001"), 0, 0, 0, 0);

const manifestTarget: Target = {
  name: "run-manifest",
  reads: ["wire/run.ts"],
  make(chance) {
    // Past its bound, which nothing that is mutated reaches.
    if (chance.hits(0.0002)) return new Uint8Array(MANIFEST_BYTES_MAX + 1);
    if (chance.hits(0.02)) return EMPTY_MANIFEST;
    return mutateBytes(chance.pick(manifests), chance, [chance.pick(manifests)]);
  },
  take: (bytes) => {
    const reach = refusable(["RUN_MALFORMED"], () => {
      encodeManifest(decodeManifest(bytes));
    });
    const isManifest = Buffer.from(bytes.subarray(0, 4)).equals(Buffer.from("jxm\u0001"));
    return reach === "refused" && !isManifest ? "cut" : reach;
  },
};

const keys: readonly Uint8Array[] = fc
  .sample(fc.oneof(fc.jsonValue({ maxDepth: 3 }), fc.string()), { numRuns: 400, seed: 7 })
  .flatMap((value) => {
    try {
      return [encodeKey(value)];
    } catch {
      // Objects are no keys.
      return [];
    }
  });

const keyTarget: Target = {
  name: "ordered-key",
  reads: ["std/ordered-key.ts"],
  make(chance) {
    if (chance.hits(0.01)) return new Uint8Array(chance.pick([40, 70_000])).fill(7);
    return mutateBytes(chance.pick(keys), chance, [chance.pick(keys)]);
  },
  take: (bytes) =>
    refusable(["KEY_MALFORMED"], () => {
      if (Buffer.compare(encodeKey(decodeKey(bytes)), bytes) !== 0)
        throw new Error("one key has two encodings");
    }),
};

const row = fc.record({ key: fc.string(), value: fc.uint8Array({ maxLength: 40 }) });
const chunks = fc
  .sample(fc.record({ rows: fc.array(row, { maxLength: 5 }), last: fc.boolean() }), {
    numRuns: 30,
    seed: 7,
  })
  .map(encodeChunk);

const chunkFrames = chunks.map((chunk) => validOf(chunk.subarray(8)));

/** The content's checksum and length fit again. */
function sealedChunk(content: Uint8Array): Uint8Array {
  const framed = new Uint8Array(8 + content.length);
  writeUint32(framed, 0, content.length);
  writeUint32(framed, 4, crc32c(CRC32C_EMPTY, content));
  framed.set(content, 8);
  return framed;
}

function takeChunks(bytes: Uint8Array, chance: Chance): Reach {
  const reader = new ChunkReader();
  let reach: Reach = "cut";
  try {
    for (const piece of pieces(bytes, chance)) {
      reader.take(piece);
      while (reader.next() !== undefined) reach = "accepted";
    }
    return reach;
  } catch (error) {
    const length = Buffer.from(bytes).subarray(0, 4).readUInt32BE();
    return reachOf(error, bytes.subarray(8, 8 + length));
  }
}

const chunkTarget: Target = {
  name: "snapshot-chunks",
  reads: ["wire/snapshot.ts"],
  make(chance) {
    const chunk = chance.pick(chunks);
    const way = chance.next();
    if (way < 0.2) return mutateBytes(chunk, chance, chunks);
    if (way < 0.3) return Buffer.concat([chunk, sealedChunk(randomBytes(chance)), chunk]);
    return sealedChunk(makeFrame(chunkFrames, chance));
  },
  take: (bytes) => {
    if (bytes.length < 8) return "cut";
    return takeChunks(bytes, cuts(bytes));
  },
};

/** Where a stream is cut depends on the input alone, so that it can be played again. */
export function cuts(bytes: Uint8Array): Chance {
  return Chance.of(crc32c(CRC32C_EMPTY, bytes), "cuts");
}

const checks = [0, 1, 300, 2 ** 40].map((index) =>
  stateCheckFormat.encode({
    previous: index === 0 ? undefined : { index, hash: { high: 7, low: index % 1000 } },
  }),
);

const checkTarget: Target = {
  name: "state-check",
  reads: ["wire/state-check.ts"],
  make(chance) {
    const mutant = mutateBytes(chance.pick(checks), chance, checks);
    if (chance.hits(0.8)) mutant.set([0xc1, 1].slice(0, mutant.length));
    return mutant;
  },
  take(bytes) {
    if (!stateCheckFormat.matches(bytes)) return "cut";
    try {
      const check = stateCheckFormat.decode(bytes);
      stateCheckFormat.decode(stateCheckFormat.encode(check));
      return "accepted";
    } catch (error) {
      const reach = reachOf(error, bytes);
      return reach === "cut" ? "refused" : reach;
    }
  },
};

export const runTargets: readonly Target[] = [
  pairsTarget,
  dataBlockTarget,
  manifestTarget,
  keyTarget,
  chunkTarget,
  checkTarget,
];
