/** Deletes rows that belong to nothing any more (I2 of state-install.ts), in slices. */
import { PAGE_BYTES, SWEEP_KEYS } from "./limits.ts";
import type { GroupId } from "./log-keys.ts";
import type { OrderedKv } from "./ports.ts";
import {
  generationOfRowKey,
  groupRowsRange,
  parseRowKey,
  prefixEnd,
  ROWS_RANGE,
  rowPrefix,
} from "./state-keys.ts";
import type { StateWriter } from "./state-writer.ts";

export class StateSweep {
  readonly #kv: OrderedKv;
  readonly #writer: StateWriter;
  /** Generations of a group whose rows stay, as of now, rising. */
  readonly #kept: (group: GroupId) => readonly number[];

  constructor(parts: {
    readonly kv: OrderedKv;
    readonly writer: StateWriter;
    readonly kept: (group: GroupId) => readonly number[];
  }) {
    this.#kv = parts.kv;
    this.#writer = parts.writer;
    this.#kept = parts.kept;
  }

  /** Sweeps a group. Harmless to repeat, and beside anything else. @throws as `StateStore.write`. */
  async group(group: GroupId): Promise<void> {
    for (let place = 0; ; ) {
      // Asked for anew each time: an install may have begun or ended meanwhile.
      const range = this.#garbage(group)[place];
      if (range === undefined) return;
      const page = await this.#kv.scan({ ...range, limit: SWEEP_KEYS, bytesMax: PAGE_BYTES });
      if (page.rows.length === 0) place += 1;
      else
        await this.#writer.enqueue({
          build: (batch) => {
            const kept = this.#kept(group);
            for (const { key } of page.rows)
              if (!kept.includes(generationOfRowKey(key))) batch.push({ kind: "del", key });
          },
        });
    }
  }

  /** Sweeps every group that has rows, known or not. @throws as `StateStore.write`. */
  async all(): Promise<void> {
    let gte: string = ROWS_RANGE.gte;
    for (;;) {
      // One seek per group, never a walk over its rows.
      const page = await this.#kv.scan({ gte, lt: ROWS_RANGE.lt, limit: 1, bytesMax: 1 });
      const key = page.rows[0]?.key;
      if (key === undefined) return;
      const group = parseRowKey(key);
      await this.group(group);
      gte = groupRowsRange(group).lt;
    }
  }

  /** Where a group's rows are that belong to nothing. */
  #garbage(group: GroupId): readonly { readonly gte: string; readonly lt: string }[] {
    const whole = groupRowsRange(group);
    let { gte } = whole;
    const ranges: { readonly gte: string; readonly lt: string }[] = [];
    for (const generation of this.#kept(group)) {
      const prefix = rowPrefix(group, generation);
      ranges.push({ gte, lt: prefix });
      gte = prefixEnd(prefix);
    }
    return [...ranges, { gte, lt: whole.lt }];
  }
}
