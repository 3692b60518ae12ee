/** Bringing runs from other nodes, and serving blocks to them: all but the network. */

import { concatBytes } from "../std/bytes.ts";
import type { Cid, RunPiece } from "../wire/dataset.ts";
import { DATA_BLOCK_BYTES_MAX, decodeManifest, MANIFEST_BYTES_MAX } from "../wire/run.ts";
import type { BlockBatch } from "./block-batch.ts";
import { asError } from "./block-files.ts";
import { type BlockStore, cidOf } from "./block-store.ts";
import { checkStopped, FsError } from "./errors.ts";
import type { BlockSource } from "./ports.ts";
import { checkManifest } from "./run-source.ts";

/**
 * Bytes handed on at a time when a block is served: a whole chunk of a file, so that it changes threads in one
 * message and without a copy. The mesh sends it in parts, between which others have their turn.
 */
export const SLICE_BYTES = 1024 * 1024;

/**
 * Blocks that one fetch asks for before the first of them came: hides the way to another node, and bounds what
 * it holds, with each a MiB or so.
 */
export const FETCHES_AHEAD = 8;

/** A block and its size. */
export interface BlockRef {
  readonly cid: Cid;
  readonly bytes: number;
}

/** What fetching did. */
export interface FetchReport {
  readonly fetchedBlocks: number;
  readonly fetchedBytes: number;
  /** Blocks that were on this node already. */
  readonly presentBlocks: number;
}

/**
 * All blocks of a run whose manifest is on this node: the manifest first, then the data blocks.
 * @throws {JobxError} `FS_BLOCK_MISSING`, `FS_BLOCK_DAMAGED`, `FS_IO`; `RUN_MALFORMED` when the
 * block is no manifest.
 */
export async function listRunBlocks(
  store: BlockStore,
  manifest: Cid,
): Promise<readonly BlockRef[]> {
  const bytes = await store.get(manifest);
  const { blocks } = decodeManifest(bytes);
  return [
    { cid: manifest, bytes: bytes.length },
    ...blocks.map((block) => ({ cid: block.cid, bytes: block.bytes })),
  ];
}

/**
 * Makes a whole run durable on this node. Some blocks are on their way at once; those that are here
 * are skipped. The manifest is stored last: where it is, the blocks were. Harmless to repeat, which
 * goes on where it was interrupted.
 * @throws {JobxError} what `source` throws; `FS_FETCH_DAMAGED` when it sent something else;
 * `RUN_MALFORMED`, `FS_RUN_MISMATCH` when the run is not what was recorded; `FS_DISK_FULL`, `FS_IO`;
 * `FS_STOPPED`.
 */
export async function fetchRun(
  run: RunPiece,
  options: {
    readonly store: BlockStore;
    readonly source: BlockSource;
    readonly signal: AbortSignal;
  },
): Promise<FetchReport> {
  const { store } = options;
  const fetcher = new Fetcher(options);
  const manifestBytes = await fetcher.manifest(run.cid);
  const manifest = decodeManifest(manifestBytes);
  checkManifest(run, manifest);
  const batch = store.batch();
  try {
    const wanted = manifest.blocks.map(({ cid, bytes }) => ({
      cid,
      bytesMin: bytes,
      bytesMax: bytes,
    }));
    await fetcher.into(batch, wanted);
    await batch.commit();
    await store.put(manifestBytes);
  } finally {
    await batch.settle();
  }
  return fetcher.report();
}

/**
 * Makes blocks durable on this node, whatever they are part of. Those that are here are skipped; what came
 * before an error stays, so that it is not fetched again.
 * @throws {JobxError} as `fetchRun`.
 */
export async function fetchBlocks(
  cids: readonly Cid[],
  options: {
    readonly store: BlockStore;
    readonly source: BlockSource;
    readonly signal: AbortSignal;
  },
): Promise<FetchReport> {
  const fetcher = new Fetcher(options);
  const batch = options.store.batch();
  try {
    await fetcher.into(
      batch,
      [...new Set(cids)].map((cid) => ({ cid, ...ANY_SIZE })),
    );
    await batch.commit();
  } finally {
    await batch.settle();
  }
  return fetcher.report();
}

/**
 * Makes blocks durable on this node that came whole, under the hashes that they have here; nobody changes their bytes
 * any more.
 * @throws {JobxError} `FS_DISK_FULL`, `FS_IO`.
 */
export async function storeBlocks(
  store: Pick<BlockStore, "batch">,
  blocks: readonly Uint8Array[],
): Promise<void> {
  const batch = store.batch();
  try {
    for (const bytes of blocks) await batch.put(bytes);
    await batch.commit();
  } finally {
    await batch.settle();
  }
}

/**
 * Makes durable what comes of blocks; those that do not come are left out. Those that are here are skipped, so
 * that whoever was interrupted goes on with what is lacking. `receive` gives a verified block, or undefined.
 * @throws {JobxError} what `receive` throws; `FS_DISK_FULL`, `FS_IO`.
 */
export async function fetchWhatComes(
  cids: readonly Cid[],
  options: {
    readonly store: BlockStore;
    readonly receive: (wanted: Wanted) => Promise<Uint8Array | undefined>;
  },
): Promise<void> {
  const { store, receive } = options;
  const batch = store.batch();
  const left = new Set(cids).values();
  let putting: Promise<unknown> = Promise.resolve();
  let isFailed = false;
  const lane = async (): Promise<void> => {
    for (const cid of left) {
      if (isFailed || (await batch.keep(cid))) continue;
      const bytes = await receive({ cid, ...ANY_SIZE });
      if (bytes === undefined) continue;
      // A batch takes one at a time.
      putting = putting.then(() => batch.put(bytes, cid));
      await putting;
    }
  };
  const lanes = Array.from({ length: FETCHES_AHEAD }, async () => {
    try {
      await lane();
    } catch (error) {
      isFailed = true;
      throw error;
    }
  });
  try {
    // Nothing is put any more when the batch is settled.
    await Promise.allSettled(lanes);
    await Promise.all(lanes);
    await batch.commit();
  } finally {
    await batch.settle();
  }
}

/**
 * The list of a run, of another node, verified and not stored.
 * @throws {JobxError} what `source` throws; `FS_FETCH_DAMAGED`; `FS_STOPPED`.
 */
export function fetchManifest(
  cid: Cid,
  options: { readonly source: BlockSource; readonly signal: AbortSignal },
): Promise<Uint8Array> {
  return receiveBlock(cid, { ...options, bytesMin: 0, bytesMax: MANIFEST_BYTES_MAX });
}

/**
 * A verified block in slices, to be sent to another node.
 * @throws {JobxError} `FS_BLOCK_MISSING`, `FS_BLOCK_DAMAGED`, `FS_IO`, before the first slice;
 * `FS_STOPPED`.
 */
export async function* readBlockSlices(
  store: BlockStore,
  options: { readonly cid: Cid; readonly signal?: AbortSignal },
): AsyncGenerator<Uint8Array> {
  const bytes = await store.get(options.cid);
  // As it is, and not a view of it, it may be given away with its buffer.
  if (bytes.length <= SLICE_BYTES) yield bytes;
  else {
    for (let at = 0; at < bytes.length; at += SLICE_BYTES) {
      checkStopped(options.signal);
      yield bytes.subarray(at, at + SLICE_BYTES);
    }
  }
}

/** Of a block of which only the name is known. */
const ANY_SIZE = { bytesMin: 0, bytesMax: Math.max(DATA_BLOCK_BYTES_MAX, MANIFEST_BYTES_MAX) };

/** A block that is to come, within bounds. */
export interface Wanted {
  readonly cid: Cid;
  readonly bytesMin: number;
  readonly bytesMax: number;
}

type Batch = Pick<BlockBatch, "keep" | "put">;

/** Asks a source for blocks, believes nothing, and counts. */
class Fetcher {
  presentBlocks = 0;
  #fetchedBlocks = 0;
  #fetchedBytes = 0;
  readonly #store: BlockStore;
  readonly #source: BlockSource;
  readonly #signal: AbortSignal;

  constructor(options: {
    readonly store: BlockStore;
    readonly source: BlockSource;
    readonly signal: AbortSignal;
  }) {
    this.#store = options.store;
    this.#source = options.source;
    this.#signal = options.signal;
  }

  report(): FetchReport {
    return {
      fetchedBlocks: this.#fetchedBlocks,
      fetchedBytes: this.#fetchedBytes,
      presentBlocks: this.presentBlocks,
    };
  }

  /** From this node if it is whole here. */
  async manifest(cid: Cid): Promise<Uint8Array> {
    try {
      const bytes = await this.#store.get(cid);
      this.presentBlocks++;
      return bytes;
    } catch (error) {
      if (!(error instanceof FsError) || !error.code.startsWith("FS_BLOCK_")) throw error;
    }
    return this.block(cid, { bytesMax: MANIFEST_BYTES_MAX, bytesMin: 0 });
  }

  /**
   * Puts blocks into the batch, `FETCHES_AHEAD` of them on their way at once. After an error no more is asked
   * for; what was under way is taken.
   */
  async into(batch: Batch, blocks: readonly Wanted[]): Promise<void> {
    const left = blocks[Symbol.iterator]();
    const ahead: Promise<Fetched>[] = [];
    let failure: { readonly error: unknown } | undefined;
    for (;;) {
      while (failure === undefined && ahead.length < FETCHES_AHEAD) {
        const next = left.next();
        if (next.done === true) break;
        ahead.push(this.#begin(batch, next.value));
      }
      const fetched = await ahead.shift();
      if (fetched === undefined) break;
      if (fetched.kind === "failed") failure ??= fetched;
      else if (fetched.kind === "came") {
        try {
          await batch.put(fetched.bytes, fetched.cid);
        } catch (error) {
          failure ??= { error };
        }
      }
    }
    if (failure !== undefined) throw asError(failure.error);
  }

  async #begin(batch: Batch, { cid, ...size }: Wanted): Promise<Fetched> {
    try {
      if (!(await batch.keep(cid)))
        return { kind: "came", cid, bytes: await this.block(cid, size) };
      this.presentBlocks++;
      return { kind: "present" };
    } catch (error) {
      return { kind: "failed", error };
    }
  }

  async block(
    cid: Cid,
    size: { readonly bytesMin: number; readonly bytesMax: number },
  ): Promise<Uint8Array> {
    const wanted = { source: this.#source, signal: this.#signal, ...size };
    const bytes = await receiveBlock(cid, wanted);
    this.#fetchedBlocks++;
    this.#fetchedBytes += bytes.length;
    return bytes;
  }
}

type Fetched =
  | { readonly kind: "present" }
  | { readonly kind: "came"; readonly cid: Cid; readonly bytes: Uint8Array }
  | { readonly kind: "failed"; readonly error: unknown };

/**
 * A block as a source sends it, verified.
 * @throws {JobxError} what `source` throws; `FS_FETCH_DAMAGED`; `FS_STOPPED`.
 */
export async function receiveBlock(
  cid: Cid,
  wanted: {
    readonly source: BlockSource;
    readonly signal: AbortSignal;
    readonly bytesMin: number;
    readonly bytesMax: number;
  },
): Promise<Uint8Array> {
  const { source, signal, bytesMin, bytesMax } = wanted;
  checkStopped(signal);
  const slices: Uint8Array[] = [];
  let received = 0;
  for await (const slice of slicesOf(source, cid, signal)) {
    checkStopped(signal);
    received += slice.length;
    // Whoever sends too much could else fill the memory before the hash says no.
    if (received > bytesMax) throw fetchDamaged(cid, received);
    slices.push(slice);
  }
  const [only] = slices;
  const bytes = slices.length === 1 && only !== undefined ? only : concatBytes(slices);
  if (received < bytesMin || cidOf(bytes) !== cid) throw fetchDamaged(cid, received);
  return bytes;
}

async function* slicesOf(
  source: BlockSource,
  cid: Cid,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const answer = source.get(cid, signal);
  if (Symbol.asyncIterator in answer) yield* answer;
  else yield await answer;
}

function fetchDamaged(cid: Cid, receivedBytes: number): FsError {
  return new FsError(
    { code: "FS_FETCH_DAMAGED", cid, receivedBytes },
    "a block came that is not the one asked for",
  );
}
