/**
 * The properties of figure 3 of the Raft paper, and two of this project's own, watched from outside
 * while a cluster runs. Each throws with what it saw.
 */
import { isDeepStrictEqual } from "node:util";
import { jointIndex } from "../../src/raft/quorum.ts";
import type { Configuration, Entry, ReplicaId } from "../../src/raft/types.ts";
import { assert } from "../../src/std/assert.ts";
import { type ReplicaWatch, type TestReplica, textOf } from "./raft-replica.ts";

interface Seen {
  readonly previousTerm: number;
  readonly content: string;
}

interface Committed {
  readonly term: number;
  /** The lowest term in which a leader is known to have committed it. */
  readonly committedInTerm: number;
}

/** Watches a cluster; `check` after every step of a replica, the rest is called as things happen. */
export class RaftCheckers implements ReplicaWatch {
  readonly #leaders = new Map<number, ReplicaId>();
  /** By index and term: what is there and what it follows. */
  readonly #seen = new Map<string, Seen>();
  readonly #applied = new Map<number, string>();
  readonly #committed = new Map<number, Committed>();
  #committedMax = 0;
  readonly #leading = new Map<TestReplica, { readonly term: number; readonly core: unknown }>();

  /** What was in force when a leader was last looked at. */
  readonly #configurations = new Map<TestReplica, Configuration>();

  /** The highest index known to be committed anywhere. */
  get committedMax(): number {
    return this.#committedMax;
  }

  /** How many entries were applied anywhere, each index once. */
  get appliedCount(): number {
    return this.#applied.size;
  }

  /** Log matching, and leader append-only. Called before the entries are in `replica.log`. */
  appended(replica: TestReplica, entries: readonly Entry[]): void {
    let previousTerm = replica.log.termAt((entries[0]?.index ?? 1) - 1) ?? 0;
    const { role } = replica.core.status();
    const first = entries[0];
    if (first !== undefined && role === "leader" && this.#wasLeading(replica))
      assert(
        first.index === replica.log.lastIndex + 1,
        `leader append-only: ${replica.id} overwrites ${first.index}`,
      );
    for (const entry of entries) {
      const key = `${entry.index}/${entry.term}`;
      const now = { previousTerm, content: contentOf(entry) };
      const before = this.#seen.get(key);
      assert(
        before === undefined || isDeepStrictEqual(before, now),
        `log matching: ${key} is ${JSON.stringify(now)} and was ${JSON.stringify(before)}`,
      );
      this.#seen.set(key, now);
      previousTerm = entry.term;
    }
  }

  /** State machine safety, and R1: only what is on the own disk is applied. */
  applied(replica: TestReplica, entry: Entry): void {
    const content = `${entry.term} ${contentOf(entry)}`;
    const before = this.#applied.get(entry.index);
    assert(
      before === undefined || before === content,
      `state machine safety: ${replica.id} applies ${content} at ${entry.index}, was ${before}`,
    );
    this.#applied.set(entry.index, content);
    assert(
      entry.index <= replica.disk.compacted.index ||
        replica.disk.termAt(entry.index) === entry.term,
      `R1: ${replica.id} applies ${entry.index}, which is not on its disk`,
    );
  }

  /** Election safety, leader completeness, and R1: what is committed is on a majority of disks. */
  check(replica: TestReplica, replicas: ReadonlyMap<ReplicaId, TestReplica>): void {
    const status = replica.core.status();
    if (status.role !== "leader") {
      this.#leading.delete(replica);
      return;
    }
    const other = this.#leaders.get(status.term) ?? replica.id;
    assert(
      other === replica.id,
      `election safety: ${other} and ${replica.id} lead in term ${status.term}`,
    );
    this.#leaders.set(status.term, replica.id);
    if (!this.#wasLeading(replica)) this.#checkComplete(replica, status.term);
    this.#leading.set(replica, { term: status.term, core: replica.core });
    if (status.committed > this.#committedMax) this.#checkDurable(replica, replicas);
    this.#configurations.set(replica, status.configuration);
  }

  #wasLeading(replica: TestReplica): boolean {
    const leading = this.#leading.get(replica);
    return leading?.core === replica.core && leading.term === replica.core.status().term;
  }

  #checkComplete(replica: TestReplica, term: number): void {
    for (const [index, committed] of this.#committed) {
      if (committed.committedInTerm >= term || index <= replica.log.compacted.index) continue;
      assert(
        replica.log.termAt(index) === committed.term,
        `leader completeness: ${replica.id} leads in ${term} without committed entry ${index}`,
      );
    }
  }

  #checkDurable(leader: TestReplica, replicas: ReadonlyMap<ReplicaId, TestReplica>): void {
    const { committed, term, configuration } = leader.core.status();
    for (let index = this.#committedMax + 1; index <= committed; index += 1) {
      const entryTerm = leader.log.termAt(index);
      if (entryTerm !== undefined)
        this.#committed.set(index, { term: entryTerm, committedInTerm: term });
    }
    this.#committedMax = committed;
    const entryTerm = leader.log.termAt(committed);
    const onDisk = (id: ReplicaId) => {
      const disk = replicas.get(id)?.disk;
      if (disk === undefined) return 0;
      return disk.compacted.index >= committed || disk.termAt(committed) === entryTerm ? 1 : 0;
    };
    // Between two looks a leader may have committed in one configuration and applied the next.
    const before = this.#configurations.get(leader) ?? configuration;
    assert(
      [before, configuration].some((one) => jointIndex(one, onDisk) > 0),
      `R1: entry ${committed} is committed by ${leader.id} but not on a majority of disks`,
    );
  }
}

function contentOf(entry: Entry): string {
  switch (entry.kind) {
    case "normal":
      return textOf(entry.data);
    case "empty":
      return "empty";
    case "config":
      return JSON.stringify(entry.change.changes);
  }
}
