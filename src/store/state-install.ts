/**
 * Snapshots that are being taken in (R5): rows under a new generation, which nobody reads until one
 * synced batch switches over to it.
 *
 * I1. Rows are written in the order of their keys, each batch with the record of how far it came. So
 *     whatever a crash leaves, the record says exactly which rows there are.
 * I2. A group's rows are of its present generation, of the one that is being taken in, or garbage.
 */
import { assert } from "../std/assert.ts";
import { addHash64, HASH64_ZERO, hash64 } from "../std/hash64.ts";
import { type AppliedRecord, encodeInstall, type InstallRecord } from "../wire/state-record.ts";
import type { GroupId } from "./log-keys.ts";
import { installKey, rowPrefix } from "./state-keys.ts";
import type { InstallOf, StateInstall, StateRow } from "./state-store-types.ts";
import { putRow, type StateWriter } from "./state-writer.ts";

/** What a finished install leaves to the store: the group's applied record, in the batch that switches. */
export type SwitchOver = (group: GroupId, applied: AppliedRecord) => Promise<void>;

export class StateInstalls {
  readonly #writer: StateWriter;
  readonly #switchOver: SwitchOver;
  /** By group, also those that nobody goes on with at present. */
  readonly #records: Map<GroupId, InstallRecord>;
  readonly #active = new Set<GroupId>();

  constructor(
    parts: { readonly writer: StateWriter; readonly switchOver: SwitchOver },
    found: ReadonlyMap<GroupId, InstallRecord>,
  ) {
    this.#writer = parts.writer;
    this.#switchOver = parts.switchOver;
    this.#records = new Map(found);
  }

  /** Whether rows of the group are being taken in now. */
  isActive(group: GroupId): boolean {
    return this.#active.has(group);
  }

  /** The generation that is being taken in, or was left in the middle. */
  generation(group: GroupId): number | undefined {
    return this.#records.get(group)?.generation;
  }

  /** Groups whose install was left in the middle, with what the snapshot stands for. */
  left(): readonly { readonly group: GroupId; readonly index: number }[] {
    return [...this.#records].map(([group, { index }]) => ({ group, index }));
  }

  /** Whether an install of this snapshot can be gone on with. */
  canResume(group: GroupId, of: InstallOf): boolean {
    return this.#records.get(group)?.snapshot === of.snapshot;
  }

  /** Begins, or goes on. `generation` is for a new one, whose place is swept. */
  begin(group: GroupId, of: InstallOf, generation: number): StateInstall {
    assert(!this.#active.has(group), "one install per group at a time");
    if (!this.canResume(group, of)) {
      this.#records.set(group, { ...of, generation, after: "", hash: HASH64_ZERO });
    }
    this.#active.add(group);
    const record = (): InstallRecord => {
      const now = this.#records.get(group);
      assert(now !== undefined && this.#active.has(group), "the install is under way");
      return now;
    };
    return {
      get hash() {
        return record().hash;
      },
      get after() {
        const { after } = record();
        return after === "" ? undefined : after;
      },
      put: (rows) => this.#put(group, record(), rows),
      finish: (applied) => this.#finish(group, record(), applied),
      pause: () => {
        this.#active.delete(group);
      },
      abandon: () => this.drop(group),
    };
  }

  /** Forgets what was taken in; its rows wait for a sweep. @throws as `StateStore.write`. */
  async drop(group: GroupId): Promise<void> {
    this.#active.delete(group);
    if (!this.#records.delete(group)) return;
    await this.#writer.enqueue({
      build: (batch) => batch.push({ kind: "del", key: installKey(group) }),
    });
  }

  async #put(group: GroupId, before: InstallRecord, rows: readonly StateRow[]): Promise<void> {
    let { hash, after } = before;
    for (const row of rows) {
      assert(row.key > after, "a snapshot's rows come in the order of their keys");
      after = row.key;
      hash = addHash64(hash, hash64(row.key, row.value));
    }
    const record = { ...before, hash, after };
    this.#records.set(group, record);
    const prefix = rowPrefix(group, record.generation);
    const key = installKey(group);
    await this.#writer.enqueue({
      build: (batch) => {
        for (const row of rows) batch.push(putRow(prefix + row.key, row.value));
        batch.push({ kind: "put", key, value: encodeInstall(key, record) });
      },
    });
  }

  async #finish(
    group: GroupId,
    { generation, hash }: InstallRecord,
    applied: { readonly index: number; readonly term: number; readonly note: Uint8Array },
  ): Promise<void> {
    await this.#switchOver(group, { ...applied, begin: applied.index, generation, hash });
    this.#records.delete(group);
    this.#active.delete(group);
  }
}
