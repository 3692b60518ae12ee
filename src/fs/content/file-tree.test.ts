import { expect, test } from "vitest";
import {
  chunkFor,
  gather,
  imported,
  inPieces,
  randomBytes,
} from "../../../test/lib/content-kit.ts";
import type { Chunk, Chunking } from "./chunk.ts";
import { chunksOf } from "./chunking.ts";
import { formatContentId } from "./content-id.ts";
import { chunkId, fileBlocks, fileTree, streamedFileTree } from "./file-tree.ts";

const MIB = 1024 * 1024;

async function chunkList(bytes: Uint8Array, chunking: Chunking): Promise<readonly Chunk[]> {
  return (await gather(chunksOf([bytes], chunking))).map(({ chunk }) => chunk);
}

/** Chunks of four bytes, all different, so that trees of several levels stay small. */
function smallChunks(count: number): readonly Uint8Array[] {
  return Array.from({ length: count }, (_, at) => Uint8Array.of(1, at >> 16, at >> 8, at));
}

async function idsOf(chunks: readonly Chunk[]): Promise<readonly string[]> {
  const blocks = await gather(fileBlocks(fileTree(chunks), chunks));
  return blocks.map((block) =>
    formatContentId(block.kind === "node" ? block.node.id : chunkId(block.chunk)),
  );
}

test.each([0, 1, MIB - 1, MIB, MIB + 1, 5 * MIB + 3])(
  "the id of a file of %i bytes is the importer's",
  async (length) => {
    const bytes = randomBytes(length);
    const want = await imported([{ content: [bytes] }]);
    const chunks = await chunkList(bytes, "fixed-1");
    const { root } = fileTree(chunks);
    expect(formatContentId(root.id)).toBe(want.root);
    expect(root.treeBytes).toBe(want.treeBytes);
    expect(root.contentBytes).toBe(length);
    expect(new Set(await idsOf(chunks))).toEqual(new Set(want.blocks.keys()));
  },
);

test.each([1, 2, 1023, 1024, 1025, 2048, 3000])(
  "the id of a file of %i chunks is the importer's",
  async (count) => {
    const parts = smallChunks(count);
    const want = await imported([{ content: parts }], { chunker: (source) => source });
    const chunks = parts.map(chunkFor);
    expect(formatContentId(fileTree(chunks).root.id)).toBe(want.root);
    expect(fileTree(chunks).root.treeBytes).toBe(want.treeBytes);
  },
);

test("the id of a file of more than 1024 * 1024 chunks, three levels of nodes, is the importer's", () => {
  // One chunk again and again. The importer gave this id, once: it takes half a minute for it.
  const chunk = chunkFor(Uint8Array.of(7));
  const chunks = Array.from({ length: 1024 * 1024 + 1 }, () => chunk);
  expect(formatContentId(fileTree(chunks).root.id)).toBe(
    "bafybeih76xfrceyhfwzx52hibxatii6muopaxbkxa7rake4v3zs5dc54km",
  );
});

test("the id of a file cut by its content is the importer's for the same cuts", async () => {
  const bytes = randomBytes(6 * MIB);
  const chunker = async function* (source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const { data } of chunksOf(source, "content-1")) yield data;
  };
  const want = await imported([{ content: inPieces(bytes, 100_000) }], { chunker });
  const chunks = await chunkList(bytes, "content-1");
  expect(chunks.length).toBeGreaterThan(10);
  expect(formatContentId(fileTree(chunks).root.id)).toBe(want.root);
});

test("the blocks of a file are told with each node before what it links to, byte for byte as the importer's", async () => {
  const parts = smallChunks(2500);
  const want = await imported([{ content: parts }], { chunker: (source) => source });
  const chunks = parts.map(chunkFor);
  const order: string[] = [];
  for await (const block of fileBlocks(fileTree(chunks), chunks)) {
    if (block.kind === "chunk") {
      order.push("chunk");
      continue;
    }
    order.push("node");
    const data = want.blocks.get(formatContentId(block.node.id));
    expect(data && Buffer.from(data).equals(block.node.data)).toBe(true);
  }
  expect(order.length).toBe(1 + 3 + 2500);
  const nodesAt = order.flatMap((kind, at) => (kind === "node" ? [at] : []));
  expect(nodesAt).toEqual([0, 1, 1 + 1025, 1 + 2 * 1025]);
});

test("an empty file is one empty block", async () => {
  expect(await idsOf([])).toEqual(["bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku"]);
});

test("a streamed list has the same tree", async () => {
  const chunks = smallChunks(2050).map(chunkFor);
  async function* streamed(): AsyncGenerator<Chunk> {
    yield* chunks;
  }
  expect(await streamedFileTree(streamed())).toEqual(fileTree(chunks));
});

test("a list that has changed since its tree was made is refused", async () => {
  const one = smallChunks(1).map(chunkFor);
  const many = smallChunks(1500).map(chunkFor);
  const changes = [
    [many, many.slice(1)],
    [many, many.slice(0, 1024)],
    [many, many.slice(0, 1499)],
    [many, [...many, ...one]],
    [many, [...many, ...many]],
    [many, []],
    [one, many],
    [one, []],
    [[], one],
  ] as const;
  for (const [before, after] of changes) {
    const told = gather(fileBlocks(fileTree(before), after));
    await expect(told).rejects.toMatchObject({ code: "FS_TREE_CHANGED" });
  }
});
