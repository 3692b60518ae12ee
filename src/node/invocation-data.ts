/** What an invocation was given and what it has made: which pieces, and their pairs where they are asked for. */

import type { InvocationView } from "../api/invocation-view.ts";
import { RESULT_BYTES_MAX } from "../api/limits.ts";
import { findStep, parentOf } from "../scheduler/apply-kit.ts";
import { resultsOf } from "../scheduler/block-row.ts";
import { type Dataset, type PieceSlice, slicesOf, wholeSlices } from "../scheduler/dataset.ts";
import { BLOCK_CHILDREN, keys } from "../scheduler/keys.ts";
import type { Path } from "../scheduler/unit.ts";
import { ClusterError } from "./cluster-errors.ts";
import type { JsonPair } from "./data-plane/pair-batches.ts";
import type { InvocationReader, OpenedRequest, UnitFound } from "./invocation-reader.ts";
import { bytesOf, datasetView, errorOf, inlineKey } from "./invocation-views.ts";
import { smallPairs } from "./small-result.ts";

/** Bytes of a run that is brought here for the sake of a few of its pairs: a second of a good network. */
const SLICED_RUN_BYTES_MAX = 64 * 1024 * 1024;

/** How the pairs are got. */
export interface PairReader {
  /** Brings here what is elsewhere. */
  readonly ensure: (dataset: Dataset) => Promise<unknown>;
  /** Lines of JSON, in pieces of whole lines. */
  readonly read: (slices: readonly PieceSlice[]) => AsyncIterable<Uint8Array>;
}

/** Which pairs a view has. */
export interface PairsWanted {
  readonly withInput: boolean;
  readonly withOutput: boolean;
}

/**
 * One invocation with its input and output.
 * @throws {ClusterError} `RESULT_TOO_LARGE` for pairs above `RESULT_BYTES_MAX`, in the store or as text.
 */
export async function invocationView(
  found: UnitFound & { readonly request: OpenedRequest },
  wanted: PairsWanted,
  deps: {
    readonly rows: Pick<InvocationReader, "rows">;
    readonly pairs: PairReader;
    readonly nodeName: (node: string) => string;
  },
): Promise<InvocationView> {
  const { nodeName, pairs } = deps;
  const { unit, rows, summary, request } = found;
  const { id, workflow } = request.place;
  const input = inputOf(found);
  const output = await outputOf(found, deps.rows);
  const given = wanted.withInput && input !== undefined ? await contentOf(id, input, pairs) : null;
  const slices = output && wholeSlices(output);
  const made =
    wanted.withOutput && slices !== undefined ? await contentOf(id, slices, pairs) : null;
  const [only] = given?.length === 1 ? given : [];
  const key = only === undefined ? inlineKey(input ?? []) : JSON.stringify(only[0]);
  return {
    ...summary,
    request: id,
    workflow,
    key,
    input: input === undefined ? null : datasetView(input, { nodeName, content: given }),
    output: slices === undefined ? null : datasetView(slices, { nodeName, content: made }),
    error: errorOf(unit, rows) ?? null,
  };
}

/** Undefined for a reduction of children, whose input lies in their results. */
function inputOf({ unit, rows, parent }: UnitFound): readonly PieceSlice[] | undefined {
  if (unit.kind === "map") {
    if (parent === undefined) return wholeSlices(rows.request.arguments);
    return slicesOf(parent.row.data, parentOf(unit.path).child, 1);
  }
  const { own } = rows;
  return own === undefined || own.childStep !== undefined ? undefined : wholeSlices(own.data);
}

/** Undefined until it is done, and where it is kept joined with that of others only. */
async function outputOf(
  { unit, rows, summary, request }: UnitFound & { readonly request: OpenedRequest },
  reader: Pick<InvocationReader, "rows">,
): Promise<Dataset | undefined> {
  if (summary.state !== "done") return undefined;
  const { own } = rows;
  if (unit.kind === "map" && own !== undefined) return own.data;
  const isOnly = unit.kind === "map" || own?.reduceCount === 1;
  if (unit.path.length > 0) {
    const of = { unit: unit.kind === "map" ? 0 : unit.part, isOnly };
    return resultOf(request, { path: unit.path, ...of }, reader);
  }
  if (isOnly) return request.row.result;
  const [row] = await reader.rows(request, [keys.output(unit.request, unit.part)]);
  return row?.kind === "result" ? row.data : undefined;
}

/** What a unit of a child has made: in its parent's block if that is all and small, else in rows by part. */
async function resultOf(
  request: OpenedRequest,
  of: { readonly path: Path; readonly unit: number; readonly isOnly: boolean },
  reader: Pick<InvocationReader, "rows">,
): Promise<Dataset | undefined> {
  const { path, child } = parentOf(of.path);
  const { sequence } = request.place;
  const block = keys.block(sequence, path, Math.floor(child / BLOCK_CHILDREN));
  const [parent, results] = await reader.rows(request, [keys.invocation(sequence, path), block]);
  if (parent?.kind !== "invocation") return undefined;
  const result =
    results?.kind === "block" ? resultsOf(results).find((one) => one.child === child) : undefined;
  if (of.isOnly && result?.data !== undefined) return result.data;
  const parts = findStep(request.plan, parent.step)?.partitions ?? 1;
  const places = Array.from({ length: parts }, (_, part) =>
    keys.result(sequence, path, { part, child, unit: of.unit }),
  );
  const rows = await reader.rows(request, places);
  return rows.flatMap((row) => (row?.kind === "result" ? row.data : []));
}

async function contentOf(
  request: string,
  slices: readonly PieceSlice[],
  pairs: PairReader,
): Promise<readonly JsonPair[]> {
  const tooLarge = (): ClusterError => pairsTooLarge(request);
  let bytes = 0;
  for (const { piece, count } of slices) {
    const isWhole = count === piece.count;
    bytes += isWhole ? bytesOf(piece) : 0;
    if (bytes > RESULT_BYTES_MAX || bytesOf(piece) > SLICED_RUN_BYTES_MAX) throw tooLarge();
  }
  await pairs.ensure(slices.map(({ piece }) => piece));
  return smallPairs(pairs.read(slices), tooLarge);
}

function pairsTooLarge(request: string): ClusterError {
  return new ClusterError(
    { code: "RESULT_TOO_LARGE", request, bytesMax: RESULT_BYTES_MAX },
    `the invocation has pairs of more than ${RESULT_BYTES_MAX} bytes, or some in a run of more than ` +
      `${SLICED_RUN_BYTES_MAX}: more than the answer about it carries; ask for it without them`,
  );
}
