/** Reads requests and their attempts from a workflow's scheduler. */
import type { AnswerOf, RowsWanted } from "../actors/answers.ts";
import type { ClusterNode } from "../actors/cluster-node.ts";
import type { AttemptList, AttemptView } from "../api/attempt-view.ts";
import type { RequestList, RequestPage, RequestView } from "../api/ports.ts";
import { inputError } from "../api/values.ts";
import {
  findStep,
  positionOfRevision,
  queueKeyOfRoot,
  requestOfQueueRow,
} from "../scheduler/apply-kit.ts";
import { openPlaces, unitAt } from "../scheduler/attempt-block.ts";
import { forgottenBadEnds, newestBadEnds } from "../scheduler/attempt-record.ts";
import {
  capabilityOfQueueKey,
  dueMsOfDelayedKey,
  keys,
  placeOfBlockKey,
  prefixes,
  tokenOfAttemptKey,
} from "../scheduler/keys.ts";
import type { HistoryRow, RequestRow, Row } from "../scheduler/rows.ts";
import type { WorkflowRow } from "../scheduler/system/rows.ts";
import { parseKeptName, parseRequestId, requestId, unitText } from "../scheduler/unit.ts";
import type { WorkSeen } from "../scheduler/why.ts";
import type { Deadline } from "../std/deadline.ts";
import { isJobxError } from "../std/errors.ts";
import { prefixEnd, readOrderedNumbers } from "../std/ordered-text.ts";
import { requestUnknown } from "./cluster-errors.ts";
import type { SystemView } from "./system-view.ts";
import {
  type AttemptNames,
  blockViews,
  historyView,
  printedView,
  requestView,
  runningViews,
} from "./views.ts";

/** Rows of one page of a scan. */
const PAGE_ROWS = 256;

/**
 * Requests that one page of a list looks at: one that finds few says where to go on. Also rows of ready
 * work, and of work that waits for its time, that are looked at to tell where a request's is.
 */
const LOOKED_MAX = 10_000;

/** A request of a workflow that exists. */
export interface RequestPlace {
  readonly id: string;
  readonly workflow: string;
  readonly group: number;
  readonly sequence: number;
}

/** What of the node is needed to read requests. */
export interface ReaderNode extends Pick<ClusterNode, "read"> {
  readonly directory: Pick<ClusterNode["directory"], "member">;
}

export class RequestReader {
  readonly #node: ReaderNode;
  readonly #view: Pick<SystemView, "workflow" | "workflowNamed">;
  readonly #stale: boolean;

  /** With `stale` it reads this node's own replica, however old. */
  constructor(
    node: ReaderNode,
    view: Pick<SystemView, "workflow" | "workflowNamed">,
    { stale = false }: { readonly stale?: boolean } = {},
  ) {
    this.#node = node;
    this.#view = view;
    this.#stale = stale;
  }

  #read(group: number, what: RowsWanted, deadline: Deadline): Promise<AnswerOf<"rows">> {
    return this.#node.read(group, { ...what, stale: this.#stale }, deadline.leftMs());
  }

  /** Finds a request by its id or its name. @throws {ClusterError} `REQUEST_UNKNOWN`; `NO_MAJORITY`. */
  async place(id: string, deadline: Deadline): Promise<RequestPlace> {
    const kept = parseKeptName(id);
    if (kept === undefined) return this.#placeOfId(id, deadline);
    const { group } = await this.#workflowOf(kept.workflow, id, deadline);
    const what = { keys: [keys.kept(kept.name)] };
    const [found] = (await this.#read(group, what, deadline)).values;
    if (found?.kind !== "kept") throw requestUnknown(id);
    const { workflow } = kept;
    const sequence = found.request;
    return { id: requestId(workflow, group, sequence), workflow, group, sequence };
  }

  async #workflowOf(name: string, id: string, deadline: Deadline): Promise<WorkflowRow> {
    try {
      return await this.#view.workflowNamed(name, { deadline, stale: this.#stale });
    } catch (error) {
      throw isJobxError(error) && error.code === "WORKFLOW_UNKNOWN" ? requestUnknown(id) : error;
    }
  }

  async #placeOfId(id: string, deadline: Deadline): Promise<RequestPlace> {
    const parsed = parseRequestId(id);
    const end = { deadline, stale: this.#stale };
    const row = parsed === undefined ? undefined : await this.#view.workflow(parsed.group, end);
    if (parsed === undefined || row?.name !== parsed.workflow || row.state === "deleted") {
      throw requestUnknown(id);
    }
    return { id, workflow: parsed.workflow, group: parsed.group, sequence: parsed.sequence };
  }

  /** @throws {ClusterError} `REQUEST_UNKNOWN`; `NO_MAJORITY`. */
  async row(place: RequestPlace, deadline: Deadline): Promise<RequestRow> {
    const what = { keys: [keys.request(place.sequence)] };
    const { values } = await this.#read(place.group, what, deadline);
    const row = values[0];
    if (row?.kind !== "request") throw requestUnknown(place.id);
    return row;
  }

  /** The newest requests first, below `before`; of those that were looked at, the ones that fit. */
  async list(
    workflow: { readonly name: string; readonly group: number },
    page: RequestPage,
    deadline: Deadline,
  ): Promise<RequestList> {
    const before = page.before === undefined ? undefined : placeBefore(page.before, workflow);
    const gte = prefixes.requests;
    let lt = before === undefined ? prefixEnd(gte) : keys.request(before);
    const requests: RequestView[] = [];
    for (let looked = 0; ; ) {
      const limit = Math.min(PAGE_ROWS, LOOKED_MAX - looked);
      const scan = { gte, lt, limit, reverse: true };
      const what = { keys: [], scan, follows: looked > 0 };
      const { scanned, more } = await this.#read(workflow.group, what, deadline);
      for (const [at, { key, row }] of scanned.entries()) {
        looked += 1;
        lt = key;
        if (row.kind !== "request" || !fits(row, page)) continue;
        requests.push(this.#viewAt(workflow, key, row));
        if (requests.length < page.limit) continue;
        const rest = more || at + 1 < scanned.length;
        return { requests, next: rest ? idOfKey(workflow, key) : null };
      }
      if (!more || scanned.length === 0) return { requests, next: null };
      if (looked >= LOOKED_MAX) return { requests, next: idOfKey(workflow, lt) };
    }
  }

  #viewAt(
    workflow: { readonly name: string; readonly group: number },
    key: string,
    row: RequestRow,
  ): RequestView {
    const { name, group } = workflow;
    return requestView(row, { request: idOfKey(workflow, key), workflow: name, group });
  }

  /** Attempts of a request: those that are under way, that printed, that did not end well, then others, up to `limit`. */
  async attempts(place: RequestPlace, limit: number, deadline: Deadline): Promise<AttemptList> {
    const { directory } = this.#node;
    const names: AttemptNames = {
      request: place.id,
      nodeName: (node) => directory.member(node)?.name ?? node,
    };
    const request = await this.row(place, deadline);
    const attempts: AttemptView[] = [];
    for await (const { key, row } of this.#scan(place.group, prefixes.attempts, deadline)) {
      if (row.kind !== "attempt" || row.unit.request !== place.sequence) continue;
      attempts.push(...runningViews(row, tokenOfAttemptKey(key), names));
    }
    const printed = new Set<string>();
    const prints = prefixes.printedOf(place.sequence);
    for await (const { row } of this.#scan(place.group, prints, deadline)) {
      if (row.kind !== "printed") continue;
      printed.add(unitText(row.unit));
      attempts.push(printedView(row, names));
    }
    const bad = await this.#badEnds(place, deadline);
    attempts.push(...bad.map((row) => historyView(row, names)));
    const history = prefixes.historyOf(place.sequence);
    for await (const { row } of this.#scan(place.group, history, deadline)) {
      if (attempts.length > limit) break;
      if (row.kind !== "history") continue;
      if (!printed.has(unitText(row.unit))) attempts.push(historyView(row, names));
    }
    const told = new Set(
      attempts.flatMap((one) =>
        one.state === "done" && one.phase === "map" ? [one.invocation] : [],
      ),
    );
    for await (const page of this.#pages(
      place.group,
      prefixes.blocksOf(place.sequence),
      deadline,
    )) {
      if (attempts.length > limit) break;
      const views = await this.#leaves(place, page, { names, deadline });
      // A child that mapped has been told by its own rows.
      attempts.push(...views.filter((view) => !told.has(view.invocation)));
    }
    return {
      attempts: attempts.slice(0, limit),
      truncated: attempts.length > limit,
      forgotten: forgottenBadEnds(request),
    };
  }

  /** Where the request's work lies: what nodes have, what is ready and what waits, as far as is looked. */
  async work(place: RequestPlace, request: RequestRow, deadline: Deadline): Promise<WorkSeen> {
    const { group, sequence } = place;
    const granted: string[] = [];
    const ready = new Map<string, number>();
    const delayedMs: number[] = [];
    const unfinished = new Set<string>();
    for await (const { row } of this.#scan(group, prefixes.attempts, deadline)) {
      if (row.kind !== "attempt" || row.unit.request !== sequence) continue;
      const nodeName = this.#node.directory.member(row.node)?.name ?? row.node;
      for (const at of openPlaces(row.open)) {
        granted.push(nodeName);
        unfinished.add(unitText(unitAt(row, at)));
      }
    }
    const root = await this.#queuedRoot(place, request, deadline);
    let seesAll = true;
    if (root !== undefined) ready.set(root, 1);
    else {
      const seesReady = await this.#look(group, prefixes.queue, deadline, ({ key, row }) => {
        if (row.kind !== "queue-range" && row.kind !== "queue-unit") return;
        if (requestOfQueueRow(row) !== sequence) return;
        const count = row.kind === "queue-range" ? row.end - row.next : 1;
        const capability = capabilityOfQueueKey(key);
        ready.set(capability, (ready.get(capability) ?? 0) + count);
        if (row.kind === "queue-unit") unfinished.add(unitText(row.unit));
      });
      const seesDelayed = await this.#look(group, prefixes.delayed, deadline, ({ key, row }) => {
        if (row.kind !== "delayed" || row.unit.request !== sequence) return;
        delayedMs.push(dueMsOfDelayedKey(key));
        unfinished.add(unitText(row.unit));
      });
      seesAll = seesReady && seesDelayed;
    }
    const givenBack = await this.#givenBack(place, unfinished, deadline);
    const lastBad = await this.#lastBad(place, request, deadline);
    const lookedAt = seesAll ? undefined : LOOKED_MAX;
    return { granted, ready, delayedMs, givenBack, lastBad, lookedAt };
  }

  /**
   * What the first unit requires, while it waits to be granted for the first time: it is all the work that
   * its request has, and its place is known, however many stand before it.
   */
  async #queuedRoot(
    { group, sequence }: RequestPlace,
    request: RequestRow,
    deadline: Deadline,
  ): Promise<string | undefined> {
    if (request.state !== "queued") return undefined;
    const follows = true;
    const plans = await this.#read(group, { keys: [keys.plan(request.plan)], follows }, deadline);
    const [plan] = plans.values;
    const step = plan?.kind === "plan" ? findStep(plan, request.initialStep) : undefined;
    if (step === undefined) return undefined;
    const key = queueKeyOfRoot(step, positionOfRevision(request.revision));
    const [row] = (await this.#read(group, { keys: [key], follows }, deadline)).values;
    // It was granted since its request was read, where it is not there.
    if (row?.kind !== "queue-unit" || row.unit.request !== sequence) return undefined;
    return capabilityOfQueueKey(key);
  }

  /** The newest attempts that did not end well, in the order of their grants. */
  async #badEnds(
    { group, sequence }: RequestPlace,
    deadline: Deadline,
  ): Promise<readonly HistoryRow[]> {
    const rows: HistoryRow[] = [];
    for await (const { row } of this.#scan(group, prefixes.badEndsOf(sequence), deadline)) {
      if (row.kind === "history") rows.push(row);
    }
    // Their places are used in turn, so that keys tell no order.
    return rows.sort(({ token: a }, { token: b }) => a.index - b.index || a.ordinal - b.ordinal);
  }

  /** The newest attempt that failed or was lost; only where there was none, one that was given back. */
  async #lastBad(
    { group, sequence }: RequestPlace,
    request: RequestRow,
    deadline: Deadline,
  ): Promise<WorkSeen["lastBad"]> {
    const wanted = newestBadEnds(sequence, request);
    if (wanted.length === 0) return undefined;
    const { values } = await this.#read(group, { keys: wanted, follows: true }, deadline);
    const newest = values.flatMap((row) => (row?.kind === "history" ? [row] : []));
    const told = newest.filter(({ how }) => how !== "released");
    const row = (told.length > 0 ? told : newest).reduce<HistoryRow | undefined>(
      (last, one) => (last === undefined || one.endedMs > last.endedMs ? one : last),
      undefined,
    );
    if (row === undefined) return undefined;
    return { row, nodeName: this.#node.directory.member(row.node)?.name ?? row.node };
  }

  /** What executors said when they gave back units that are not done yet. */
  async #givenBack(
    { group, sequence }: RequestPlace,
    unfinished: ReadonlySet<string>,
    deadline: Deadline,
  ): Promise<WorkSeen["givenBack"]> {
    let count = 0;
    let last: HistoryRow | undefined;
    const released = prefixes.badEndsOfKind(sequence, "released");
    for await (const { row } of this.#scan(group, released, deadline)) {
      if (row.kind !== "history" || row.error === undefined) continue;
      if (!unfinished.has(unitText(row.unit))) continue;
      count += 1;
      if (last === undefined || row.endedMs >= last.endedMs) last = row;
    }
    return last?.error === undefined ? undefined : { count, lastReason: last.error.message };
  }

  /** Leaves in a page of blocks; the parents of all of them are read at once. */
  async #leaves(
    place: RequestPlace,
    page: readonly RowAt[],
    about: { readonly names: AttemptNames; readonly deadline: Deadline },
  ): Promise<readonly AttemptView[]> {
    const blocks = page.flatMap(({ key, row }) =>
      row.kind === "block" ? [{ row, path: placeOfBlockKey(key).path }] : [],
    );
    const wanted = [...new Set(blocks.map(({ path }) => keys.invocation(place.sequence, path)))];
    const what = { keys: wanted, follows: true };
    const { values } = await this.#read(place.group, what, about.deadline);
    const parents = new Map(wanted.map((key, at) => [key, values[at]]));
    return blocks.flatMap(({ row, path }) => {
      const parent = parents.get(keys.invocation(place.sequence, path));
      if (parent?.kind !== "invocation" || parent.childStep === undefined) return [];
      const { childStep } = parent;
      return blockViews(row, { request: place.sequence, path, childStep }, about.names);
    });
  }

  /** Shows the first rows, up to `LOOKED_MAX`. Resolves with whether these were all. */
  async #look(
    group: number,
    prefix: string,
    deadline: Deadline,
    visit: (at: RowAt) => void,
  ): Promise<boolean> {
    let looked = 0;
    for await (const at of this.#scan(group, prefix, deadline)) {
      if (looked === LOOKED_MAX) return false;
      looked += 1;
      visit(at);
    }
    return true;
  }

  async *#scan(
    group: number,
    prefix: string,
    deadline: Deadline,
  ): AsyncGenerator<RowAt, void, undefined> {
    for await (const page of this.#pages(group, prefix, deadline)) yield* page;
  }

  /** The request's row was read with a majority before, so these need not be. */
  async *#pages(
    group: number,
    prefix: string,
    deadline: Deadline,
  ): AsyncGenerator<readonly RowAt[], void, undefined> {
    const lt = prefixEnd(prefix);
    for (let gte = prefix; ; ) {
      const scan = { gte, lt, limit: PAGE_ROWS };
      const what = { keys: [], scan, follows: true };
      const page = await this.#read(group, what, deadline);
      yield page.scanned;
      const last = page.scanned.at(-1);
      if (!page.more || last === undefined) return;
      gte = `${last.key}\0`;
    }
  }
}

/** @throws {JobxError} `API_INPUT_INVALID`: the first page instead would send a caller round for ever. */
function placeBefore(
  id: string,
  { name, group }: { readonly name: string; readonly group: number },
): number {
  const place = parseRequestId(id);
  if (place?.workflow === name && place.group === group) return place.sequence;
  throw inputError("querystring.before", `the id of a request of ${name}, such as \`next\` gives`);
}

interface RowAt {
  readonly key: string;
  readonly row: Row;
}

function idOfKey(
  { name, group }: { readonly name: string; readonly group: number },
  key: string,
): string {
  return requestId(name, group, readOrderedNumbers(key, prefixes.requests.length)[0] ?? 0);
}

function fits(row: RequestRow, page: RequestPage): boolean {
  const { states, job, sinceMs = 0, untilMs = Number.POSITIVE_INFINITY } = page;
  if (states !== undefined && !states.includes(row.state)) return false;
  if (job !== undefined && row.job !== job) return false;
  return row.submittedMs >= sinceMs && row.submittedMs <= untilMs;
}
