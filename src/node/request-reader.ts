/** Reads requests and their attempts from a workflow's scheduler. */
import type { ClusterNode } from "../actors/cluster-node.ts";
import type { AttemptView, RequestView } from "../api/ports.ts";
import { keys, placeOfBlockKey, prefixes } from "../scheduler/keys.ts";
import type { RequestRow, Row } from "../scheduler/rows.ts";
import { parseRequestId, requestId } from "../scheduler/unit.ts";
import { prefixEnd, readOrderedNumbers } from "../std/ordered-text.ts";
import { requestUnknown } from "./cluster-errors.ts";
import { type AttemptNames, blockViews, historyView, requestView, runningViews } from "./views.ts";

/** Rows of one page of a scan. */
const PAGE_ROWS = 256;

/** A request of a workflow that exists. */
export interface RequestPlace {
  readonly id: string;
  readonly workflow: string;
  readonly group: number;
  readonly sequence: number;
}

export class RequestReader {
  readonly #node: ClusterNode;

  constructor(node: ClusterNode) {
    this.#node = node;
  }

  /** @throws {ClusterError} `REQUEST_UNKNOWN`. */
  place(id: string): RequestPlace {
    const parsed = parseRequestId(id);
    const row = parsed === undefined ? undefined : this.#node.directory.workflow(parsed.group);
    if (parsed === undefined || row?.name !== parsed.workflow || row.state === "deleted") {
      throw requestUnknown(id);
    }
    return { id, workflow: parsed.workflow, group: parsed.group, sequence: parsed.sequence };
  }

  /** @throws {ClusterError} `REQUEST_UNKNOWN`; `NO_MAJORITY`. */
  async row(place: RequestPlace, deadlineMs: number): Promise<RequestRow> {
    const what = { keys: [keys.request(place.sequence)] };
    const { values } = await this.#node.read(place.group, what, deadlineMs);
    const row = values[0];
    if (row?.kind !== "request") throw requestUnknown(place.id);
    return row;
  }

  /** The newest requests first, below `before`. */
  async list(
    workflow: { readonly name: string; readonly group: number },
    page: { readonly limit: number; readonly before: string | undefined },
    deadlineMs: number,
  ): Promise<readonly RequestView[]> {
    const before = page.before === undefined ? undefined : parseRequestId(page.before)?.sequence;
    const gte = prefixes.requests;
    const lt = before === undefined ? prefixEnd(gte) : keys.request(before);
    const scan = { gte, lt, limit: page.limit, reverse: true };
    const { scanned } = await this.#node.read(workflow.group, { keys: [], scan }, deadlineMs);
    return scanned.flatMap(({ key, row }) => {
      if (row.kind !== "request") return [];
      const sequence = readOrderedNumbers(key, prefixes.requests.length)[0] ?? 0;
      const request = requestId(workflow.name, workflow.group, sequence);
      return [requestView(row, { request, workflow: workflow.name })];
    });
  }

  /** Attempts of a request: those that run, those with rows of their own, then leaves, up to `limit`. */
  async attempts(
    place: RequestPlace,
    limit: number,
    deadlineMs: number,
  ): Promise<{ readonly attempts: readonly AttemptView[]; readonly truncated: boolean }> {
    const { directory } = this.#node;
    const names: AttemptNames = {
      request: place.id,
      nodeName: (node) => directory.member(node)?.name ?? node,
    };
    await this.row(place, deadlineMs);
    const attempts: AttemptView[] = [];
    for await (const { row } of this.#scan(place.group, prefixes.attempts, deadlineMs)) {
      if (row.kind !== "attempt" || row.unit.request !== place.sequence) continue;
      attempts.push(...runningViews(row, names));
    }
    const history = prefixes.historyOf(place.sequence);
    for await (const { row } of this.#scan(place.group, history, deadlineMs)) {
      if (attempts.length > limit) break;
      if (row.kind === "history") attempts.push(historyView(row, names));
    }
    const told = new Set(
      attempts.flatMap((one) =>
        one.state === "done" && one.phase === "map" ? [one.invocation] : [],
      ),
    );
    for await (const page of this.#pages(
      place.group,
      prefixes.blocksOf(place.sequence),
      deadlineMs,
    )) {
      if (attempts.length > limit) break;
      const views = await this.#leaves(place, page, { names, deadlineMs });
      // A child that mapped has been told by its own rows.
      attempts.push(...views.filter((view) => !told.has(view.invocation)));
    }
    return { attempts: attempts.slice(0, limit), truncated: attempts.length > limit };
  }

  /** Leaves in a page of blocks; the parents of all of them are read at once. */
  async #leaves(
    place: RequestPlace,
    page: readonly RowAt[],
    about: { readonly names: AttemptNames; readonly deadlineMs: number },
  ): Promise<readonly AttemptView[]> {
    const blocks = page.flatMap(({ key, row }) =>
      row.kind === "block" ? [{ row, path: placeOfBlockKey(key).path }] : [],
    );
    const wanted = [...new Set(blocks.map(({ path }) => keys.invocation(place.sequence, path)))];
    const what = { keys: wanted, follows: true };
    const { values } = await this.#node.read(place.group, what, about.deadlineMs);
    const parents = new Map(wanted.map((key, at) => [key, values[at]]));
    return blocks.flatMap(({ row, path }) => {
      const parent = parents.get(keys.invocation(place.sequence, path));
      if (parent?.kind !== "invocation" || parent.childStep === undefined) return [];
      const { childStep } = parent;
      return blockViews(row, { request: place.sequence, path, childStep }, about.names);
    });
  }

  async *#scan(
    group: number,
    prefix: string,
    deadlineMs: number,
  ): AsyncGenerator<RowAt, void, undefined> {
    for await (const page of this.#pages(group, prefix, deadlineMs)) yield* page;
  }

  /** The request's row was read with a majority before, so these need not be. */
  async *#pages(
    group: number,
    prefix: string,
    deadlineMs: number,
  ): AsyncGenerator<readonly RowAt[], void, undefined> {
    const lt = prefixEnd(prefix);
    for (let gte = prefix; ; ) {
      const scan = { gte, lt, limit: PAGE_ROWS };
      const what = { keys: [], scan, follows: true };
      const page = await this.#node.read(group, what, deadlineMs);
      yield page.scanned;
      const last = page.scanned.at(-1);
      if (!page.more || last === undefined) return;
      gte = `${last.key}\0`;
    }
  }
}

interface RowAt {
  readonly key: string;
  readonly row: Row;
}
