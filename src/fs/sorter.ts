/** Sorting within one attempt: what a crash would make worthless is never synced. */
import type { GroupPart, PairSorter } from "../handlers/ports.ts";
import type { Pair } from "../wire/pairs.ts";
import { ExternalSort } from "./external-sort.ts";
import { groupsOf } from "./groups.ts";
import type { MergeTreeOptions } from "./merge-tree.ts";
import { Turn } from "./turn.ts";

/** Fulfils the port: pairs stay in memory up to the bound, beyond it in temporary runs. */
export class Sorter implements PairSorter {
  readonly #sort: ExternalSort;
  readonly #signal: AbortSignal | undefined;
  readonly #turn = new Turn();
  #groups: AsyncGenerator<readonly GroupPart[]> | undefined;

  constructor(options: MergeTreeOptions) {
    this.#sort = new ExternalSort({ ...options, parts: 1 });
    this.#signal = options.signal;
  }

  /** See the port. @throws {JobxError} also `FS_RECORD_TOO_LARGE`, `FS_STOPPED`. */
  async add(records: readonly Pair[]): Promise<void> {
    await this.#turn.add(() => this.#sort.add(records));
  }

  groups(): AsyncGenerator<readonly GroupPart[]> {
    this.#turn.finish();
    this.#groups = this.#read();
    return this.#groups;
  }

  async discard(): Promise<void> {
    this.#turn.discard();
    // Waits for a reading under way; one that never began has no end of its own, hence `remove`.
    await this.#groups?.return(undefined);
    await this.#sort.remove();
  }

  async *#read(): AsyncGenerator<readonly GroupPart[]> {
    try {
      yield* groupsOf(await this.#sort.open(), this.#signal);
    } finally {
      await this.#sort.remove();
    }
  }
}
