/** The applied rows of one group as the actors see them, over the state store, which knows bytes. */
import type { Membership, StatePort } from "../actors/ports.ts";
import { UNKNOWN } from "../scheduler/transaction.ts";
import type { Hash64 } from "../std/hash64.ts";
import type { StateStore } from "../store/state-store.ts";
import type { Format } from "../wire/frame.ts";
import { membershipFormat } from "../wire/membership.ts";
import type { DecodedGroup } from "./decoded-rows.ts";

/** A page of a scan ends with the row that reaches so many bytes. */
const SCAN_BYTES_MAX = 1024 * 1024;

export class GroupState<R extends object> implements StatePort<R> {
  readonly #store: StateStore;
  readonly #group: string;
  readonly #format: Format<R>;
  readonly #checkpointDue: () => void;
  readonly #decoded: DecodedGroup<R>;
  #writeCount = 0;

  constructor(
    store: StateStore,
    options: {
      readonly group: string;
      readonly format: Format<R>;
      readonly decoded: DecodedGroup<R>;
      /** Enough has been written for a checkpoint. */
      readonly checkpointDue: () => void;
    },
  ) {
    this.#store = store;
    this.#group = options.group;
    this.#format = options.format;
    this.#decoded = options.decoded;
    this.#checkpointDue = options.checkpointDue;
  }

  get appliedIndex(): number {
    return this.#store.appliedIndex(this.#group) ?? 0;
  }

  get membership(): Membership | undefined {
    const note = this.#store.applied(this.#group)?.note;
    return note === undefined || note.length === 0 ? undefined : membershipFormat.decode(note);
  }

  hash(): Promise<Hash64> {
    return this.#store.hash(this.#group);
  }

  peek(key: string): R | undefined | typeof UNKNOWN {
    const decoded = this.#decoded.get(key);
    if (decoded !== undefined) return decoded;
    const values = this.#store.peekMany(this.#group, [key]);
    if (values === undefined) return UNKNOWN;
    return this.#row(key, values[0]);
  }

  async read(keys: readonly string[]): Promise<readonly (R | undefined)[]> {
    const writesBefore = this.#writeCount;
    const values = await this.#store.getMany(this.#group, keys);
    // A row that was written meanwhile is newer than what was read, and must stay what is known.
    const current = this.#writeCount === writesBefore;
    return values.map((value, at) =>
      current || value === undefined
        ? this.#row(keys[at] ?? "", value)
        : this.#format.decode(value),
    );
  }

  async scan(range: {
    readonly gte: string;
    readonly lt: string;
    readonly limit: number;
    readonly reverse?: boolean;
  }): Promise<{ readonly rows: readonly (readonly [string, R])[]; readonly more: boolean }> {
    const { gte, lt, limit, reverse = false } = range;
    const bytesMax = SCAN_BYTES_MAX;
    const page = await this.#store.scan(this.#group, {
      prefix: "",
      gte,
      lt,
      limit,
      bytesMax,
      reverse,
    });
    return {
      rows: page.rows.map(({ key, value }) => [key, this.#format.decode(value)]),
      more: page.more,
    };
  }

  async write(batch: Parameters<StatePort<R>["write"]>[0]): Promise<void> {
    this.#writeCount += 1;
    const puts: { key: string; value: Uint8Array }[] = [];
    const deletes: string[] = [];
    for (const [key, row] of batch.rows) {
      if (row === undefined) {
        deletes.push(key);
        this.#decoded.delete(key);
        continue;
      }
      const value = this.#format.encode(row);
      puts.push({ key, value });
      this.#decoded.set(key, row, value.length);
    }
    const { membership, fresh, appliedIndex: index, appliedTerm: term } = batch;
    const note = membership === undefined ? undefined : membershipFormat.encode(membership);
    await this.#store.write(this.#group, { puts, deletes, fresh, index, term, note });
    if (this.#store.checkpointDue) this.#checkpointDue();
  }

  /** A snapshot took the place of all rows. */
  forget(): void {
    this.#writeCount += 1;
    this.#decoded.clear();
  }

  /** The group is gone from here. */
  close(): void {
    this.#decoded.close();
  }

  #row(key: string, value: Uint8Array | undefined): R | undefined {
    if (value === undefined) return undefined;
    const row = this.#format.decode(value);
    this.#decoded.set(key, row, value.length);
    return row;
  }
}
