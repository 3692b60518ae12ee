/**
 * Content of files between streams and blocks: a stream is cut, stored and told in windows, each of which is
 * durable when it is told; and blocks are read ahead, from here or from whoever has them.
 */

import { createHash } from "node:crypto";
import type { BlockStore } from "./block-store.ts";
import type { Chunk, Chunking } from "./content/chunk.ts";
import { chunksOf } from "./content/chunking.ts";
import { formatContentId } from "./content/content-id.ts";
import { FileTreeBuilder } from "./content/file-tree.ts";
import { checkStopped } from "./errors.ts";

/** Content that becomes durable together: one wait for the disk for so much. */
export const WINDOW_BYTES = 8 * 1024 * 1024;

/** Chunks of a window at most, for content that is cut into small ones. */
export const WINDOW_CHUNKS = 128;

/** Blocks that are read before they are wanted: hides the way to another node, and bounds what waits. */
export const READ_AHEAD_BLOCKS = 4;

/** Bytes handed on at a time. */
export const CONTENT_SLICE_BYTES = 256 * 1024;

/** What has become durable: the next chunks of the content, and after the last one the whole's id. */
export interface StoredWindow {
  readonly chunks: readonly Chunk[];
  /** The content id as text; undefined before the last window. */
  readonly root: string | undefined;
  /** The sha256 of the whole as hex, with the id, where it was asked for: that of the chunks is another. */
  readonly sha256: string | undefined;
}

/** Content to be stored, and how. */
export interface ContentToStore {
  readonly bytes: AsyncIterable<Uint8Array>;
  readonly chunking: Chunking;
  /** Also hashes the whole. */
  readonly sha256: boolean;
}

/**
 * Stores content as it comes; at least one window is told, the last one with the id. When the consumer stops
 * or the source fails, what was stored stays as blocks that nothing names.
 * @throws {JobxError} `FS_DISK_FULL`, `FS_IO`, and what the source throws.
 */
export async function* storeContent(
  store: Pick<BlockStore, "batch">,
  content: ContentToStore,
): AsyncGenerator<StoredWindow, void, undefined> {
  const tree = new FileTreeBuilder();
  const whole = content.sha256 ? createHash("sha256") : undefined;
  let batch = store.batch();
  let chunks: Chunk[] = [];
  let windowBytes = 0;
  try {
    for await (const { chunk, data } of chunksOf(content.bytes, content.chunking)) {
      whole?.update(data);
      await batch.put(data);
      tree.add(chunk);
      chunks.push(chunk);
      windowBytes += chunk.bytes;
      if (windowBytes < WINDOW_BYTES && chunks.length < WINDOW_CHUNKS) continue;
      await batch.commit();
      yield { chunks, root: undefined, sha256: undefined };
      batch = store.batch();
      chunks = [];
      windowBytes = 0;
    }
    await batch.commit();
    const root = formatContentId(tree.finish().root.id);
    yield { chunks, root, sha256: whole?.digest("hex") };
  } finally {
    await batch.settle();
  }
}

/** A part of a chunk: bytes from `from` up to but not including `to`. */
export interface ChunkPart extends Chunk {
  readonly from: number;
  readonly to: number;
}

/**
 * The bytes of parts of chunks, one after the other, in slices. `read` gives the verified bytes of a chunk; it
 * is called for some ahead.
 * @throws {JobxError} what `read` rejects with, in the order of the content; `FS_STOPPED`.
 */
export async function* readContent(
  parts: readonly ChunkPart[],
  how: {
    readonly read: (chunk: Chunk, signal: AbortSignal) => Promise<Uint8Array>;
    readonly signal: AbortSignal;
  },
): AsyncGenerator<Uint8Array, void, undefined> {
  const stop = new AbortController();
  const signal = AbortSignal.any([stop.signal, how.signal]);
  const ahead: Promise<Uint8Array>[] = [];
  const begin = (part: ChunkPart | undefined): void => {
    if (part === undefined) return;
    const reading = how.read(part, signal);
    // It is looked at in its turn; that nobody does before is no mistake.
    reading.catch(() => undefined);
    ahead.push(reading);
  };
  try {
    for (const part of parts.slice(0, READ_AHEAD_BLOCKS)) begin(part);
    for (const [at, { from, to }] of parts.entries()) {
      const bytes = await ahead.shift();
      begin(parts[at + READ_AHEAD_BLOCKS]);
      if (bytes === undefined) return;
      for (let next = from; next < to; next += CONTENT_SLICE_BYTES) {
        checkStopped(how.signal);
        yield bytes.subarray(next, Math.min(next + CONTENT_SLICE_BYTES, to));
      }
    }
  } finally {
    stop.abort();
  }
}
