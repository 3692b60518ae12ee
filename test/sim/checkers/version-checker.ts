/**
 * What holds of the cluster's version (R10): it goes up by one at a time and never falls, every member that
 * was not removed supports it, and no process goes on with one that is too new for it.
 */
import type { PeerMessage } from "../../../src/actors/ports.ts";
import type { NodeStore } from "../../../src/node/node-store.ts";
import type { MemberRow } from "../../../src/scheduler/system/rows.ts";
import { supports, type VersionRange } from "../../../src/scheduler/system/version-range.ts";
import type { SimProcess } from "../host.ts";
import { promise, type World } from "../world.ts";

export class VersionChecker {
  readonly #world: World;
  /** The rows of nodes at the highest index that any replica has written. */
  readonly #members = new Map<string, MemberRow>();
  #index = 0;
  #version = 0;

  constructor(world: World) {
    this.#world = world;
  }

  /** The highest version that a replica has applied; 0 before the cluster was founded. */
  get version(): number {
    return this.#version;
  }

  /** What a node's program supports, by the newest row that any replica has written. */
  announced(node: string): VersionRange | undefined {
    return this.#members.get(node)?.versions;
  }

  /** Looks over the shoulder of a store that was just opened. */
  watch(process: SimProcess, store: NodeStore): void {
    const system = store.system.bind(store);
    let applied = 0;
    store.system = async () => {
      const state = await system();
      const write = state.write.bind(state);
      state.write = async (batch) => {
        const fromIndex = state.appliedIndex;
        const written = write(batch);
        this.#guard(() => {
          for (const row of batch.rows.values()) {
            if (row?.kind !== "cluster") continue;
            const { version } = row;
            promise(version >= applied, `${process.id} has applied ${applied}, then ${version}`);
            applied = version;
          }
          // The log of a founder begins somewhere.
          const follows = fromIndex <= this.#index || this.#index === 0;
          if (follows && batch.appliedIndex > this.#index) this.#take(batch);
        });
        await written;
      };
      return state;
    };
  }

  /** After an event in the process. */
  check(process: SimProcess): void {
    const { node } = process;
    const version = node?.directory.cluster?.version;
    if (version === undefined || node === undefined) return;
    promise(
      version <= process.versions.max || node.versions.error !== undefined,
      () => `${process.id} goes on in version ${version}, but supports ${process.versions.max}`,
    );
  }

  /** A process says something. */
  said(process: SimProcess, message: PeerMessage): void {
    const error = process.node?.versions.error;
    if (message.kind !== "raft" || error === undefined) return;
    this.#guard(() => promise(false, `${process.id} takes part still: ${error.message}`));
  }

  /** All that was applied between what was known and the batch's end is in the batch. */
  #take(batch: Parameters<Awaited<ReturnType<NodeStore["system"]>>["write"]>[0]): void {
    this.#index = batch.appliedIndex;
    for (const row of batch.rows.values()) {
      if (row?.kind === "member") this.#members.set(row.node, row);
      if (row?.kind === "cluster") this.#raised(row.version);
    }
    for (const { node, state, versions } of this.#members.values()) {
      promise(
        state === "removed" || supports(versions, this.#version),
        `version ${this.#version} is committed, and ${node} does not support it`,
      );
    }
  }

  #raised(version: number): void {
    if (version === this.#version) return;
    promise(
      this.#version === 0 || version === this.#version + 1,
      `the cluster's version went from ${this.#version} to ${version}`,
    );
    if (this.#version > 0) this.#world.totals.raises += 1;
    this.#version = version;
    this.#world.trace.note(`the cluster has version ${version}`);
  }

  /** Code of a node would take the violation for its own error. */
  #guard(check: () => void): void {
    try {
      check();
    } catch (error) {
      this.#world.violate(error instanceof Error ? error : new Error(String(error)));
    }
  }
}
