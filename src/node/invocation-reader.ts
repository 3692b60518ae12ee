/**
 * Reads the invocations of a request from its workflow's scheduler, or from this node's replica. A page
 * reads the rows of the units that it looks at, in stretches of neighbours, and nothing of the others:
 * of a range of a million children it costs what a range of a hundred does.
 */
import type { AnswerOf, RowsWanted } from "../actors/answers.ts";
import type { InvocationList, InvocationPage, InvocationSummary } from "../api/invocation-view.ts";
import { inputError } from "../api/values.ts";
import { findStep, isLive } from "../scheduler/apply-kit.ts";
import { openPlaces, unitAt } from "../scheduler/attempt-block.ts";
import { attemptsWith, newestBadEnds } from "../scheduler/attempt-record.ts";
import { resultsOf } from "../scheduler/block-row.ts";
import { BLOCK_CHILDREN, keys, pathOfInvocationKey, prefixes } from "../scheduler/keys.ts";
import type { ChildResult, HistoryRow, PlanRow, RequestRow } from "../scheduler/rows.ts";
import { parseUnitId, type UnitRef, unitId, unitText } from "../scheduler/unit.ts";
import type { UnitRows } from "../scheduler/unit-state.ts";
import { assert } from "../std/assert.ts";
import type { Deadline } from "../std/deadline.ts";
import { prefixEnd } from "../std/ordered-text.ts";
import { ClusterError, requestUnknown } from "./cluster-errors.ts";
import { invocationSummary } from "./invocation-views.ts";
import type { ReaderNode, RequestPlace, RequestReader } from "./request-reader.ts";
import { type Parent, parentPathOf, type Stretch, stretchesOf, unitOf } from "./unit-walk.ts";

/** Units that one page looks at; one that finds few of them fitting says where to go on. */
const UNITS_LOOKED_MAX = 4096;

/** Units whose rows are read at once: a few blocks, and a row of up to some KiB for each that has mapped. */
const UNITS_AT_ONCE = 128;

/** Rows of one page of a scan; those of invocations may hold some KiB each. */
const PAGE_ROWS = 256;
const PARENTS_AT_ONCE = 64;

/** A request with what is needed to understand the rows under it. */
export interface OpenedRequest {
  readonly place: RequestPlace;
  readonly row: RequestRow;
  readonly plan: PlanRow;
  /** Who was granted which unit, by `unitText`. */
  readonly granted: ReadonlyMap<string, NonNullable<UnitRows["granted"]>>;
  /** The newest attempts that did not end well, of each unit the oldest first. */
  readonly badEnds: ReadonlyMap<string, readonly HistoryRow[]>;
  readonly deadline: Deadline;
}

/** A unit with its rows. */
export interface UnitFound {
  readonly unit: UnitRef;
  readonly rows: UnitRows;
  /** Of the invocation that it is listed under; undefined for the root. */
  readonly parent: Parent | undefined;
  readonly summary: InvocationSummary;
}

export class InvocationReader {
  readonly #node: ReaderNode;
  readonly #requests: Pick<RequestReader, "row">;
  readonly #stale: boolean;

  /** `requests` reads from where this one does. */
  constructor(
    node: ReaderNode,
    requests: Pick<RequestReader, "row">,
    { stale }: { readonly stale: boolean },
  ) {
    this.#node = node;
    this.#requests = requests;
    this.#stale = stale;
  }

  /**
   * The invocations of a request that fit, in the order of `unit-walk.ts`.
   * @throws {JobxError} `API_INPUT_INVALID` for an `after` or a `parent` of another request;
   * `REQUEST_UNKNOWN`; `INVOCATION_UNKNOWN` for a parent that there is not; `NO_MAJORITY`.
   */
  async list(
    place: RequestPlace,
    page: InvocationPage,
    deadline: Deadline,
  ): Promise<InvocationList> {
    const after = page.after === undefined ? undefined : unitNamed("after", page.after, place);
    const under = page.parent === undefined ? undefined : unitNamed("parent", page.parent, place);
    const request = await this.#open(place, deadline);
    const { states, step, limit } = page;
    const found: InvocationSummary[] = [];
    let looked = 0;
    let next: string | null = null;
    for await (const stretch of this.#stretches(request, { after, under })) {
      if (found.length >= limit || looked >= UNITS_LOOKED_MAX) return { invocations: found, next };
      if (step !== undefined && stretch.step !== step) {
        looked += 1;
        next = unitId(place.id, unitOf(place.sequence, stretch, stretch.end - 1));
        continue;
      }
      for (let at = stretch.first; at < stretch.end; ) {
        const wanted = states === undefined ? limit - found.length : UNITS_AT_ONCE;
        const count = Math.min(UNITS_AT_ONCE, wanted, stretch.end - at);
        for (const { summary } of await this.#look(request, stretch, { first: at, count })) {
          at += 1;
          next = summary.invocation;
          if (states !== undefined && !states.includes(summary.state)) continue;
          found.push(summary);
          if (found.length === limit) break;
        }
        looked += count;
        const isFull = found.length >= limit || looked >= UNITS_LOOKED_MAX;
        if (isFull && at < stretch.end) return { invocations: found, next };
        if (isFull) break;
      }
    }
    return { invocations: found, next: null };
  }

  /**
   * One invocation with all rows that tell about it.
   * @throws {ClusterError} `REQUEST_UNKNOWN`, `INVOCATION_UNKNOWN`; `NO_MAJORITY`.
   */
  async find(
    place: RequestPlace,
    id: string,
    deadline: Deadline,
  ): Promise<UnitFound & { readonly request: OpenedRequest }> {
    const unit = parseUnitId(id)?.unit;
    if (unit === undefined || unitId(place.id, unit) !== id) throw invocationUnknown(id);
    const request = await this.#open(place, deadline);
    const stretch = await this.#stretchAt(request, unit);
    const at = unit.kind === "reduce" ? unit.part : (unit.path.at(-1) ?? 0);
    if (stretch === undefined || at >= stretch.end) throw invocationUnknown(id);
    const [found] = await this.#look(request, stretch, { first: at, count: 1 });
    assert(found !== undefined, "the unit at a place of a stretch is looked at");
    return { ...found, request };
  }

  /** Rows of the workflow that `find` did not need; those that are not there are undefined. */
  async rows(
    request: OpenedRequest,
    wanted: readonly string[],
  ): Promise<AnswerOf<"rows">["values"]> {
    return (await this.#read(request, { keys: wanted })).values;
  }

  /** The request is read with a majority, so what follows need not be. */
  async #open(place: RequestPlace, deadline: Deadline): Promise<OpenedRequest> {
    const row = await this.#requests.row(place, deadline);
    const opened = { place, row, deadline };
    // Before the units: what ended meanwhile is seen to have ended, and not as if it waited again.
    const granted = isLive(row) ? await this.#granted(opened) : new Map<string, never>();
    const [plan] = (await this.#read(opened, { keys: [keys.plan(row.plan)] })).values;
    // It goes with the last request that pins it.
    if (plan?.kind !== "plan") throw requestUnknown(place.id);
    return { ...opened, plan, granted, badEnds: await this.#badEnds(opened) };
  }

  /** At most as many rows as are kept of one request; their places tell no order. */
  async #badEnds(
    of: Pick<OpenedRequest, "place" | "row" | "deadline">,
  ): Promise<OpenedRequest["badEnds"]> {
    const rows: HistoryRow[] = [];
    if (newestBadEnds(of.place.sequence, of.row).length === 0) return new Map();
    for await (const { row } of this.#scan(of, prefixes.badEndsOf(of.place.sequence), PAGE_ROWS)) {
      if (row.kind === "history") rows.push(row);
    }
    rows.sort(({ token: a }, { token: b }) => a.index - b.index || a.ordinal - b.ordinal);
    const found = new Map<string, HistoryRow[]>();
    for (const row of rows) {
      const unit = unitText(row.unit);
      found.set(unit, [...(found.get(unit) ?? []), row]);
    }
    return found;
  }

  /** As many as executors were lent, of all requests of the workflow. */
  async #granted(of: Pick<OpenedRequest, "place" | "deadline">): Promise<OpenedRequest["granted"]> {
    const granted = new Map<string, NonNullable<UnitRows["granted"]>>();
    for await (const { row } of this.#scan(of, prefixes.attempts, PAGE_ROWS)) {
      if (row.kind !== "attempt" || row.unit.request !== of.place.sequence) continue;
      const { node, grantedMs } = row;
      for (const at of openPlaces(row.open)) {
        granted.set(unitText(unitAt(row, at)), { node, grantedMs, attempts: attemptsWith(row) });
      }
    }
    return granted;
  }

  async *#stretches(
    request: OpenedRequest,
    { after, under }: { readonly after: UnitRef | undefined; readonly under: UnitRef | undefined },
  ): AsyncGenerator<Stretch, void, undefined> {
    const { sequence, id } = request.place;
    if (under !== undefined) {
      // A reduction has no children.
      if (under.kind === "reduce") return;
      const [row] = await this.rows(request, [keys.invocation(sequence, under.path)]);
      if (row?.kind === "invocation") yield* stretchesOf({ path: under.path, row }, after);
      // One that has not mapped has none yet, but only if it is there at all.
      else if ((await this.#stretchAt(request, under)) === undefined) {
        throw invocationUnknown(unitId(id, under));
      }
      return;
    }
    if (after === undefined) yield rootOf(request);
    const from = after === undefined ? undefined : parentPathOf(after);
    const prefix = prefixes.invocationsOf(sequence);
    const gte = from === undefined ? prefix : keys.invocation(sequence, from);
    for await (const { key, row } of this.#scan(request, prefix, PARENTS_AT_ONCE, gte)) {
      if (row.kind !== "invocation") continue;
      yield* stretchesOf({ path: pathOfInvocationKey(key), row }, after);
    }
  }

  /** The neighbours of a unit, itself among them; undefined when there is no such unit. */
  async #stretchAt(request: OpenedRequest, unit: UnitRef): Promise<Stretch | undefined> {
    const path = parentPathOf(unit);
    if (path === undefined) return rootOf(request);
    const [row] = await this.rows(request, [keys.invocation(request.place.sequence, path)]);
    if (row?.kind !== "invocation") return undefined;
    const at = unit.kind === "reduce" ? unit.part : (unit.path.at(-1) ?? 0);
    return stretchesOf({ path, row }, undefined).find(
      ({ kind, end }) => kind === unit.kind && at < end,
    );
  }

  /** Reads the rows of neighbours: one scan of their ended attempts, and their own rows by key. */
  async #look(
    request: OpenedRequest,
    stretch: Stretch,
    { first, count }: { readonly first: number; readonly count: number },
  ): Promise<readonly UnitFound[]> {
    const { place, plan, row, granted } = request;
    const { sequence } = place;
    const units = Array.from({ length: count }, (_, at) => unitOf(sequence, stretch, first + at));
    const [head] = units;
    const tail = units.at(-1);
    assert(head !== undefined && tail !== undefined, "one unit at least is looked at");
    const createdMs = await this.#createdMs(request, stretch);
    const blocks = stretch.kind === "map" ? blocksOf(sequence, stretch, { first, count }) : [];
    const own =
      stretch.kind === "reduce" ? [] : units.map((u) => keys.invocation(sequence, u.path));
    const goodEnds = await this.#goodEnds(request, head, tail);
    const values = await this.rows(request, [...blocks, ...own]);
    const results = new Map<number, ChildResult>();
    for (const block of values.slice(0, blocks.length)) {
      if (block?.kind === "block") for (const one of resultsOf(block)) results.set(one.child, one);
    }
    const step = findStep(plan, stretch.step);
    assert(step !== undefined, "a unit's step is in the plan that its request pins");
    const parent = stretch.kind === "root" ? undefined : stretch.parent;
    const names = { request: place.id, nodeName: (node: string) => this.#nodeName(node) };
    return units.map((unit, at) => {
      const mapped = values[blocks.length + at];
      const rows: UnitRows = {
        request: row,
        step,
        own:
          unit.kind === "reduce" ? parent?.row : mapped?.kind === "invocation" ? mapped : undefined,
        result: stretch.kind === "map" ? results.get(first + at) : undefined,
        history: endsOf(unitText(unit), request, goodEnds),
        granted: granted.get(unitText(unit)),
      };
      return { unit, rows, parent, summary: invocationSummary(unit, rows, { names, createdMs }) };
    });
  }

  /** When units of a stretch came to be: with the request, or when their parent had mapped. */
  async #createdMs(request: OpenedRequest, stretch: Stretch): Promise<number | undefined> {
    if (stretch.kind === "root") return request.row.submittedMs;
    const { path, row } = stretch.parent;
    // When the last child of several was done is not kept with the parent.
    if (stretch.kind === "reduce" && row.childStep !== undefined) return undefined;
    const unit = { kind: "map", request: request.place.sequence, path } as const;
    return (await this.#goodEnds(request, unit, unit)).get(unitText(unit))?.endedMs;
  }

  /** What ended well of neighbours, by unit: one row for each at most. */
  async #goodEnds(
    request: OpenedRequest,
    first: UnitRef,
    last: UnitRef,
  ): Promise<ReadonlyMap<string, HistoryRow>> {
    const found = new Map<string, HistoryRow>();
    const gte = prefixes.historyOfUnit(first);
    const end = prefixes.historyOfUnit(last);
    for await (const { row } of this.#scan(request, end, PAGE_ROWS, gte)) {
      if (row.kind === "history") found.set(unitText(row.unit), row);
    }
    return found;
  }

  /** Rows from `from` on, up to the last one with the prefix. */
  async *#scan(
    of: Pick<OpenedRequest, "place" | "deadline">,
    prefix: string,
    limit: number,
    from = prefix,
  ): AsyncGenerator<AnswerOf<"rows">["scanned"][number], void, undefined> {
    const lt = prefixEnd(prefix);
    for (let gte = from; ; ) {
      const page = await this.#read(of, { keys: [], scan: { gte, lt, limit } });
      yield* page.scanned;
      const last = page.scanned.at(-1);
      if (!page.more || last === undefined) return;
      gte = `${last.key}\0`;
    }
  }

  #read(
    { place, deadline }: Pick<OpenedRequest, "place" | "deadline">,
    what: RowsWanted,
  ): Promise<AnswerOf<"rows">> {
    const how = { ...what, follows: true, stale: this.#stale };
    return this.#node.read(place.group, how, deadline.leftMs());
  }

  #nodeName(node: string): string {
    return this.#node.directory.member(node)?.name ?? node;
  }
}

/** A unit that ended well has nothing more after that. */
function endsOf(
  unit: string,
  { badEnds }: OpenedRequest,
  goodEnds: ReadonlyMap<string, HistoryRow>,
): readonly HistoryRow[] {
  const good = goodEnds.get(unit);
  return [...(badEnds.get(unit) ?? []), ...(good === undefined ? [] : [good])];
}

function rootOf({ row }: OpenedRequest): Stretch {
  return { kind: "root", step: row.initialStep, first: 0, end: 1 };
}

function blocksOf(
  request: number,
  stretch: Extract<Stretch, { parent: Parent }>,
  { first, count }: { readonly first: number; readonly count: number },
): readonly string[] {
  const from = Math.floor(first / BLOCK_CHILDREN);
  const to = Math.floor((first + count - 1) / BLOCK_CHILDREN);
  return Array.from({ length: to - from + 1 }, (_, at) =>
    keys.block(request, stretch.parent.path, from + at),
  );
}

/** @throws {JobxError} `API_INPUT_INVALID`: the first page instead would send a caller round for ever. */
function unitNamed(name: "after" | "parent", id: string, place: RequestPlace): UnitRef {
  const unit = parseUnitId(id)?.unit;
  if (unit !== undefined && unitId(place.id, unit) === id) return unit;
  throw inputError(`querystring.${name}`, `the id of an invocation of ${place.id}`);
}

function invocationUnknown(id: string): ClusterError {
  return new ClusterError({ code: "INVOCATION_UNKNOWN" }, `there is no invocation ${id}`);
}
