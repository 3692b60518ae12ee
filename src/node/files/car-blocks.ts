/** The blocks of an archive that is taken in: stored and copied as they come, and found again by their hash. */
import { type CarPart, readCar } from "../../fs/content/car-reader.ts";
import type { Chunk } from "../../fs/content/chunk.ts";
import type { LinkTarget } from "../../fs/content/content-id.ts";
import { treeTooLarge } from "../../fs/content/errors.ts";
import type { NodeSource } from "../../fs/content/ports.ts";
import type { Holders } from "../../fs/file-block-reader.ts";
import { WINDOW_BYTES } from "../../fs/file-blocks.ts";
import { plainChunk, type SealedChunk, type SealKey } from "../../fs/seal.ts";
import { assert } from "../../std/assert.ts";
import { gather } from "../../std/gather.ts";
import type { Cid } from "../../wire/dataset.ts";
import type { Contents } from "../data-plane/contents.ts";
import { type BlockCopiesDeps, copyBlocks } from "./block-copies.ts";

/** Blocks of one archive, whose sizes are kept: some 120 bytes each. In chunks of 1 MiB it is 512 GiB. */
const CAR_BLOCKS_MAX = 524_288;

/** Blocks stored together. */
const BATCH_BLOCKS = 256;

export interface CarBlocksDeps extends BlockCopiesDeps {
  readonly contents: Pick<Contents, "storeFiles" | "read">;
  readonly holders: () => Holders;
}

export interface CarBlocksOptions {
  readonly wanted: number;
  /** With which blocks are sealed; undefined: not at all. */
  readonly key: SealKey | undefined;
  readonly signal: AbortSignal;
}

/**
 * Only what the archive brought is found: a hash alone is no right to read what somebody else has stored.
 * Use: `take` once.
 */
export class CarBlocks implements NodeSource {
  readonly #deps: CarBlocksDeps;
  readonly #options: CarBlocksOptions;
  readonly #bytes = new Map<Cid, number>();
  /** Of blocks that are stored as they are nothing; not so those that are sealed, or too large for one piece. */
  readonly #stored = new Map<Cid, readonly SealedChunk[]>();
  #batch: Uint8Array[] = [];
  #batchCids: Cid[] = [];
  #batchBytes = 0;
  #copies: number;

  constructor(deps: CarBlocksDeps, options: CarBlocksOptions) {
    this.#deps = deps;
    this.#options = options;
    this.#copies = options.wanted;
  }

  /** On how many nodes each block is, at least. */
  get copies(): number {
    return this.#copies;
  }

  /**
   * Takes an archive in, to its end; its root.
   * @throws {JobxError} as `readCar`; `FS_TREE_TOO_LARGE` for too many blocks; those of storing.
   */
  async take(archive: AsyncIterable<Uint8Array>): Promise<LinkTarget> {
    let root: LinkTarget | undefined;
    for await (const part of readCar(archive)) {
      this.#options.signal.throwIfAborted();
      if (part.kind === "root") ({ root } = part);
      else await this.#add(part.block);
    }
    await this.#flush();
    assert(root !== undefined, "an archive begins with its root");
    return root;
  }

  async get(cid: Cid): Promise<Uint8Array | undefined> {
    const bytes = this.#bytes.get(cid);
    if (bytes === undefined || bytes === 0) return bytes === 0 ? new Uint8Array(0) : undefined;
    const chunks = this.#stored.get(cid) ?? [{ cid, bytes }];
    const parts = chunks.map((chunk) => ({ ...chunk, from: 0, to: chunk.bytes }));
    const how = { holders: this.#deps.holders(), key: this.#options.key };
    return gather(this.#deps.contents.read(parts, how), bytes);
  }

  /** What a chunk that the archive brought is stored as. */
  storedAs(chunk: Chunk): SealedChunk {
    return this.#stored.get(chunk.cid)?.[0] ?? chunk;
  }

  bytesOf(cid: Cid): Promise<number | undefined> {
    return Promise.resolve(this.#bytes.get(cid));
  }

  async #add({ id, data }: Extract<CarPart, { readonly kind: "block" }>["block"]): Promise<void> {
    const cid = id.block;
    if (this.#bytes.has(cid)) return;
    if (this.#bytes.size === CAR_BLOCKS_MAX) {
      throw treeTooLarge("blocks in an archive", CAR_BLOCKS_MAX);
    }
    const isFull =
      this.#batch.length === BATCH_BLOCKS || this.#batchBytes + data.length > WINDOW_BYTES;
    if (isFull) await this.#flush();
    this.#bytes.set(cid, data.length);
    if (data.length === 0) return;
    // The reader's buffer goes on.
    this.#batch.push(Uint8Array.from(data));
    this.#batchCids.push(cid);
    this.#batchBytes += data.length;
  }

  async #flush(): Promise<void> {
    const [batch, cids] = [this.#batch, this.#batchCids];
    this.#batch = [];
    this.#batchCids = [];
    this.#batchBytes = 0;
    if (batch.length === 0) return;
    const stored: Cid[] = [];
    let at = 0;
    const how = { chunking: "fixed-1", key: this.#options.key } as const;
    for await (const { chunks } of this.#deps.contents.storeFiles(batch, how)) {
      const cid = cids[at];
      assert(cid !== undefined, "each block is told once");
      const [first] = chunks;
      const isWhole = chunks.length === 1 && first !== undefined;
      assert(!isWhole || plainChunk(first).cid === cid, "a block is stored under its hash");
      if (first?.cid !== cid) this.#stored.set(cid, chunks);
      stored.push(...chunks.map((chunk) => chunk.cid));
      at += 1;
    }
    this.#copies = Math.min(this.#copies, await copyBlocks(stored, this.#deps, this.#options));
  }
}
