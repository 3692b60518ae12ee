/**
 * Watches the rows of workflows as the first replica writes them: no unit has two committed
 * completions, and what has ended stays as it ended. Counts how attempts end.
 */
import type { MeshListener } from "../../../src/actors/ports.ts";
import type { NodeStore } from "../../../src/node/node-store.ts";
import { resultsOf } from "../../../src/scheduler/block-row.ts";
import { isUnder, keys, requestOfRequestKey } from "../../../src/scheduler/keys.ts";
import type { BlockRow, HistoryRow, RequestRow, Row } from "../../../src/scheduler/rows.ts";
import { unitText } from "../../../src/scheduler/unit.ts";
import { promise, type World } from "../world.ts";
import { FanInChecker } from "./fan-in-checker.ts";

interface WorkflowHistory {
  readonly group: number;
  appliedIndex: number;
  /** Of the newest write of anybody, also of one that could not be followed. */
  writtenIndex: number;
  readonly live: Set<string>;
  /** Ready, delayed and parked work. */
  readonly waiting: Set<string>;
  readonly takenBack: Set<string>;
  /** The attempt that completed a unit. */
  readonly completedBy: Map<string, string>;
  readonly childResults: Map<string, string>;
  readonly requests: Map<string, RequestRow>;
  /** Numbers of those that somebody may have had removed. */
  readonly removalAsked: Set<number>;
  /** Numbers of those whose rows were deleted. */
  readonly removed: Set<number>;
  /** Numbers of those that somebody did not find. */
  readonly missed: Set<number>;
  /** Keys that may lie under a request, or say that it is being removed. */
  readonly under: Set<string>;
  /** As of the last write, once somebody has asked. */
  leftover: { readonly key: string | undefined } | undefined;
  /** Stamp of the newest request. */
  submittedMs: number;
  readonly seenHistory: Set<string>;
  readonly fanIns: FanInChecker;
}

export class RowChecker {
  readonly #world: World;
  readonly #workflows = new Map<number, WorkflowHistory>();
  readonly #fenced = new Set<string>();
  readonly #expires: boolean;

  /** `expires`: whether workflows remove requests by themselves. */
  constructor(world: World, options: { readonly expires: boolean }) {
    this.#world = world;
    this.#expires = options.expires;
  }

  watch(store: NodeStore): void {
    const workflow = store.workflow.bind(store);
    store.workflow = async (group) => {
      const state = await workflow(group);
      const write = state.write.bind(state);
      state.write = async (batch) => {
        const fromIndex = state.appliedIndex;
        await write(batch);
        try {
          const history = this.#history(group);
          history.writtenIndex = Math.max(history.writtenIndex, batch.appliedIndex);
          // A write that was refused and yet left on the disk was not seen here: others write the same.
          const follows = fromIndex <= history.appliedIndex || history.appliedIndex === 0;
          if (follows) this.#written(history, batch, batch.appliedIndex - fromIndex);
        } catch (error) {
          this.#world.violate(error instanceof Error ? error : new Error(String(error)));
        }
      };
      return state;
    };
  }

  /** An executor tells how an attempt ended that was taken from it before. */
  heard(message: Parameters<MeshListener["message"]>[1]): void {
    if (message.kind !== "executor" || message.message.kind !== "ended") return;
    const { group, ends } = message.message;
    for (const { token, outcome } of ends) {
      if (outcome.kind === "released" || outcome.kind === "failed") continue;
      const text = `${token.index}.${token.ordinal}`;
      if (this.#workflows.get(group)?.takenBack.has(text) !== true) continue;
      const name = `${group}/${text}`;
      if (this.#fenced.has(name)) continue;
      this.#fenced.add(name);
      this.#world.totals.fencedCompletions += 1;
    }
  }

  /** Attempts that are live in a workflow; none where that is not known. */
  liveCount(group: number): number {
    return this.knows(group) ? (this.#workflows.get(group)?.live.size ?? 0) : 0;
  }

  /** False after a write that could not be followed: what came after it is not seen either. */
  knows(group: number): boolean {
    const history = this.#workflows.get(group);
    return history === undefined || !isLost(history);
  }

  /** Requests that a workflow has, by state, as far as `knows`. */
  requests(group: number): readonly RequestRow[] {
    return [...(this.#workflows.get(group)?.requests.values() ?? [])];
  }

  /** How many it has had: of what is written together with its removal only that is seen. */
  requestCount(group: number): number {
    const history = this.#workflows.get(group);
    if (history === undefined) return 0;
    const unseen = [...history.removed].filter((one) => !history.requests.has(keys.request(one)));
    return history.requests.size + unseen.length;
  }

  /** From now on the request may be removed by who made it. */
  removalAsked(group: number, request: number): void {
    this.#history(group).removalAsked.add(request);
  }

  /**
   * The last row of a request that somebody did not find: it must have ended, and by the end of the
   * simulation have been removed. That is seen here only when the rows are on a disk.
   */
  missed(group: number, request: number): RequestRow | undefined {
    const history = this.#workflows.get(group);
    if (history === undefined) return undefined;
    history.missed.add(request);
    const row = history.requests.get(keys.request(request));
    return row?.endedMs === undefined ? undefined : row;
  }

  /** A request that was not found and is there, or a row that lies under one that was removed, or may. */
  leftover(group: number): string | undefined {
    const history = this.#workflows.get(group);
    if (history === undefined || isLost(history)) return undefined;
    const found = [...history.missed].find((request) => !history.removed.has(request));
    if (found !== undefined) return `request ${found}, which was not found,`;
    const removed = [...history.removed];
    history.leftover ??= {
      key: [...history.under].find(
        (key) => key.startsWith("x/") || removed.some((request) => isUnder(key, request)),
      ),
    };
    return history.leftover.key;
  }

  /** A part of a request that succeeded and that is not done. */
  unfinishedFanIn(group: number): string | undefined {
    if (!this.knows(group)) return undefined;
    const history = this.#workflows.get(group);
    return history?.fanIns.unfinished((request) => {
      const key = keys.request(request);
      return !history.removed.has(request) && history.requests.get(key)?.state === "succeeded";
    });
  }

  /** What a workflow has not ended, for whoever wonders why. */
  unfinished(group: number): string {
    const history = this.#workflows.get(group);
    if (history === undefined) return "no workflow";
    const requests = [...history.requests]
      .filter(([, { endedMs }]) => endedMs === undefined)
      .map(([key, { state }]) => `${key} ${state}`);
    const attempts = [...history.live].map((key) => `attempt ${key}`);
    return [...requests, ...attempts, ...history.waiting].join(", ");
  }

  #written(
    history: WorkflowHistory,
    batch: {
      readonly rows: ReadonlyMap<string, Row | undefined>;
      readonly appliedIndex: number;
    },
    entries: number,
  ): void {
    if (batch.appliedIndex <= history.appliedIndex) return;
    history.appliedIndex = batch.appliedIndex;
    history.leftover = undefined;
    history.fanIns.written(batch.rows);
    for (const [key, row] of batch.rows) {
      if (key.startsWith("a/")) keep(history.live, key, row);
      if (/^[qdz]\//.test(key)) keep(history.waiting, key, row);
      if (/^[ibcfhszx]\//.test(key)) keep(history.under, key, row);
      if (row === undefined) {
        if (key.startsWith("r/")) this.#removed(history, key, entries);
        continue;
      }
      if (row.kind === "history") this.#ended(history, key, row);
      if (row.kind === "block") this.#block(history, key, row);
      if (row.kind === "request") this.#request(history, key, row);
    }
  }

  #ended(history: WorkflowHistory, key: string, row: HistoryRow): void {
    // Places of bad ends are used again, tokens are not.
    const token = `${row.token.index}.${row.token.ordinal}`;
    if (history.seenHistory.has(token)) return;
    history.seenHistory.add(token);
    const { totals, trace } = this.#world;
    trace.note(
      `group ${history.group}: ${unitText(row.unit)} on ${row.node} ${row.how} ${row.error?.code ?? ""}`,
    );
    if (row.how === "lost") totals.attemptsLost += 1;
    if (row.how === "released") totals.attemptsReleased += 1;
    if (row.how === "failed") totals.attemptsFailed += 1;
    if (row.how === "lost" || row.how === "released") history.takenBack.add(token);
    if (row.how !== "done") return;
    totals.attemptsDone += 1;
    const unit = unitText(row.unit);
    const before = history.completedBy.get(unit);
    promise(
      before === undefined,
      () => `unit ${unit} of group ${history.group} has two completions: ${before} and ${key}`,
    );
    history.completedBy.set(unit, key);
  }

  #block(history: WorkflowHistory, key: string, row: BlockRow): void {
    for (const { child, node, startedMs, endedMs, failureCode } of resultsOf(row)) {
      const name = `${key} ${child}`;
      const now = `${node} ${startedMs} ${endedMs} ${failureCode}`;
      const before = history.childResults.get(name);
      promise(
        before === undefined || before === now,
        () => `child ${name} of group ${history.group} has two completions: ${before} and ${now}`,
      );
      history.childResults.set(name, now);
    }
  }

  #removed(history: WorkflowHistory, key: string, entries: number): void {
    // Of several entries that are written together only the last row is seen.
    promise(
      entries > 1 || history.requests.get(key)?.endedMs !== undefined,
      () => `request ${key} of group ${history.group} was removed before its end`,
    );
    const request = requestOfRequestKey(key);
    const asked = history.removalAsked.has(request);
    promise(
      asked || this.#expires,
      () => `request ${key} of group ${history.group} was removed for nobody`,
    );
    if (!asked) this.#world.totals.requestsExpired += 1;
    history.removed.add(request);
    this.#world.trace.note(`group ${history.group}: request ${key} removed`);
  }

  #request(history: WorkflowHistory, key: string, row: RequestRow): void {
    const before = history.requests.get(key);
    promise(
      !history.removed.has(requestOfRequestKey(key)),
      () => `request ${key} of group ${history.group} was removed and is there again`,
    );
    // R14: keys of requests rise as they are submitted, and stamps never go back.
    if (before === undefined) {
      const lastMs = history.submittedMs;
      promise(
        row.submittedMs >= lastMs,
        () => `request ${key} is stamped ${row.submittedMs}, after ${lastMs}`,
      );
      history.submittedMs = row.submittedMs;
    }
    if (before?.endedMs !== undefined) {
      promise(
        before.endedMs === row.endedMs && before.state === row.state,
        () => `request ${key} had ended as ${before.state} and is ${row.state}`,
      );
    }
    if (before?.state !== row.state) {
      this.#world.trace.note(`group ${history.group}: request ${key} ${row.state}`);
    }
    history.requests.set(key, row);
  }

  #history(group: number): WorkflowHistory {
    const known = this.#workflows.get(group);
    if (known !== undefined) return known;
    const made: WorkflowHistory = {
      group,
      appliedIndex: 0,
      writtenIndex: 0,
      live: new Set(),
      waiting: new Set(),
      takenBack: new Set(),
      completedBy: new Map(),
      childResults: new Map(),
      requests: new Map(),
      removalAsked: new Set(),
      removed: new Set(),
      missed: new Set(),
      under: new Set(),
      leftover: undefined,
      submittedMs: 0,
      seenHistory: new Set(),
      fanIns: new FanInChecker(group),
    };
    this.#workflows.set(group, made);
    return made;
  }
}

function keep(keys: Set<string>, key: string, row: Row | undefined): void {
  if (row === undefined) keys.delete(key);
  else keys.add(key);
}

/**
 * A write that was refused and yet left on the disk, of whoever alone had those entries: all others took a
 * snapshot of what came of them, so what they were was never seen (seeds 727021953, 60000077).
 */
function isLost({ appliedIndex, writtenIndex }: WorkflowHistory): boolean {
  return writtenIndex > appliedIndex;
}
