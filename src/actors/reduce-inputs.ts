/** The input of a reduce unit, page by page: the results of its invocation's children, in their order. */

import { resultsOf } from "../scheduler/block-row.ts";
import type { Dataset } from "../scheduler/dataset.ts";
import { keys, prefixes } from "../scheduler/keys.ts";
import type { GrantInputs } from "../scheduler/protocol.ts";
import type { ChildResult, Row } from "../scheduler/rows.ts";
import { prefixEnd } from "../std/ordered-text.ts";

/** Block rows read at once: with the largest rows about 1 MiB. */
const PAGE_BLOCKS = 64;

/**
 * Result rows read at once: one holds up to 4 KiB for each partition, and an answer fits a frame of
 * 8 MiB only so long as partitions times this stay below 2000.
 */
const PAGE_RESULTS = 32;

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
      yield* childPages(read, group, inputs);
  }
}

async function* childPages(
  read: ReadRows,
  group: number,
  inputs: Extract<GrantInputs, { kind: "children" }>,
): AsyncGenerator<Dataset, void, undefined> {
  const prefix = prefixes.blocksOfInvocation(inputs.request, inputs.path);
  const lt = prefixEnd(prefix);
  for (let gte = prefix; ; ) {
    const page = await read(group, { keys: [], scan: { gte, lt, limit: PAGE_BLOCKS } });
    const results = page.scanned.flatMap(({ row }) => (row.kind === "block" ? resultsOf(row) : []));
    const own = results.filter((result) => result.parts === undefined);
    const parts = await readOwn(read, group, { inputs, own });
    yield results.flatMap(
      (result) => (result.parts ?? parts.get(result.child))?.[inputs.part] ?? [],
    );
    const last = page.scanned.at(-1);
    if (!page.more || last === undefined) return;
    gte = `${last.key}\0`;
  }
}

/** Results that have rows of their own. */
async function readOwn(
  read: ReadRows,
  group: number,
  about: {
    readonly inputs: Extract<GrantInputs, { kind: "children" }>;
    readonly own: readonly ChildResult[];
  },
): Promise<ReadonlyMap<number, readonly Dataset[]>> {
  const { inputs, own } = about;
  const found = new Map<number, readonly Dataset[]>();
  if (own.length === 0) return found;
  for (let from = 0; from < own.length; from += PAGE_RESULTS) {
    const page = own.slice(from, from + PAGE_RESULTS);
    const wanted = page.map(({ child }) => keys.result(inputs.request, inputs.path, child));
    const { values } = await read(group, { keys: wanted });
    page.forEach(({ child }, at) => {
      const row = values[at];
      if (row?.kind === "result") found.set(child, row.parts);
    });
  }
  return found;
}
