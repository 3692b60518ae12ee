/**
 * What holds once the cluster has committed that a node is removed (R9): nobody counts on it, it leads
 * nothing anew, it votes for nobody, and who has known for a while hears nothing of it.
 */
import type { PeerMessage } from "../../../src/actors/ports.ts";
import type { NodeStore } from "../../../src/node/node-store.ts";
import type { SimProcess } from "../host.ts";
import { promise, type World } from "../world.ts";

/**
 * Longer than a removed node is kept connected, and than a process may be paused meanwhile: what came
 * for it then is heard before it goes on.
 */
const FAREWELL_MS_MAX = 15_000;

export class RemovalChecker {
  readonly #world: World;
  readonly #neededBy: (node: string) => string | undefined;
  /** When the first replica knew. */
  readonly #removedMs = new Map<string, number>();
  /** Up to which term processes were asked for votes before they were removed: the disk may hold them up. */
  readonly #askedTerms = new WeakMap<SimProcess, Map<number, number>>();
  /** When processes knew, by removed node. */
  readonly #knownMs = new WeakMap<SimProcess, Map<string, number>>();

  /** `neededBy`: which group counts on a node at this moment. */
  constructor(world: World, options: { readonly neededBy: (node: string) => string | undefined }) {
    this.#world = world;
    this.#neededBy = options.neededBy;
  }

  /** Whether it is committed that the node is removed. */
  isRemoved(node: string): boolean {
    return this.#removedMs.has(node);
  }

  /** Looks over the shoulder of a store that was just opened. */
  watch(process: SimProcess, store: NodeStore): void {
    const known = new Map<string, number>();
    this.#knownMs.set(process, known);
    const system = store.system.bind(store);
    store.system = async () => {
      const state = await system();
      const write = state.write.bind(state);
      state.write = async (batch) => {
        await write(batch);
        for (const row of batch.rows.values()) {
          if (row?.kind !== "member" || row.state !== "removed" || known.has(row.node)) continue;
          known.set(row.node, this.#world.loop.nowMs());
          this.#guard(() => this.#removed(row.node));
        }
      };
      return state;
    };
  }

  /** A process hears something. */
  heard(process: SimProcess, from: string, message: PeerMessage): void {
    if (!this.isRemoved(process.id)) this.#asked(process, message);
    const sinceMs = this.#knownMs.get(process)?.get(from);
    if (sinceMs === undefined) return;
    this.#guard(() =>
      promise(
        this.#world.loop.nowMs() - sinceMs <= FAREWELL_MS_MAX,
        () => `${process.id} listens to ${from} long after it knows that it was removed`,
      ),
    );
  }

  /** A process says something. */
  said(process: SimProcess, message: PeerMessage): void {
    if (message.kind !== "raft" || !this.isRemoved(process.id)) return;
    for (const { group, message: item } of message.items) {
      this.#guard(() =>
        promise(
          item.kind !== "vote-response" ||
            !item.granted ||
            item.term <= (this.#askedTerms.get(process)?.get(group) ?? 0),
          () => `${process.id} was removed and votes in group ${group}, term ${item.term}`,
        ),
      );
    }
  }

  /** A replica has become leader. */
  leads(process: SimProcess, group: number): void {
    promise(
      !this.isRemoved(process.id),
      () => `${process.id} was removed and was made leader of group ${group}`,
    );
  }

  #asked(process: SimProcess, message: PeerMessage): void {
    if (message.kind !== "raft") return;
    const terms = this.#askedTerms.get(process) ?? new Map<number, number>();
    this.#askedTerms.set(process, terms);
    for (const { group, message: item } of message.items) {
      if (item.kind !== "vote") continue;
      terms.set(group, Math.max(item.term, terms.get(group) ?? 0));
    }
  }

  #removed(node: string): void {
    if (this.isRemoved(node)) return;
    this.#removedMs.set(node, this.#world.loop.nowMs());
    this.#world.totals.removals += 1;
    this.#world.trace.note(`${node} is removed`);
    const group = this.#neededBy(node);
    promise(group === undefined, () => `${node} was removed while ${group} counts on it`);
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
