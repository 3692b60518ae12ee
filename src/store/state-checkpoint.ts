/** What the newest checkpoint says: up to where each group's state is in tables (T3 of state-store.ts). */
import { encodeCheckpoint } from "../wire/state-record.ts";
import type { GroupId } from "./log-keys.ts";
import type { KvOperation } from "./ports.ts";
import { CHECKPOINT_KEY } from "./state-keys.ts";

export class StateCheckpoint {
  #indexes: ReadonlyMap<GroupId, number>;

  /** @param found as it was on disk when the database was opened. */
  constructor(found: ReadonlyMap<GroupId, number>) {
    this.#indexes = found;
  }

  /** Another one, with these applied indexes. @returns what is to be written. */
  take(indexes: ReadonlyMap<GroupId, number>): KvOperation {
    this.#indexes = indexes;
    return { kind: "put", key: CHECKPOINT_KEY, value: encodeCheckpoint(CHECKPOINT_KEY, indexes) };
  }

  /**
   * The group's state goes. A later replica begins below what this one had applied, which must not look as
   * if it had been lost. @returns what is to be written in the same batch; undefined when it is not known here.
   */
  drop(group: GroupId): KvOperation | undefined {
    if (!this.#indexes.has(group)) return undefined;
    return this.take(new Map([...this.#indexes].filter(([other]) => other !== group)));
  }
}
