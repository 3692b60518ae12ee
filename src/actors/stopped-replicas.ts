/** Replicas of this node that do not serve, by group (R4). */
import type { ReplicaId } from "../raft/types.ts";
import type { AnyReplica } from "./group-host.ts";

export class StoppedReplicas {
  readonly #reasons = new Map<number, string>();
  readonly #ids = new Map<number, ReplicaId>();
  readonly #damaged = new Map<number, ReplicaId>();

  /** Why, for people. */
  get reasons(): ReadonlyMap<number, string> {
    return this.#reasons;
  }

  /** All of them. */
  get ids(): ReadonlyMap<number, ReplicaId> {
    return this.#ids;
  }

  /** Those whose data is not what was written. */
  get damaged(): ReadonlyMap<number, ReplicaId> {
    return this.#damaged;
  }

  /** One was stopped, or is not opened. */
  note({ group, id }: Pick<AnyReplica, "group" | "id">, reason: string, isDamaged: boolean): void {
    this.#reasons.set(group, reason);
    this.#ids.set(group, id);
    if (isDamaged) this.#damaged.set(group, id);
  }

  /** It is gone, with all that it had. */
  forget(group: number): void {
    for (const map of [this.#reasons, this.#ids, this.#damaged]) map.delete(group);
  }
}
