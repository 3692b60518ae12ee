/** Many small files that become durable together. */
import { assert } from "../std/assert.ts";
import { gather } from "../std/gather.ts";
import type { BlockStore } from "./block-store.ts";
import type { ChunkData, Chunking } from "./content/chunk.ts";
import { chunksOf, onlyChunkOf } from "./content/chunking.ts";
import { formatContentId } from "./content/content-id.ts";
import { FileTreeBuilder } from "./content/file-tree.ts";
import { type StoredWindow, WINDOW_BYTES } from "./file-blocks.ts";
import { type SealKey, sealChunk } from "./seal.ts";

/** Files one after the other, and where each of them ends. */
export interface FilesToStore {
  readonly bytes: AsyncIterable<Uint8Array>;
  /** Bytes of each; together at most `WINDOW_BYTES`. */
  readonly sizes: readonly number[];
  readonly chunking: Chunking;
  /** With which blocks are sealed; undefined: not at all. */
  readonly key: SealKey | undefined;
}

/**
 * Stores files in one batch; resolves when all of it is durable, with one window for each, which has its id.
 * @throws {JobxError} `FS_DISK_FULL`, `FS_IO`, and what the source throws.
 */
export async function storeFiles(
  store: Pick<BlockStore, "batch">,
  { bytes, sizes, chunking, key }: FilesToStore,
): Promise<readonly StoredWindow[]> {
  const total = sizes.reduce((sum, size) => sum + size, 0);
  assert(total <= WINDOW_BYTES, "files of one batch fit into a window");
  const whole = await gather(bytes, total);
  const batch = store.batch();
  const windows: StoredWindow[] = [];
  try {
    let from = 0;
    for (const size of sizes) {
      const tree = new FileTreeBuilder();
      const chunks = [];
      for await (const plain of chunksIn(whole.subarray(from, from + size), chunking)) {
        const { chunk, data } = sealChunk(plain, key);
        await batch.put(data, chunk.cid);
        tree.add(plain.chunk);
        chunks.push(chunk);
      }
      windows.push({ chunks, root: formatContentId(tree.finish().root.id), sha256: undefined });
      from += size;
    }
    await batch.commit();
  } finally {
    await batch.settle();
  }
  return windows;
}

function chunksIn(
  file: Uint8Array,
  chunking: Chunking,
): AsyncIterable<ChunkData> | Iterable<ChunkData> {
  const only = onlyChunkOf(file);
  return only === undefined ? chunksOf([file], chunking) : [only];
}
