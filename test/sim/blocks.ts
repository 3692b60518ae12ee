/** A node's block store: runs by content id, lost with the machine's power when they were not synced. */
import { hash } from "node:crypto";
import type { BlockFacts, CodedPort, RunsPort } from "../../src/actors/work-ports.ts";
import { CondemnedBlocks } from "../../src/fs/condemned.ts";
import { blockMissing } from "../../src/fs/errors.ts";
import type { NodeId, RunPiece } from "../../src/wire/dataset.ts";
import type { Chance } from "./chance.ts";
import type { World } from "./world.ts";

/** What survives the process: the disk. */
export class SimBlockDisk {
  readonly #synced = new Map<string, Uint8Array>();
  readonly #unsynced = new Map<string, Uint8Array>();

  get(cid: string): Uint8Array | undefined {
    return this.#synced.get(cid) ?? this.#unsynced.get(cid);
  }

  /** Ids of durable blocks, in order. */
  list(): readonly string[] {
    return [...this.#synced.keys()].sort();
  }

  hasSynced(cid: string): boolean {
    return this.#synced.has(cid);
  }

  put(cid: string, bytes: Uint8Array): void {
    if (!this.#synced.has(cid)) this.#unsynced.set(cid, bytes);
  }

  delete(cid: string): void {
    this.#synced.delete(cid);
    this.#unsynced.delete(cid);
  }

  sync(cid: string): void {
    const bytes = this.#unsynced.get(cid);
    if (bytes === undefined) return;
    this.#synced.set(cid, bytes);
    this.#unsynced.delete(cid);
  }

  /** @returns whether anything was lost. */
  powerFailure(): boolean {
    const lost = this.#unsynced.size > 0;
    this.#unsynced.clear();
    return lost;
  }
}

/** How one node reaches another's blocks. */
export interface BlockPeers {
  /** The other's disk while its process runs and both can talk. */
  reach(node: NodeId): SimBlockDisk | undefined;
}

/** Fetching from a node that does not answer takes so long. */
const FETCH_TIMEOUT_MS = 1_000;

export class SimRuns implements RunsPort {
  readonly #world: World;
  readonly #disk: SimBlockDisk;
  readonly #peers: BlockPeers;
  readonly #chance: Chance;
  /** A wait of the process: never ends when that dies. */
  readonly #sleep: (delayMs: number) => Promise<void>;
  readonly #deleting: (cid: string) => void;
  readonly #condemned = new CondemnedBlocks();
  readonly #offered = new CondemnedBlocks();

  constructor(options: {
    readonly world: World;
    readonly disk: SimBlockDisk;
    readonly peers: BlockPeers;
    readonly chance: Chance;
    readonly sleep: (delayMs: number) => Promise<void>;
    /** Told of each block that the collector deletes, just before. */
    readonly deleting: (cid: string) => void;
  }) {
    this.#world = options.world;
    this.#disk = options.disk;
    this.#peers = options.peers;
    this.#chance = options.chance;
    this.#sleep = options.sleep;
    this.#deleting = options.deleting;
  }

  async ensure(run: RunPiece, from: readonly NodeId[], signal: AbortSignal): Promise<void> {
    await this.#use(run.cid);
    if (this.#disk.hasSynced(run.cid)) return;
    for (const node of from) {
      signal.throwIfAborted();
      const bytes = await this.#fetch(node, run.cid);
      if (bytes === undefined) continue;
      await this.#keep(run.cid, bytes);
      return;
    }
    throw blockMissing(run.cid);
  }

  listBlocks(after: string, limit: number): Promise<readonly string[]> {
    const above = this.#disk.list().filter((cid) => cid > after);
    return Promise.resolve(above.slice(0, limit));
  }

  blockFacts(cids: readonly string[]): Promise<readonly (BlockFacts | undefined)[]> {
    const facts = cids.map((cid) => {
      const bytes = this.#disk.get(cid);
      return bytes && { bytes: bytes.length, isRun: !isFile(bytes) };
    });
    return Promise.resolve(facts);
  }

  condemnBlocks(cids: readonly string[]): Promise<readonly boolean[]> {
    return Promise.resolve(cids.map((cid) => this.#condemned.condemn(cid)));
  }

  /** Slowly, so that others come in between. */
  deleteCondemned(cids: readonly string[]): Promise<readonly boolean[]> {
    return Promise.all(
      cids.map((cid) =>
        this.#condemned.remove(cid, async () => {
          await this.#sleep(this.#chance.between(0.5, 8));
          this.#deleting(cid);
          this.#disk.delete(cid);
        }),
      ),
    );
  }

  /** A run is one block here. */
  runBlocks(cid: string): Promise<readonly string[]> {
    return Promise.resolve([cid]);
  }

  haveBlocks(cids: readonly string[]): Promise<readonly boolean[]> {
    for (const cid of cids) void this.#use(cid);
    return Promise.resolve(cids.map((cid) => this.#disk.hasSynced(cid)));
  }

  async ensureBlocks(cids: readonly string[], from: NodeId): Promise<void> {
    for (const cid of cids) {
      await this.#use(cid);
      if (this.#disk.hasSynced(cid)) continue;
      const bytes = await this.#fetch(from, cid);
      if (bytes === undefined) throw blockMissing(cid);
      await this.#keep(cid, bytes);
    }
  }

  async takeBlocks(cids: readonly string[], from: readonly NodeId[]): Promise<readonly boolean[]> {
    for (const cid of cids) {
      for (const node of from) {
        if (this.#disk.hasSynced(cid)) break;
        const bytes = await this.#fetch(node, cid);
        if (bytes !== undefined) await this.#keep(cid, bytes);
      }
    }
    return this.haveBlocks(cids);
  }

  get coded(): CodedPort {
    return {
      store: async (blocks) => {
        for (const bytes of blocks) {
          const cid = cidOf(bytes);
          await this.#use(cid);
          if (!this.#disk.hasSynced(cid)) await this.#keep(cid, bytes);
        }
      },
      rebuild: () => Promise.reject(new Error("the simulator codes no blocks")),
      offer: (cids) => Promise.resolve(cids.map((cid) => this.#offered.condemn(cid))),
      drop: (cids) =>
        Promise.all(
          cids.map((cid) =>
            this.#offered.remove(cid, async () => {
              await this.#sleep(this.#chance.between(0.5, 8));
              this.#disk.delete(cid);
            }),
          ),
        ),
    };
  }

  /** Nothing here asks for it: what is on this disk is read whole or not at all. */
  verifyBlocks(): Promise<never> {
    return Promise.reject(new Error("the simulator verifies no blocks"));
  }

  verifyStore(): Promise<never> {
    return this.verifyBlocks();
  }

  /** Stores a new run, durably, and names it. */
  async store(bytes: Uint8Array): Promise<string> {
    const cid = cidOf(bytes);
    this.#world.totals.runsStored += 1;
    await this.#keep(cid, bytes);
    return cid;
  }

  /** A run that is here. @throws {FsError} `FS_BLOCK_MISSING`. */
  read(cid: string): Uint8Array {
    void this.#use(cid);
    const bytes = this.#disk.get(cid);
    if (bytes === undefined) throw blockMissing(cid);
    return bytes;
  }

  async #fetch(node: NodeId, cid: string): Promise<Uint8Array | undefined> {
    await this.#sleep(this.#chance.between(1, 20));
    const disk = this.#peers.reach(node);
    if (disk === undefined) {
      await this.#sleep(FETCH_TIMEOUT_MS);
      return undefined;
    }
    return disk.get(cid);
  }

  async #use(cid: string): Promise<void> {
    await Promise.all([this.#condemned.use(cid), this.#offered.use(cid)]);
  }

  async #keep(cid: string, bytes: Uint8Array): Promise<void> {
    await this.#use(cid);
    this.#disk.put(cid, bytes);
    await this.#sleep(this.#chance.between(0.5, 8));
    this.#disk.sync(cid);
  }
}

/** As file users write them. */
function isFile(bytes: Uint8Array): boolean {
  return new TextDecoder().decode(bytes.subarray(0, 5)) === "file ";
}

function cidOf(bytes: Uint8Array): string {
  return hash("sha256", bytes, "hex");
}
