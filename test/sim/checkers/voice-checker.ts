/**
 * R4, R9: who speaks for a replica has it, sound, on the store that its machine has now. One whose store is
 * gone, or was found to be damaged when it was opened, votes and leads no more, and no other store goes on
 * under its id.
 */
import type { PeerMessage } from "../../../src/actors/ports.ts";
import { Violation, type World } from "../world.ts";

/** A process of a machine. */
interface Speaker {
  readonly id: string;
}

/** As much of a node's store as is looked at. */
interface WatchedStore {
  readonly identity: { readonly storeId: string };
  replicas(): readonly {
    readonly group: number;
    readonly replica: number;
    readonly damage?: unknown;
  }[];
  createReplica(made: { readonly group: number; readonly replica: number }): Promise<void>;
}

export class VoiceChecker {
  readonly #world: Pick<World, "violate">;
  /** Replicas that a process has, by group and id. */
  readonly #voices = new WeakMap<Speaker, Set<string>>();
  /** The store on which a replica was made, by its host, group and id. */
  readonly #stores = new Map<string, string>();

  constructor(world: Pick<World, "violate">) {
    this.#world = world;
  }

  /** Looks over the shoulder of a store that was just opened. */
  watch(process: Speaker, store: WatchedStore): void {
    const { storeId } = store.identity;
    const voices = new Set<string>();
    this.#voices.set(process, voices);
    for (const { group, replica, damage } of store.replicas()) {
      if (damage !== undefined) continue;
      voices.add(nameOf(group, replica));
      this.#belongs(process, nameOf(group, replica), storeId);
    }
    const createReplica = store.createReplica.bind(store);
    store.createReplica = async (made) => {
      const name = nameOf(made.group, made.replica);
      this.#belongs(process, name, storeId);
      voices.add(name);
      await createReplica(made);
    };
  }

  /** A process says something. */
  said(process: Speaker, message: PeerMessage): void {
    if (message.kind !== "raft") return;
    for (const { group, message: word } of message.items) {
      const name = nameOf(group, word.from);
      if (this.#voices.get(process)?.has(name) === true) continue;
      this.#violate(`${process.id} says ${word.kind} for replica ${name}, which it does not have`);
    }
  }

  #belongs(process: Speaker, name: string, storeId: string): void {
    const where = `${process.id}/${name}`;
    const before = this.#stores.get(where);
    this.#stores.set(where, storeId);
    if (before === undefined || before === storeId) return;
    this.#violate(`${process.id} has replica ${name} on another store than it was made on`);
  }

  #violate(text: string): void {
    this.#world.violate(new Violation(text));
  }
}

function nameOf(group: number, replica: number): string {
  return `${group}/${replica}`;
}
