/** Small blocks and pack files for tests of the block store. */
import { mkdtempSync, readdirSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type BlockStore, cidOf } from "../../src/fs/block-store.ts";
import { FsError } from "../../src/fs/errors.ts";
import { RECORD_HEADER_BYTES } from "../../src/fs/packs/format.ts";
import type { Cid } from "../../src/wire/dataset.ts";

/** A directory for one test file, which removes it. */
export function temporaryRoot(name: string): string {
  return mkdtempSync(join(tmpdir(), `jobx-${name}-`));
}

/** Different blocks of so many bytes, the same for the same arguments. */
export function smallBlocks(count: number, bytes = 200, from = 0): readonly Uint8Array[] {
  return Array.from({ length: count }, (_, index) => {
    const block = new Uint8Array(bytes).fill(index + from);
    new DataView(block.buffer).setUint32(0, index + from);
    return block;
  });
}

/** Stores all in one batch. */
export async function putAll(
  store: BlockStore,
  blocks: readonly Uint8Array[],
): Promise<readonly Cid[]> {
  const batch = store.batch();
  const cids: Cid[] = [];
  for (const block of blocks) cids.push(await batch.put(block));
  await batch.commit();
  return cids;
}

/** Paths of a store's packs. */
export function packPaths(directory: string): readonly string[] {
  return readdirSync(join(directory, "packs"))
    .sort()
    .map((name) => join(directory, "packs", name));
}

/** Where in its pack a block begins; undefined when no pack has it. */
export function placeOf(
  directory: string,
  block: Uint8Array,
): { readonly path: string; readonly at: number } | undefined {
  const hash = Buffer.from(cidOf(block), "hex");
  for (const path of packPaths(directory)) {
    // The first is in its record, the second in the index.
    const at = readFileSync(path).indexOf(hash);
    if (at >= 0) return { path, at: at - 8 + RECORD_HEADER_BYTES };
  }
  return undefined;
}

/** The bytes, or the code of the error. */
export async function bytesOrCode(store: BlockStore, cid: Cid): Promise<Uint8Array | string> {
  try {
    return await store.get(cid);
  } catch (error) {
    if (error instanceof FsError) return error.code;
    throw error;
  }
}
