/** A store with packs against a map, through restarts and crashes, from seeds. */
import { cpSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { bytesOrCode, packPaths, smallBlocks, temporaryRoot } from "../../../test/lib/pack-kit.ts";
import { writeUint32 } from "../../std/bytes.ts";
import { type Random, seededRandom } from "../../std/random.ts";
import { BlockStore, cidOf } from "../block-store.ts";
import { MARK_AT } from "./format.ts";
import { scanPack } from "./scan.ts";

const SEEDS = 6;
const STEPS = 40;

const root = temporaryRoot("crashes");
afterAll(() => rmSync(root, { recursive: true }));

/** What must be so: "maybe" after a crash in which it was being stored or was deleted before. */
type Presence = "here" | "gone" | "maybe";

const universe = [...smallBlocks(60, 50), ...smallBlocks(60, 3_000), ...smallBlocks(3, 70_000)].map(
  (bytes) => ({ bytes, cid: cidOf(bytes) }),
);

class World {
  readonly #random: Random;
  readonly #presence = new Map<string, Presence>();
  #directory: string;
  #copies = 0;
  #store: BlockStore | undefined;

  constructor(seed: number) {
    this.#random = seededRandom(seed);
    this.#directory = join(root, `${seed}`);
  }

  async open(): Promise<void> {
    this.#store = await BlockStore.open({ directory: this.#directory });
  }

  async step(): Promise<void> {
    const kind = this.#below(10);
    if (kind < 4) await this.#put();
    else if (kind < 7) await this.#delete();
    else if (kind < 8) await this.open();
    else if (kind < 9) await this.#crash();
    else await this.check();
  }

  async check(): Promise<void> {
    const store = this.#opened();
    const here = new Set<string>();
    for (const { cid, bytes } of universe) {
      const presence = this.#presence.get(cid) ?? "gone";
      // Read first: where only the index lost its mark of the dead, that shows in the record.
      const got = await bytesOrCode(store, cid);
      const has = await store.has(cid);
      expect(got).toEqual(has ? bytes : "FS_BLOCK_MISSING");
      if (presence !== "maybe") expect([cid, has]).toEqual([cid, presence === "here"]);
      if (has) here.add(cid);
      // What was found out stays so.
      this.#presence.set(cid, has ? "here" : "gone");
    }
    expect(await store.list("", 1_000)).toEqual([...here].sort());
    const { packed, plain, damagedBlocks } = await store.stats();
    expect(packed.blocks + plain.blocks).toBeGreaterThanOrEqual(here.size);
    expect([packed.failed, packed.scanned, damagedBlocks]).toEqual([0, 0, 0]);
  }

  /** Whether space is given back when everything is deleted. */
  async empty(): Promise<void> {
    const store = this.#opened();
    for (const { cid } of universe) await store.delete(cid);
    await store.settled();
    expect(packPaths(this.#directory)).toEqual([]);
    expect(await store.list("", 10)).toEqual([]);
  }

  async #put(): Promise<void> {
    const blocks = this.#some();
    for (const { cid } of blocks) this.#presence.set(cid, "maybe");
    await this.#putting(blocks);
    for (const { cid } of blocks) this.#presence.set(cid, "here");
  }

  async #putting(blocks: typeof universe): Promise<void> {
    const batch = this.#opened().batch();
    for (const { bytes } of blocks) await batch.put(bytes);
    await batch.commit();
  }

  async #delete(): Promise<void> {
    const store = this.#opened();
    for (const { cid } of this.#some()) {
      await store.delete(cid);
      this.#presence.set(cid, "gone");
    }
  }

  /** The process is killed in the middle of something, and the power fails. */
  async #crash(): Promise<void> {
    const before = new Map(this.#presence);
    const blocks = this.#some();
    const store = this.#opened();
    const isPut = this.#below(2) === 0;
    const work = isPut
      ? this.#putting(blocks)
      : Promise.all(blocks.map(({ cid }) => store.delete(cid)));
    const turns = this.#below(40);
    for (let turn = 0; turn < turns; turn++) {
      await new Promise((resolve) => setImmediate(resolve));
    }
    // At once, so that of several changes on the disk at most those are in the copy whose turn had come.
    const copy = `${this.#directory}-${this.#copies++}`;
    cpSync(this.#directory, copy, { recursive: true });
    await work;
    for (const { cid } of blocks) {
      // What was here and is put again stays here; all else may be or not.
      if (!isPut || before.get(cid) !== "here") this.#presence.set(cid, "maybe");
    }
    for (const path of packPaths(copy)) if (this.#below(2) === 0) this.#loseMarks(path);
    rmSync(this.#directory, { recursive: true });
    this.#directory = copy;
    await this.open();
  }

  /** Marks of the dead are not synced: any may be lost, in the record, the index or both. */
  #loseMarks(path: string): void {
    const bytes = readFileSync(path);
    const { index } = scanPack(bytes);
    const marksAt = bytes.length - 12 - index.count;
    for (let ordinal = 0; ordinal < index.count; ordinal++) {
      if (this.#below(2) === 0) bytes[marksAt + ordinal] = 0;
      if (this.#below(2) === 0) writeUint32(bytes, (index.places[ordinal] ?? 0) + MARK_AT, 0);
    }
    writeFileSync(path, bytes);
    // Whatever was deleted may be back.
    for (const { cid } of universe) {
      if ((this.#presence.get(cid) ?? "gone") === "gone") this.#presence.set(cid, "maybe");
    }
  }

  #some(): typeof universe {
    const count = 1 + this.#below(30);
    const first = this.#below(universe.length - count);
    return universe.slice(first, first + count);
  }

  #opened(): BlockStore {
    if (this.#store === undefined) throw new Error("open it first");
    return this.#store;
  }

  #below(bound: number): number {
    return Math.floor(this.#random.next() * bound);
  }
}

for (let seed = 1; seed <= SEEDS; seed++) {
  test(`what was stored is there until it is deleted, through restarts and crashes (seed ${seed})`, async () => {
    const world = new World(seed);
    await world.open();
    for (let step = 0; step < STEPS; step++) await world.step();
    await world.check();
    await world.empty();
  });
}
