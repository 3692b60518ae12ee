/** The input of a reduce unit, page by page: the results of its invocation's children, in their order. */

import { resultsOf } from "../scheduler/block-row.ts";
import type { Dataset, Piece } from "../scheduler/dataset.ts";
import { placeOfResultKey, prefixes } from "../scheduler/keys.ts";
import type { GrantInputs } from "../scheduler/protocol.ts";
import type { Row } from "../scheduler/rows.ts";
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
  switch (inputs.kind) {
    case "none":
      return;
    case "invocation": {
      const { values } = await read(group, { keys: [inputs.key] });
      const row = values[0];
      if (row?.kind === "invocation") yield row.data;
      return;
    }
    case "children":
      yield* paged(childData(read, group, inputs));
      return;
    case "part":
      yield* paged(partData(read, group, inputs));
  }
}

/** The data of one child after the other. */
type Datas = AsyncGenerator<Dataset, void, undefined>;

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
          const { child } = placeOfResultKey(key);
          // Of one that was skipped nothing counts.
          if (row.kind !== "result" || !owners.has(child)) continue;
          const after = waiting.findIndex((one) => one.child >= child);
          for (const { data } of waiting.slice(0, after)) if (data !== undefined) yield data;
          waiting = waiting.slice(after);
          yield row.data;
        }
      }
    }
    for (const { data } of waiting) if (data !== undefined) yield data;
  }
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
      const { child } = placeOfResultKey(key);
      if (row.kind === "void") skipped = child;
      if (row.kind === "result" && child !== skipped) yield row.data;
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
  for await (const data of datas) {
    page.push(...data);
    for (const piece of data) if (piece.kind === "inline") bytes += piece.bytes.length;
    if (bytes < PAGE_BYTES && page.length < PAGE_PIECES) continue;
    yield page;
    page = [];
    bytes = 0;
  }
  if (page.length > 0) yield page;
}
