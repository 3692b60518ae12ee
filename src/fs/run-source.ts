/** Reading of pieces: inline ones from the log's bytes, runs block by block from the store. */
import { assert } from "../std/assert.ts";
import type { Cid, Piece, PieceSlice, RunPiece } from "../wire/dataset.ts";
import { RecordCursor } from "../wire/pairs.ts";
import { DataBlock, type DataBlockEntry, type RunManifest } from "../wire/run.ts";
import { runMismatch } from "./errors.ts";
import type { Chunk, ChunkSource } from "./merge.ts";

/** Where verified blocks are read from: the store, or a cache before it. */
export interface BlockReader {
  get(cid: Cid): Promise<Uint8Array>;
  manifest(cid: Cid): Promise<RunManifest>;
}

/**
 * The manifest of a run that is on this node, checked against what was recorded of the run.
 * @throws {JobxError} `FS_BLOCK_MISSING`, `FS_BLOCK_DAMAGED`, `FS_IO`; `RUN_MALFORMED`,
 * `FS_RUN_MISMATCH` when it is not the manifest of this run.
 */
export async function readManifest(blocks: BlockReader, run: RunPiece): Promise<RunManifest> {
  const manifest = await blocks.manifest(run.cid);
  checkManifest(run, manifest);
  return manifest;
}

/** @throws {JobxError} `FS_RUN_MISMATCH` when it is not the manifest of the run that was recorded. */
export function checkManifest(run: RunPiece, manifest: RunManifest): void {
  const { order, count, bytes } = manifest;
  if (order !== run.order || count !== run.count || bytes !== run.bytes) {
    throw runMismatch(run.cid, "order, count or bytes differ from what was recorded");
  }
}

/** The largest block of a run, bytes: what reading it holds in memory. */
export function largestBlock(manifest: RunManifest): number {
  return manifest.blocks.reduce((largest, block) => Math.max(largest, block.bytes), 0);
}

/** Opens a piece from its pair `first` (from 0) on, without reading what lies before it. */
export async function openPiece(
  reader: BlockReader,
  options: { readonly piece: Piece; readonly first: number },
): Promise<ChunkSource> {
  const { piece, first } = options;
  assert(first >= 0 && first < piece.count, "a pair of this piece");
  if (piece.kind === "inline") return new InlineSource({ bytes: piece.bytes, first });
  const manifest = await readManifest(reader, piece);
  return new RunSource({ reader, run: piece, blocks: manifest.blocks, first });
}

/** Whether a slice names pairs that its piece has. */
export function sliceWithin(slice: PieceSlice): boolean {
  const { first, count, piece } = slice;
  const whole = Number.isInteger(first) && Number.isInteger(count);
  return whole && first >= 0 && count >= 0 && first + count <= piece.count;
}

class InlineSource implements ChunkSource {
  readonly cid = undefined;
  #cursor: RecordCursor | undefined;

  constructor(options: { readonly bytes: Uint8Array; readonly first: number }) {
    this.#cursor = new RecordCursor(options.bytes);
    for (let skip = options.first; skip > 0; skip--) this.#cursor.next();
  }

  async next(): Promise<Chunk | undefined> {
    const cursor = this.#cursor;
    this.#cursor = undefined;
    return cursor && { cursor, partition: 0 };
  }

  async close(): Promise<void> {
    this.#cursor = undefined;
  }
}

class RunSource implements ChunkSource {
  readonly cid: string;
  readonly #reader: BlockReader;
  readonly #blocks: readonly DataBlockEntry[];
  #index = 0;
  /** Pairs of the next block that lie before the slice. */
  #skip: number;
  /** The block given last, and how many pairs its cursor has to pass. */
  #open: { readonly cursor: RecordCursor; readonly count: number } | undefined;

  constructor(options: {
    readonly reader: BlockReader;
    readonly run: RunPiece;
    readonly blocks: readonly DataBlockEntry[];
    readonly first: number;
  }) {
    this.cid = options.run.cid;
    this.#reader = options.reader;
    this.#blocks = options.blocks;
    this.#skip = options.first;
    for (let entry = this.#blocks[0]; entry !== undefined; entry = this.#blocks[this.#index]) {
      if (this.#skip < entry.count) break;
      this.#skip -= entry.count;
      this.#index++;
    }
  }

  async next(): Promise<Chunk | undefined> {
    if (this.#open !== undefined && this.#open.cursor.passed !== this.#open.count) {
      throw runMismatch(this.cid, "a block has fewer or more pairs than it counts");
    }
    this.#open = undefined;
    const entry = this.#blocks[this.#index++];
    if (entry === undefined) return undefined;
    const bytes = await this.#reader.get(entry.cid);
    const block = new DataBlock(bytes);
    if (bytes.length !== entry.bytes || block.count !== entry.count) {
      throw runMismatch(this.cid, "a block is not as its manifest says");
    }
    const cursor = block.cursorAt(this.#skip);
    // The cursor counts only what it passes from the last noted place on.
    this.#open = { cursor, count: cursor.passed + block.count - this.#skip };
    this.#skip = 0;
    return { cursor, partition: 0 };
  }

  async close(): Promise<void> {
    this.#open = undefined;
  }
}
