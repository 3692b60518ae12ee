/** Reads requests and their attempts from a workflow's scheduler. */
import type { ClusterNode } from "../actors/cluster-node.ts";
import type { AttemptView, RequestView } from "../api/ports.ts";
import { keys, placeOfBlockKey, prefixes } from "../scheduler/keys.ts";
import type { BlockRow, RequestRow, Row } from "../scheduler/rows.ts";
import { parseRequestId, requestId } from "../scheduler/unit.ts";
import { prefixEnd, readOrderedNumbers } from "../std/ordered-text.ts";
import { requestUnknown } from "./cluster-errors.ts";
import { type AttemptNames, blockViews, historyView, requestView, runningView } from "./views.ts";

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
      attempts.push(runningView(row, names));
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
    const blocks = prefixes.blocksOf(place.sequence);
    for await (const { key, row } of this.#scan(place.group, blocks, deadlineMs)) {
      if (attempts.length > limit) break;
      if (row.kind !== "block") continue;
      const views = await this.#leaves(place, { key, row }, names, deadlineMs);
      // A child that mapped has been told by its own rows.
      attempts.push(...views.filter((view) => !told.has(view.invocation)));
    }
    return { attempts: attempts.slice(0, limit), truncated: attempts.length > limit };
  }

  async #leaves(
    place: RequestPlace,
    block: { readonly key: string; readonly row: BlockRow },
    names: AttemptNames,
    deadlineMs: number,
  ): Promise<readonly AttemptView[]> {
    const { path } = placeOfBlockKey(block.key);
    const what = { keys: [keys.invocation(place.sequence, path)] };
    const { values } = await this.#node.read(place.group, what, deadlineMs);
    const parent = values[0];
    if (parent?.kind !== "invocation" || parent.childStep === undefined) return [];
    const { childStep } = parent;
    return blockViews(block.row, { request: place.sequence, path, childStep }, names);
  }

  async *#scan(
    group: number,
    prefix: string,
    deadlineMs: number,
  ): AsyncGenerator<{ readonly key: string; readonly row: Row }, void, undefined> {
    const lt = prefixEnd(prefix);
    for (let gte = prefix; ; ) {
      const scan = { gte, lt, limit: PAGE_ROWS };
      const page = await this.#node.read(group, { keys: [], scan }, deadlineMs);
      yield* page.scanned;
      const last = page.scanned.at(-1);
      if (!page.more || last === undefined) return;
      gte = `${last.key}\0`;
    }
  }
}
