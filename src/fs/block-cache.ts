/**
 * The blocks read last, already verified. Children of a fan-out each read one pair of the same run:
 * without this every one of them would read and hash a whole block and a manifest.
 */
import type { Cid } from "../wire/dataset.ts";
import { decodeManifest, type RunManifest } from "../wire/run.ts";
import type { BlockStore } from "./block-store.ts";
import type { BlockReader } from "./run-source.ts";

/** Memory for data blocks, bytes: a few of the usual size. Larger blocks are not kept. */
export const CACHE_BYTES = 8 * 1024 * 1024;

/** Manifests kept: one for each run that handlers are likely to be in the middle of. */
export const CACHE_MANIFESTS = 8;

/** A bounded cache before a store. What it gives is shared, so nobody may change it. */
export class BlockCache implements BlockReader {
  readonly #store: BlockStore;
  /** The one used last is at the end. */
  readonly #blocks = new Map<Cid, Uint8Array>();
  readonly #manifests = new Map<Cid, RunManifest>();
  #bytes = 0;

  constructor(store: BlockStore) {
    this.#store = store;
  }

  /** See `BlockStore.get`, whose errors it throws. */
  async get(cid: Cid): Promise<Uint8Array> {
    const kept = this.#blocks.get(cid);
    if (kept !== undefined) this.#drop(cid, kept);
    const bytes = kept ?? (await this.#store.get(cid));
    if (bytes.length <= CACHE_BYTES / 2) this.#keep(cid, bytes);
    return bytes;
  }

  /** The manifest of a run. @throws {JobxError} as `BlockStore.get`, and `RUN_MALFORMED`. */
  async manifest(cid: Cid): Promise<RunManifest> {
    const manifest = this.#manifests.get(cid) ?? decodeManifest(await this.#store.get(cid));
    this.#manifests.delete(cid);
    this.#manifests.set(cid, manifest);
    const [oldest] = this.#manifests.keys();
    if (this.#manifests.size > CACHE_MANIFESTS && oldest !== undefined) {
      this.#manifests.delete(oldest);
    }
    return manifest;
  }

  #keep(cid: Cid, bytes: Uint8Array): void {
    // Two reads of the same block may have waited for the disk together.
    const before = this.#blocks.get(cid);
    if (before !== undefined) this.#drop(cid, before);
    this.#blocks.set(cid, bytes);
    this.#bytes += bytes.length;
    for (const [oldest, old] of this.#blocks) {
      if (this.#bytes <= CACHE_BYTES) break;
      this.#drop(oldest, old);
    }
  }

  #drop(cid: Cid, bytes: Uint8Array): void {
    if (this.#blocks.delete(cid)) this.#bytes -= bytes.length;
  }
}

/** Reads from the store each time: for what goes once over everything. */
export function uncached(store: BlockStore): BlockReader {
  return {
    get: (cid) => store.get(cid),
    manifest: async (cid) => decodeManifest(await store.get(cid)),
  };
}
