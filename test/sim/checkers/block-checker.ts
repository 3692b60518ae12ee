/**
 * Watches what collectors delete (R25): nothing that a row refers to, by the rows of the replica that has
 * applied most, and nothing that an upload under way has put.
 */
import { runsOf } from "../../../src/actors/collection/references.ts";
import type { NodeStore } from "../../../src/node/node-store.ts";
import type { Row } from "../../../src/scheduler/rows.ts";
import { cidOfBlockKey } from "../../../src/scheduler/tree/keys.ts";
import type { SimProcess } from "../host.ts";
import { promise, type World } from "../world.ts";

interface GroupRows {
  appliedIndex: number;
  /** A write could not be followed: nothing is said of the group any more. */
  lost: boolean;
  /** What each row refers to. */
  readonly rows: Map<string, readonly string[]>;
  readonly references: Map<string, number>;
}

export class BlockChecker {
  readonly #world: World;
  readonly #groups = new Map<number, GroupRows>();
  /** Blocks of uploads whose pins are certainly there, with how many uploads that are. */
  readonly #pinned = new Map<string, number>();

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
        if (fromIndex !== 0 && rows.appliedIndex === 0) rows.lost = true;
        rows.appliedIndex = batch.appliedIndex;
        for (const [key, row] of batch.rows) this.#written(rows, key, row);
      };
      return state;
    };
  }

  /** An upload that has a pin was told that the block is there. */
  pinned(cid: string): void {
    this.#pinned.set(cid, (this.#pinned.get(cid) ?? 0) + 1);
  }

  /** Its pin may be gone from now on. */
  unpinned(cid: string): void {
    const count = (this.#pinned.get(cid) ?? 0) - 1;
    if (count > 0) this.#pinned.set(cid, count);
    else this.#pinned.delete(cid);
  }

  deleting(process: SimProcess, cid: string): void {
    this.#world.totals.blocksCollected += 1;
    try {
      promise(
        !this.#pinned.has(cid),
        () => `${process.id} deletes ${cid}, which an upload under way has put`,
      );
      for (const [group, { lost, references }] of this.#groups) {
        promise(
          lost || !references.has(cid),
          () => `${process.id} deletes ${cid}, which rows of group ${group} refer to`,
        );
      }
    } catch (error) {
      this.#world.violate(error instanceof Error ? error : new Error(String(error)));
    }
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
      found = { appliedIndex: 0, lost: false, rows: new Map(), references: new Map() };
      this.#groups.set(group, found);
    }
    return found;
  }

  #written({ rows, references }: GroupRows, key: string, row: Row | undefined): void {
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
