/** What the content of a file is made of. */
import type { Cid } from "../../wire/dataset.ts";

/** Most bytes of a chunk. Fixed chunks have exactly so many but for the last one. */
export const CHUNK_BYTES_MAX = 1024 * 1024;

/** A piece of a file's content: a block that is exactly these bytes. */
export interface Chunk {
  readonly cid: Cid;
  /** From 1 to `CHUNK_BYTES_MAX`; an empty file has no chunks. */
  readonly bytes: number;
}

/** A chunk together with its content. */
export interface ChunkData {
  readonly chunk: Chunk;
  readonly data: Uint8Array;
}

/**
 * How a volume cuts files, as it is stored with the volume. The number is the version: where the cuts
 * fall must never change under a name, or the same content would get other ids.
 */
export type Chunking = "fixed-1" | "content-1";
