/** The input of a reduce unit, page by page: the results of its invocation's children, in their order. */

import { resultsOf } from "../scheduler/block-row.ts";
import type { Dataset, Piece } from "../scheduler/dataset.ts";
import { placeOfResultKey, prefixes } from "../scheduler/keys.ts";
import type { GrantInputs } from "../scheduler/protocol.ts";
import type { ChildResult, Row } from "../scheduler/rows.ts";
import type { Path } from "../scheduler/unit.ts";
import { orderedNumber, prefixEnd } from "../std/ordered-text.ts";

/** Rows read at once. A scan ends earlier with the row that reaches a MiB, so an answer fits a message. */
const PAGE_ROWS = 1024;

/** A page is given on when it has so many bytes or pieces: most inputs are one page, which is kept. */
const PAGE_BYTES = 1024 * 1024;
const PAGE_PIECES = 4096;

/** Reads rows of a workflow, from its scheduler. @throws {JobxError} when none answers in time. */
export type ReadRows = (
  group: number,
  what: {
    readonly keys: readonly string[];
    readonly scan?: { readonly gte: string; readonly lt: string; readonly limit: number };
  },
) => Promise<{
  readonly values: readonly (Row | undefined)[];
  readonly scanned: readonly { readonly key: string; readonly row: Row }[];
  readonly more: boolean;
}>;

/** The datasets to merge; nothing for a unit whose work holds all of its input. */
export async function* inputPages(
  read: ReadRows,
  group: number,
  inputs: GrantInputs,
): AsyncGenerator<Dataset, void, undefined> {
  yield* paged(inputsWithMakers(read, group, inputs));
}

/** The same datasets one by one, with who has made them. */
export async function* inputsWithMakers(
  read: ReadRows,
  group: number,
  inputs: GrantInputs,
): AsyncGenerator<InputOf, void, undefined> {
  switch (inputs.kind) {
    case "none":
      return;
    case "invocation": {
      const { values } = await read(group, { keys: [inputs.key] });
      const row = values[0];
      if (row?.kind === "invocation") yield { data: row.data, child: undefined, unit: 0 };
      return;
    }
    case "children":
      yield* childData(read, group, inputs);
      return;
    case "part":
      yield* partData(read, group, inputs);
  }
}

/** A dataset with who has made it; see `LostRun`. */
export interface InputOf {
  readonly data: Dataset;
  readonly child: number | undefined;
  readonly unit: number;
}

/** The same, one child after the other. */
type Datas = AsyncGenerator<InputOf, void, undefined>;

/** In one part a child's data is in its block, or in rows of its own. */
async function* childData(
  read: ReadRows,
  group: number,
  of: { readonly request: number; readonly path: Path },
): Datas {
  const { request, path } = of;
  const blocks = prefixes.blocksOfInvocation(request, path);
  const results = prefixes.resultsOf(request, path, 0);
  for await (const rows of scans(read, group, { gte: blocks, lt: prefixEnd(blocks) })) {
    let waiting = rows.flatMap(({ row }) => (row.kind === "block" ? resultsOf(row) : []));
    const own = waiting.filter(({ data }) => data === undefined);
    const [first, last] = [own.at(0), own.at(-1)];
    if (first !== undefined && last !== undefined) {
      const owners = new Set(own.map(({ child }) => child));
      const gte = results + orderedNumber(first.child);
      const lt = prefixEnd(results + orderedNumber(last.child));
      for await (const page of scans(read, group, { gte, lt })) {
        for (const { key, row } of page) {
          const { child, unit = 0 } = placeOfResultKey(key);
          // Of one that was skipped nothing counts.
          if (row.kind !== "result" || !owners.has(child)) continue;
          const after = waiting.findIndex((one) => one.child >= child);
          yield* known(waiting.slice(0, after));
          waiting = waiting.slice(after);
          yield { data: row.data, child, unit };
        }
      }
    }
    yield* known(waiting);
  }
}

/** Results that are in their block. */
function* known(results: readonly ChildResult[]): Generator<InputOf, void, undefined> {
  for (const { data, child } of results) if (data !== undefined) yield { data, child, unit: 0 };
}

/** One of several parts: all of it, and nothing else, lies in one stretch of rows. */
async function* partData(
  read: ReadRows,
  group: number,
  of: { readonly request: number; readonly path: Path; readonly part: number },
): Datas {
  const gte = prefixes.resultsOf(of.request, of.path, of.part);
  let skipped: number | undefined;
  for await (const rows of scans(read, group, { gte, lt: prefixEnd(gte) })) {
    for (const { key, row } of rows) {
      const { child, unit = 0 } = placeOfResultKey(key);
      if (row.kind === "void") skipped = child;
      if (row.kind === "result" && child !== skipped) yield { data: row.data, child, unit };
    }
  }
}

/** The rows of a range, page by page. */
async function* scans(
  read: ReadRows,
  group: number,
  range: { readonly gte: string; readonly lt: string },
): AsyncGenerator<Awaited<ReturnType<ReadRows>>["scanned"], void, undefined> {
  const { lt } = range;
  for (let { gte } = range; ; ) {
    const { scanned, more } = await read(group, { keys: [], scan: { gte, lt, limit: PAGE_ROWS } });
    yield scanned;
    const last = scanned.at(-1);
    if (!more || last === undefined) return;
    gte = `${last.key}\0`;
  }
}

/** Children's data as pages of bounded size. */
async function* paged(datas: Datas): AsyncGenerator<Dataset, void, undefined> {
  let page: Piece[] = [];
  let bytes = 0;
  for await (const { data } of datas) {
    page.push(...data);
    for (const piece of data) if (piece.kind === "inline") bytes += piece.bytes.length;
    if (bytes < PAGE_BYTES && page.length < PAGE_PIECES) continue;
    yield page;
    page = [];
    bytes = 0;
  }
  if (page.length > 0) yield page;
}
