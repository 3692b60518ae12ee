/** Outputs of a few pairs, which need neither sorting in bounded memory nor a disk. */
import {
  type Dataset,
  INLINE_BYTES_MAX,
  type PairOrder,
  RESULT_INLINE_BYTES_MAX,
} from "../wire/dataset.ts";
import { encodePairs, type Pair, recordLength } from "../wire/pairs.ts";
import { partitionOf } from "./partition.ts";

/**
 * The datasets that a sink would make of the pairs, one for each part; undefined when one of them
 * would not be inline, or all of them together have more bytes than a result may have inline.
 */
export function smallDatasets(
  records: readonly Pair[],
  options: { readonly order: PairOrder; readonly parts: number },
): readonly Dataset[] | undefined {
  const { order, parts } = options;
  let bytes = 0;
  for (const record of records) bytes += recordLength(record);
  if (bytes > Math.min(parts * INLINE_BYTES_MAX, RESULT_INLINE_BYTES_MAX)) return undefined;
  const byPart: Pair[][] = Array.from({ length: parts }, () => []);
  for (const record of order === "key" ? sortedByKey(records) : records) {
    byPart[order === "key" ? partitionOf(record.key, parts) : 0]?.push(record);
  }
  const datasets: Dataset[] = [];
  for (const pairs of byPart) {
    const encoded = encodePairs(pairs);
    if (encoded.length > INLINE_BYTES_MAX) return undefined;
    const count = pairs.length;
    datasets.push(count === 0 ? [] : [{ kind: "inline", bytes: encoded, count, order }]);
  }
  return datasets;
}

/** The pairs in the order of their keys' bytes; those of one key stay as they came. */
function sortedByKey(records: readonly Pair[]): readonly Pair[] {
  if (records.length < 2) return records;
  return records.toSorted((left, right) => Buffer.compare(left.key, right.key));
}
