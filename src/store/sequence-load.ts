/** Reading what both databases have in common: whole ranges, and the sequence numbers of batches. */
import { StoreError } from "./errors.ts";
import { PAGE_BYTES, PAGE_ROWS } from "./limits.ts";
import { sequenceKey, sequenceRange } from "./log-keys.ts";
import type { KvReader, KvRow } from "./ports.ts";
import { decodeSum } from "./sequence.ts";

/** All rows of a range, read in pages; each page is of its own moment. */
export async function* rowsOf(
  kv: KvReader,
  range: { readonly gte: string; readonly lt: string },
): AsyncGenerator<KvRow> {
  let { gte } = range;
  for (;;) {
    const page = await kv.scan({ gte, lt: range.lt, limit: PAGE_ROWS, bytesMax: PAGE_BYTES });
    yield* page.rows;
    const last = page.rows.at(-1);
    if (!page.more || last === undefined) return;
    gte = `${last.key}\u0000`;
  }
}

/** The sequence numbers above the base: the last one, its record, and what is wrong if anything is. */
export async function checkSequences(
  kv: KvReader,
  base: number,
): Promise<{
  readonly last: number;
  readonly sumValue: Uint8Array | undefined;
  readonly reason: string | undefined;
}> {
  let last = base;
  let sumValue: Uint8Array | undefined;
  for await (const row of rowsOf(kv, sequenceRange(base + 1))) {
    if (row.key !== sequenceKey(last + 1))
      return { last, sumValue, reason: "a batch is missing between others" };
    try {
      decodeSum(row.key, row.value);
    } catch (error) {
      if (error instanceof StoreError && error.code === "STORE_DAMAGED")
        return { last, sumValue, reason: "the record of a batch is damaged" };
      throw error;
    }
    last += 1;
    sumValue = row.value;
  }
  // Whoever moves the base adds a batch, so there is always one above it.
  const reason = sumValue === undefined ? "the newest batches are missing" : undefined;
  return { last, sumValue, reason };
}
