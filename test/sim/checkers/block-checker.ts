/**
 * Watches what collectors delete (R25): nothing that a row refers to, by the rows of the replica that has
 * applied most, and nothing that an upload under way has put.
 */
import { runsOf } from "../../../src/actors/collection/references.ts";
import type { NodeStore } from "../../../src/node/node-store.ts";
import type { Row } from "../../../src/scheduler/rows.ts";
import { cidOfBlockKey, treePrefixes } from "../../../src/scheduler/tree/keys.ts";
import type { SimBlockDisk } from "../blocks.ts";
import type { SimProcess } from "../host.ts";
import { promise, type World } from "../world.ts";

interface GroupRows {
  appliedIndex: number;
  /** A write could not be followed: nothing is said of the group any more. */
  lost: boolean;
  /** What each row refers to. */
  readonly rows: Map<string, readonly string[]>;
  readonly references: Map<string, number>;
  /** Uploads that have a pin. */
  readonly pins: Set<string>;
}

export class BlockChecker {
  readonly #world: World;
  readonly #groups = new Map<number, GroupRows>();
  readonly #told: { readonly group: number; readonly upload: string; readonly place: string }[] =
    [];

  constructor(world: World) {
    this.#world = world;
  }

  watch(store: NodeStore): void {
    const workflow = store.workflow.bind(store);
    store.workflow = async (group) => {
      const state = await workflow(group);
      const write = state.write.bind(state);
      state.write = async (batch) => {
        const fromIndex = state.appliedIndex;
        await write(batch);
        const rows = this.#group(group);
        if (batch.appliedIndex <= rows.appliedIndex) return;
        if (fromIndex > rows.appliedIndex && rows.appliedIndex !== 0) rows.lost = true;
        rows.appliedIndex = batch.appliedIndex;
        for (const [key, row] of batch.rows) this.#written(rows, key, row);
      };
      return state;
    };
  }

  /** An upload was told by a node that it has the block; that counts as long as the upload has a pin. */
  told(
    group: number,
    { upload, cid, node }: { readonly upload: string; readonly cid: string; readonly node: string },
  ): void {
    this.#told.push({ group, upload, place: `${node}/${cid}` });
  }

  deleting(process: SimProcess, cid: string): void {
    this.#world.totals.blocksCollected += 1;
    try {
      const place = `${process.id}/${cid}`;
      const upload = this.#told.find(
        (told) => told.place === place && this.#groups.get(told.group)?.pins.has(told.upload),
      );
      promise(
        upload === undefined,
        () => `R25: ${process.id} deletes ${cid}, which the upload ${upload?.upload} has put`,
      );
      for (const [group, { lost, references }] of this.#groups) {
        promise(
          lost || !references.has(cid),
          () => `R25: ${process.id} deletes ${cid}, which rows of group ${group} refer to`,
        );
      }
    } catch (error) {
      this.#world.violate(error instanceof Error ? error : new Error(String(error)));
    }
  }

  /** A block of a file that no disk has; undefined when there is none. */
  lostBlock(disks: readonly SimBlockDisk[]): string | undefined {
    for (const { lost, rows } of this.#groups.values()) {
      if (lost) continue;
      for (const [key, cids] of rows) {
        if (!key.startsWith(treePrefixes.blocks)) continue;
        const missing = cids.find((cid) => !disks.some((disk) => disk.hasSynced(cid)));
        if (missing !== undefined) return missing;
      }
    }
    return undefined;
  }

  /** Whether a row of a group refers to a block; undefined where that is not known of all groups. */
  isNeeded(cid: string): boolean | undefined {
    const groups = [...this.#groups.values()];
    if (groups.some(({ references }) => references.has(cid))) return true;
    return groups.some(({ lost }) => lost) ? undefined : false;
  }

  #group(group: number): GroupRows {
    let found = this.#groups.get(group);
    if (found === undefined) {
      found = {
        appliedIndex: 0,
        lost: false,
        rows: new Map(),
        references: new Map(),
        pins: new Set(),
      };
      this.#groups.set(group, found);
    }
    return found;
  }

  #written({ rows, references, pins }: GroupRows, key: string, row: Row | undefined): void {
    if (key.startsWith(treePrefixes.pins)) {
      const upload = key.slice(treePrefixes.pins.length);
      if (row === undefined) pins.delete(upload);
      else pins.add(upload);
    }
    for (const cid of rows.get(key) ?? []) {
      const count = (references.get(cid) ?? 0) - 1;
      if (count > 0) references.set(cid, count);
      else references.delete(cid);
    }
    const cids =
      row === undefined ? [] : row.kind === "fs-block" ? [cidOfBlockKey(key)] : runsOf(row);
    if (cids.length === 0) rows.delete(key);
    else rows.set(key, cids);
    for (const cid of cids) references.set(cid, (references.get(cid) ?? 0) + 1);
  }
}
