/**
 * No replica stops, and no store is set aside, but where the host's disk gave them a reason; and R4: who
 * has stopped neither votes nor leads, nor says anything else.
 */
import type { PeerMessage } from "../../../src/actors/ports.ts";
import type { NodeStore } from "../../../src/node/node-store.ts";
import type { SimHost, SimProcess } from "../host.ts";
import { promise, Violation, type World } from "../world.ts";

/** How a replica that noticed damage in a running process says so; at a start it is anything. */
const DAMAGED = "STORE_DAMAGED: ";

/** How one says that it came to what its program cannot read. */
const UNREAD = "WIRE_VERSION_UNKNOWN: ";

export class StopChecker {
  readonly #world: World;
  readonly #version: () => number;
  /** What has stopped in a process and was looked at. */
  readonly #seen = new WeakMap<SimProcess, Set<string>>();
  /** Groups whose replicas were damaged when the process's store was opened. */
  readonly #damagedAtStart = new WeakMap<SimProcess, Set<number>>();
  /** Stores that a host has set aside. */
  readonly #aside = new Map<SimHost, number>();

  /** `version`: the highest cluster version that a replica has applied. */
  constructor(world: World, version: () => number) {
    this.#world = world;
    this.#version = version;
  }

  /** Looks over the shoulder of a store that was just opened. */
  watch(process: SimProcess, store: NodeStore): void {
    const { host } = process;
    this.#checkAside(host);
    const damaged = new Set(
      store.replicas().flatMap(({ group, damage }) => (damage === undefined ? [] : [group])),
    );
    this.#damagedAtStart.set(process, damaged);
    host.rot.opened(store.identity.storeId, damaged.size > 0);
    const destroyReplica = store.destroyReplica.bind(store);
    store.destroyReplica = async (group, below) => {
      await destroyReplica(group, below);
      damaged.delete(group);
      host.rot.destroyed(group, damaged.size > 0);
    };
  }

  /** Something happened in a process. @throws {Violation} when a replica stopped without a reason. */
  look(process: SimProcess): void {
    this.#checkLies(process);
    const stopped = process.node?.stoppedReplicas;
    if (stopped === undefined || stopped.size === 0) return;
    const seen = this.#seen.get(process) ?? new Set();
    this.#seen.set(process, seen);
    for (const [group, reason] of stopped) {
      const name = `${group} ${reason}`;
      if (seen.has(name)) continue;
      seen.add(name);
      promise(
        this.#isExplained(process, group, reason),
        () => `${process.id} stopped its replica of group ${group}: ${reason}`,
      );
    }
  }

  /** A process says something. */
  said({ id, node }: SimProcess, message: PeerMessage): void {
    if (message.kind !== "raft" || node === undefined || node.stoppedReplicas.size === 0) return;
    const speaks = message.items.find(({ group }) => node.stoppedReplicas.has(group));
    if (speaks === undefined) return;
    this.#world.violate(
      new Violation(`${id} speaks for its replica of group ${speaks.group}, which has stopped`),
    );
  }

  #isExplained(process: SimProcess, group: number, reason: string): boolean {
    const { storage, rot } = process.host;
    if (storage.explainsStop(reason)) return true;
    // Its program came back too late, and it does not know yet that it must end.
    if (reason.startsWith(UNREAD) && process.versions.max < this.#version()) return true;
    const saysDamage =
      reason.startsWith(DAMAGED) || this.#damagedAtStart.get(process)?.has(group) === true;
    if (!saysDamage || !rot.explains(group)) return false;
    this.#world.totals.replicasDamaged += 1;
    return true;
  }

  /** All nodes are honest here, so what cannot be true is their fault, or that of a damaged disk. */
  #checkLies(process: SimProcess): void {
    for (const { group, from, claim } of process.node?.host.lies ?? [])
      promise(
        process.host.rot.explains(group),
        () => `${from} ${claim}, says ${process.id} of group ${group}`,
      );
  }

  #checkAside(host: SimHost): void {
    const { asideCount } = host.disk;
    if (asideCount === (this.#aside.get(host) ?? 0)) return;
    this.#aside.set(host, asideCount);
    this.#world.totals.storesSetAside += 1;
    if (host.rot.explainsAside) return;
    this.#world.violate(new Violation(`${host.id} set its store aside, which was not damaged`));
  }
}
