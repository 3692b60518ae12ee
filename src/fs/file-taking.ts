/** Pieces of content that lie in files of their own on the store's disk become blocks without being written again. */
import { readWhole } from "./block-files.ts";
import type { BlockStore } from "./block-store.ts";
import { FsError, onDisk } from "./errors.ts";
import type { StoredWindow } from "./file-blocks.ts";
import type { SealedChunk } from "./seal.ts";

/** A file that nobody writes to any more. */
export interface PieceFile {
  readonly path: string;
  /** All of it. */
  readonly bytes: number;
}

/**
 * One window, with a chunk for each file, when all are durable.
 * @throws {JobxError} `FS_DISK_FULL`; `FS_IO`, also for a file that is not there or of another length.
 */
export async function* takeFiles(
  store: Pick<BlockStore, "batch">,
  files: readonly PieceFile[],
): AsyncGenerator<StoredWindow, void, undefined> {
  const batch = store.batch();
  try {
    const chunks: SealedChunk[] = [];
    // The next one is read while this one is hashed.
    const reads = files.map((file) => readPiece(file));
    for (const read of reads) read.catch(() => undefined);
    for (const [at, { path, bytes }] of files.entries()) {
      const data = await reads[at];
      if (data !== undefined) chunks.push({ cid: await batch.take(data, path), bytes });
    }
    await batch.commit();
    yield { chunks, root: undefined, sha256: undefined };
  } finally {
    await batch.settle();
  }
}

async function readPiece({ path, bytes }: PieceFile): Promise<Uint8Array> {
  const found = await onDisk(path, () => readWhole(path, bytes));
  if (found?.bytes?.length === bytes) return found.bytes;
  throw new FsError(
    { code: "FS_IO", path, errno: undefined },
    "a piece is not as long as was said",
  );
}
