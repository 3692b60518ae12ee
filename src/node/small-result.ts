/** A result that is small enough to be part of the answer about its request. */
import { RESULT_BYTES_MAX } from "../api/limits.ts";
import { type Dataset, datasetBytes } from "../scheduler/dataset.ts";
import { ClusterError } from "./cluster-errors.ts";
import { type JsonPair, pairsOfPage } from "./data-plane/pair-batches.ts";

/** How the pairs are got. */
export interface ResultReader {
  /** Brings here what is elsewhere. */
  readonly ensure: (dataset: Dataset) => Promise<Dataset>;
  /** Lines of JSON, in pieces of whole lines. */
  readonly read: (dataset: Dataset) => AsyncIterable<Uint8Array>;
}

/**
 * All pairs. Nothing is brought or read when the dataset itself is too large already.
 * @throws {ClusterError} `RESULT_TOO_LARGE` above `RESULT_BYTES_MAX`, in the store or as text.
 */
export async function smallResult(
  of: { readonly request: string; readonly dataset: Dataset },
  reader: ResultReader,
): Promise<readonly JsonPair[]> {
  if (datasetBytes(of.dataset) > RESULT_BYTES_MAX) throw tooLarge(of.request);
  const pages = reader.read(await reader.ensure(of.dataset));
  return smallPairs(pages, () => tooLarge(of.request));
}

/** All pairs of some pages. @throws {ClusterError} what `tooLarge` makes, above `RESULT_BYTES_MAX` as text. */
export async function smallPairs(
  pages: AsyncIterable<Uint8Array>,
  tooLarge: () => ClusterError,
): Promise<readonly JsonPair[]> {
  const pairs: JsonPair[] = [];
  let bytes = 0;
  for await (const page of pages) {
    bytes += page.length;
    if (bytes > RESULT_BYTES_MAX) throw tooLarge();
    pairs.push(...pairsOfPage(page));
  }
  return pairs;
}

function tooLarge(request: string): ClusterError {
  const path = `/v1/requests/${encodeURIComponent(request)}/result`;
  return new ClusterError(
    { code: "RESULT_TOO_LARGE", request, bytesMax: RESULT_BYTES_MAX, path },
    `the result of ${request} has more than ${RESULT_BYTES_MAX} bytes, more than the answer about a ` +
      `request carries; GET ${path} or jobx request result ${request} reads it as a stream`,
  );
}
