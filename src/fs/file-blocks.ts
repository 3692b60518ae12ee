/**
 * Content of files between streams and blocks: a stream is cut, stored and told in windows, each of which is
 * durable when it is told; and blocks are read ahead, from here or from whoever has them.
 */

import { createHash } from "node:crypto";
import type { BlockBatch } from "./block-batch.ts";
import type { BlockStore } from "./block-store.ts";
import type { Chunking } from "./content/chunk.ts";
import { chunksOf } from "./content/chunking.ts";
import { formatContentId } from "./content/content-id.ts";
import { FileTreeBuilder } from "./content/file-tree.ts";
import type { CodedStripe } from "./erasure/stripe.ts";
import { checkStopped } from "./errors.ts";
import { type SealedChunk, type SealKey, sealChunk } from "./seal.ts";

/** Content that becomes durable together: one wait for the disk for so much. */
export const WINDOW_BYTES = 8 * 1024 * 1024;

/** Chunks of a window at most, for content that is cut into small ones. */
export const WINDOW_CHUNKS = 128;

/** Blocks that are read before they are wanted: hides the way to another node, and bounds what waits. */
export const READ_AHEAD_BLOCKS = 4;

/** What has become durable: the next chunks of the content, and after the last one the whole's id. */
export interface StoredWindow {
  readonly chunks: readonly SealedChunk[];
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
  /** With which blocks are sealed; undefined: not at all. */
  readonly key: SealKey | undefined;
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
  // While one window waits for the disk the next one is filled.
  let committing = new FillingWindow(store);
  let filling = committing;
  try {
    for await (const plain of chunksOf(content.bytes, content.chunking)) {
      whole?.update(plain.data);
      const { chunk, data } = sealChunk(plain, content.key);
      await filling.put(chunk, data);
      tree.add(plain.chunk);
      if (!filling.isFull) continue;
      if (committing !== filling) yield await committing.committed();
      committing = filling;
      committing.commit();
      filling = new FillingWindow(store);
    }
    if (committing !== filling) yield await committing.committed();
    const { chunks } = await filling.committed();
    const root = formatContentId(tree.finish().root.id);
    yield { chunks, root, sha256: whole?.digest("hex") };
  } finally {
    await Promise.all([committing.settle(), filling.settle()]);
  }
}

/** Chunks that become durable together. */
class FillingWindow {
  readonly #batch: BlockBatch;
  readonly #chunks: SealedChunk[] = [];
  #bytes = 0;
  #commit: Promise<void> | undefined;

  constructor(store: Pick<BlockStore, "batch">) {
    this.#batch = store.batch();
  }

  get isFull(): boolean {
    return this.#bytes >= WINDOW_BYTES || this.#chunks.length >= WINDOW_CHUNKS;
  }

  async put(chunk: SealedChunk, data: Uint8Array): Promise<void> {
    await this.#batch.put(data, chunk.cid);
    this.#chunks.push(chunk);
    this.#bytes += chunk.bytes;
  }

  /** Begins to wait for the disk; how that ended is told by `committed`. */
  commit(): void {
    this.#commit = this.#batch.commit();
    this.#commit.catch(() => undefined);
  }

  async committed(): Promise<StoredWindow> {
    await (this.#commit ?? this.#batch.commit());
    return { chunks: this.#chunks, root: undefined, sha256: undefined };
  }

  /** Resolves when nothing is written any more. */
  async settle(): Promise<void> {
    await this.#commit?.catch(() => undefined);
    await this.#batch.settle();
  }
}

/** A part of a chunk: bytes from `from` up to but not including `to`. */
export interface ChunkPart extends SealedChunk {
  readonly from: number;
  readonly to: number;
  /** Where it is coded: the blocks that it can be made from. */
  readonly stripe?: CodedStripe | undefined;
}

/**
 * The bytes of parts of chunks, one after the other. `read` gives the verified bytes of a chunk; it
 * is called for some ahead.
 * @throws {JobxError} what `read` rejects with, in the order of the content; `FS_STOPPED`.
 */
export async function* readContent(
  parts: readonly ChunkPart[],
  how: {
    readonly read: (part: ChunkPart, signal: AbortSignal) => Promise<Uint8Array>;
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
      checkStopped(how.signal);
      yield bytes.subarray(from, to);
    }
  } finally {
    stop.abort();
  }
}
