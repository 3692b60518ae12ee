/**
 * Small content goes to the other nodes that are to have it while it is stored here: it comes along with the order, so
 * nobody opens a stream to fetch it, and both wait for their disks at the same time. R25 is kept: a command that names
 * it is proposed when all of them have it.
 */
import { onlyChunkOf } from "../../fs/content/chunking.ts";
import type { SealKey } from "../../fs/seal.ts";
import type { Erasure } from "../../scheduler/tree/rows.ts";
import { concatBytes } from "../../std/bytes.ts";
import { PUSHED_BLOCK_BYTES_MAX } from "../../wire/bounds.ts";
import { type BlockCopiesDeps, copyBlocks } from "./block-copies.ts";

/** What is known of content before it is stored. */
export interface ContentToPush {
  readonly bytes: AsyncIterable<Uint8Array>;
  /** How long it is, where that is known; no longer than that. */
  readonly bytesSaid: number | undefined;
  readonly copies: number;
  readonly key: SealKey | undefined;
  readonly erasure: Erasure | undefined;
  readonly signal: AbortSignal;
}

/** The content, to be stored here, and on how many nodes it will be then; undefined where it is not on its way. */
export interface PushedContent {
  readonly content: AsyncIterable<Uint8Array>;
  readonly pushed: Promise<number> | undefined;
}

/**
 * Begins to push content that is known to be one block, as it is. What is sealed or coded is another block, which is
 * known only when it is stored.
 * @throws {JobxError} what `bytes` throws.
 */
export async function pushedAlong(
  deps: BlockCopiesDeps,
  { bytes, bytesSaid, copies, key, erasure, signal }: ContentToPush,
): Promise<PushedContent> {
  const isSmall = bytesSaid !== undefined && bytesSaid <= PUSHED_BLOCK_BYTES_MAX;
  const isPlain = key === undefined && (erasure === undefined || erasure.data < 2);
  if (!isSmall || !isPlain || copies < 2 || deps.others().length === 0) {
    return { content: bytes, pushed: undefined };
  }
  const parts: Uint8Array[] = [];
  for await (const part of bytes) parts.push(part);
  const data = concatBytes(parts);
  const only = onlyChunkOf(data);
  if (only === undefined) return { content: once(data), pushed: undefined };
  const pushed = copyBlocks([only.chunk.cid], deps, { wanted: copies, signal, data });
  // Whoever stores it here may fail before; then nobody asks what became of this.
  pushed.catch(() => undefined);
  // What is stored is given away.
  return { content: once(Uint8Array.from(data)), pushed };
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array, void, undefined> {
  yield await Promise.resolve(bytes);
}
