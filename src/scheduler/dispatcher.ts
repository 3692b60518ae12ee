/**
 * What the leader of a workflow decides: who gets which unit, and what to take back. It sees the
 * applied rows through effects, plus its own proposals in flight (R13); nothing here is replicated,
 * and all of it is made anew when leadership changes.
 *
 * D1. An executor never has more attempts than the limit it gave, counting proposed grants.
 * D2. A unit is proposed to one executor at a time.
 * D3. An attempt is taken back only when its executor is known to be dead, does not claim it, or was
 *     not heard of for `leaseMs`.
 * D4. Rows are read again only while no grant is on its way, so that what is read is all there is.
 */

import { unreachable } from "../std/assert.ts";
import { offers } from "../workflow/required-capability.ts";
import { openPlaces, tokenAt } from "./attempt-block.ts";
import type { SchedulerCommand } from "./commands.ts";
import type { NodeId } from "./dataset.ts";
import type { Effect } from "./effects.ts";
import { capabilityOfQueueKey } from "./keys.ts";
import { Loads, RunTimes, stuckMs, workKind } from "./loads.ts";
import type { ExecutorMessage } from "./protocol.ts";
import { ReadyList, type ReadyUnits } from "./ready-list.ts";
import type { AttemptRow, QueueRow } from "./rows.ts";
import { addTo } from "./tally.ts";
import type { Token } from "./unit.ts";

export interface DispatcherOptions {
  /** An executor that was not heard of for this long has lost its attempts. */
  readonly leaseMs: number;
  /** A grant that its executor does not claim after so long has not arrived. */
  readonly arrivalMs: number;
  /** Grants proposed at once: keeps an entry and its application short. */
  readonly grantsMax: number;
}

/** Ready work of one capability, the first rows of it in key order. */
export interface QueueWindow {
  readonly capability: string;
  readonly rows: readonly (readonly [string, QueueRow])[];
  /** False when there are more rows than were read. */
  readonly complete: boolean;
}

/** Rows as they were when this node began to lead. */
export interface DispatcherStart {
  /** Each capability by itself: work that nobody can take must not hide work of others. */
  readonly queues: readonly QueueWindow[];
  readonly attempts: readonly (readonly [Token, AttemptRow])[];
  /** The first to be due. */
  readonly delayed: readonly { readonly key: string; readonly dueMs: number }[];
  /** False when there are more delayed rows than were read. */
  readonly delayedComplete: boolean;
}

interface Executor {
  readonly session: string;
  readonly capabilities: readonly string[];
  readonly slots: number;
  readonly prefetchMs: number;
  readonly aheadMs: number;
  readonly limit: number;
  readonly sequence: number;
  readonly heardMs: number;
}

interface Held {
  readonly token: Token;
  readonly node: NodeId;
  readonly executor: string;
  readonly request: number;
  readonly work: string;
  readonly sinceMs: number;
  takenBack: boolean;
}

/** What became of an executor whose attempts are taken back as lost. */
export type WhyLost = "its node is gone" | "its node was started anew" | "its node says nothing";

/** A token as a key of a map. */
export function tokenText(token: Token): string {
  return `${token.index}.${token.ordinal}`;
}

export class Dispatcher {
  readonly #options: DispatcherOptions;
  readonly #ready = new Map<string, ReadyList>();
  readonly #delayed = new Map<string, number>();
  readonly #executors = new Map<NodeId, Executor>();
  readonly #held = new Map<string, Held>();
  readonly #times = new RunTimes();
  /** Attempts of each node, held and proposed. */
  readonly #loads: Loads;
  /** Units whose grants were proposed and are not applied. */
  #proposedCount = 0;
  /** Kinds of work whose grants are on their way, by queue row. */
  readonly #proposedWork = new Map<string, string>();
  readonly #down = new Set<NodeId>();
  /** Until then all delayed rows are known; later ones may have to be read. */
  readonly #delayedUntilMs: number;
  #startedMs: number;
  #setAside: string[] = [];
  #turn = 0;
  #stale = false;

  constructor(options: DispatcherOptions, start: DispatcherStart, nowMs: number) {
    this.#options = options;
    this.#loads = new Loads(this.#times);
    this.#startedMs = nowMs;
    for (const { capability, rows, complete } of start.queues) {
      this.#ready.set(capability, new ReadyList(rows, complete));
    }
    for (const [token, attempt] of start.attempts) this.#hold(token, attempt, nowMs);
    for (const { key, dueMs } of start.delayed) this.#delayed.set(key, dueMs);
    const lastMs = start.delayed.at(-1)?.dueMs ?? 0;
    this.#delayedUntilMs = start.delayedComplete ? Number.POSITIVE_INFINITY : lastMs;
  }

  /** Takes over what an earlier dispatcher of the same leader knew of executors and attempts. */
  adopt(old: Dispatcher): void {
    // An executor that was never heard of has its lease from the beginning, not from each reading.
    this.#startedMs = old.#startedMs;
    this.#turn = old.#turn;
    for (const [node, executor] of old.#executors) this.#executors.set(node, executor);
    for (const node of old.#down) this.#down.add(node);
    this.#times.adopt(old.#times);
    for (const text of this.#held.keys()) {
      const known = old.#held.get(text);
      if (known !== undefined) this.#held.set(text, known);
    }
  }

  /** True when rows are to be read again now: a window ran empty, or an own proposal was refused (D4). */
  needsReload(): boolean {
    return this.#lacksRows() && this.#proposedCount === 0;
  }

  /** A proposal of this dispatcher did not get into the log: it will not be applied. */
  proposalRefused(command: SchedulerCommand): void {
    if (command.kind === "grant") this.#ungranted(command);
    if (command.kind === "take-back") {
      const held = this.#held.get(tokenText(command.token));
      if (held !== undefined) held.takenBack = false;
      return;
    }
    this.#stale = true;
  }

  /** Units that wait for credit. */
  readyCount(): number {
    let count = 0;
    for (const list of this.#ready.values()) count += list.count();
    return count;
  }

  /** Units that wait for credit and that the node's executor can run. */
  readyFor(node: NodeId): number {
    const executor = this.#executors.get(node);
    if (executor === undefined) return this.readyCount();
    let count = 0;
    for (const [required, list] of this.#ready) {
      if (offers(executor.capabilities, required)) count += list.count();
    }
    return count;
  }

  /** Attempts in flight. */
  heldCount(): number {
    return this.#held.size;
  }

  /** Whether anything waits, runs or is due: then somebody has to look after it. */
  hasWork(): boolean {
    return this.#stale || this.#held.size > 0 || this.#delayed.size > 0 || this.readyCount() > 0;
  }

  /** When `decide` has to run again although nothing happened; undefined when never. */
  nextDueMs(): number | undefined {
    let next: number | undefined;
    for (const dueMs of this.#delayed.values()) {
      if (next === undefined || dueMs < next) next = dueMs;
    }
    return next;
  }

  /** Follows what was applied. */
  apply(effects: readonly Effect[], nowMs: number): void {
    for (const effect of effects) this.#applyOne(effect, nowMs);
  }

  /** Tokens that their holders should drop: their request has ended or they were taken back. */
  heldOf(request: number): readonly { readonly node: NodeId; readonly token: Token }[] {
    return [...this.#held.values()].filter((held) => held.request === request);
  }

  /**
   * An executor says who it is, what it takes and what it holds. Answers with what to take back: what
   * an earlier run of it held, and what was granted a while ago and never arrived.
   */
  beat(
    node: NodeId,
    said: Extract<ExecutorMessage, { kind: "beat" }>,
    nowMs: number,
  ): readonly SchedulerCommand[] {
    const known = this.#executors.get(node);
    const { executor, capabilities, sequence } = said;
    if (known?.session === executor && sequence <= known.sequence) return [];
    const session = executor;
    const { slots, prefetchMs, aheadMs, limit } = said;
    const credit = { slots, prefetchMs, aheadMs, limit };
    this.#executors.set(node, { session, capabilities, ...credit, sequence, heardMs: nowMs });
    this.#down.delete(node);
    const claimed = new Set(said.holding.map(tokenText));
    const commands: SchedulerCommand[] = [];
    for (const held of this.#held.values()) {
      if (held.node !== node || held.takenBack) continue;
      const restarted = held.executor !== executor;
      const arriving = !said.leaving && nowMs - held.sinceMs < this.#options.arrivalMs;
      if (!restarted && (arriving || claimed.has(tokenText(held.token)))) continue;
      held.takenBack = true;
      const how = restarted ? "lost" : "released";
      commands.push({ kind: "take-back", token: held.token, how });
    }
    return commands;
  }

  /** An attempt had a slot for so long; before its end is applied. */
  ran(token: Token, ranMs: number): void {
    const held = this.#held.get(tokenText(token));
    if (held !== undefined) this.#times.note(held.work, ranMs);
  }

  /** The newest beat of an executor's present run; 0 when it is not known. */
  heard(node: NodeId): number {
    return this.#executors.get(node)?.sequence ?? 0;
  }

  /** Attempts of the node that are granted, or proposed and not applied yet. */
  heldBy(node: NodeId): number {
    return this.#loads.count(node);
  }

  /**
   * Whom to tell of what waits: of `workers`, those that could take some and have lent nothing for it
   * or are not known; and whoever holds attempts and says nothing of them.
   */
  toTell(workers: readonly NodeId[], nowMs: number): readonly NodeId[] {
    const anyReady = this.readyCount() > 0;
    return workers.filter((node) => {
      const executor = this.#executors.get(node);
      const heardMs = executor?.heardMs ?? this.#startedMs;
      const silent = nowMs - heardMs >= this.#options.leaseMs / 4;
      if (silent && this.#loads.count(node) > 0) return true;
      if (!anyReady || (executor !== undefined && this.readyFor(node) === 0)) return false;
      return executor === undefined || silent || !this.#hasRoom(node, executor);
    });
  }

  /** The node that holds the attempt; undefined when its token is not live. */
  holderOf(token: Token): NodeId | undefined {
    return this.#held.get(tokenText(token))?.node;
  }

  /** Why a held attempt's executor is not believed to run it any more. */
  whyLost(token: Token): WhyLost {
    const held = this.#held.get(tokenText(token));
    if (held === undefined || this.#down.has(held.node)) return "its node is gone";
    const executor = this.#executors.get(held.node);
    const isOther = executor !== undefined && executor.session !== held.executor;
    return isOther ? "its node was started anew" : "its node says nothing";
  }

  /** The node's process is known to be dead. */
  nodeDown(node: NodeId): void {
    this.#executors.delete(node);
    this.#down.add(node);
  }

  /** The node can be reached; it has to beat before it gets anything. */
  nodeUp(node: NodeId): void {
    this.#down.delete(node);
  }

  /** What to propose now. `wallMs` is the leader's stamp clock, for delays; without `mayGrant` no grants. */
  decide(nowMs: number, wallMs: number, mayGrant = true): readonly SchedulerCommand[] {
    const commands: SchedulerCommand[] = [];
    for (const key of this.#setAside) commands.push({ kind: "set-aside", key });
    this.#setAside = [];
    for (const [key, dueMs] of this.#delayed) {
      if (dueMs > wallMs || commands.length >= this.#options.grantsMax) continue;
      this.#delayed.delete(key);
      commands.push({ kind: "due", delayedKey: key });
    }
    if (wallMs >= this.#delayedUntilMs) this.#stale = true;
    this.#takeBackExpired(nowMs, commands);
    if (mayGrant && !this.#lacksRows()) this.#grant(nowMs, commands);
    return commands;
  }

  #lacksRows(): boolean {
    return this.#stale || [...this.#ready.values()].some((list) => list.needsRows());
  }

  #takeBackExpired(nowMs: number, commands: SchedulerCommand[]): void {
    for (const held of this.#held.values()) {
      if (held.takenBack || !this.#isLost(held, nowMs)) continue;
      held.takenBack = true;
      commands.push({ kind: "take-back", token: held.token, how: "lost" });
    }
  }

  #isLost(held: Held, nowMs: number): boolean {
    if (this.#down.has(held.node)) return true;
    const heardMs = this.#executors.get(held.node)?.heardMs ?? this.#startedMs;
    return nowMs - heardMs >= this.#options.leaseMs;
  }

  /**
   * Gives each executor with room a few units in turn, until room or work ends: never more than its
   * share of what is ready, so that a few long units are spread over all.
   */
  #grant(nowMs: number, commands: SchedulerCommand[]): void {
    // One that is silent gets nothing: it would lose that at once, and the unit would seem to kill it.
    const silentMs = this.#options.leaseMs / 2;
    let open = [...this.#executors].filter(
      ([node, executor]) => nowMs - executor.heardMs < silentMs && this.#hasRoom(node, executor),
    );
    // Begin with another one each time, so that scarce work is spread.
    this.#turn += 1;
    const shift = open.length === 0 ? 0 : this.#turn % open.length;
    open = [...open.slice(shift), ...open.slice(0, shift)];
    // All that is held is looked through, so only when there is anything to give and somebody to take it.
    if (open.length === 0 || this.readyCount() === 0) return;
    const stuck = this.#stuck(nowMs);
    while (open.length > 0 && commands.length < this.#options.grantsMax) {
      const still: typeof open = [];
      for (const [turn, [node, executor]] of open.entries()) {
        if (commands.length >= this.#options.grantsMax) break;
        const units = this.#take(
          node,
          { ...executor, stuck: stuck.get(node) ?? 0 },
          open.length - turn,
        );
        if (units === undefined) continue;
        const { work, ...what } = units;
        commands.push({ kind: "grant", ...what, node, executor: executor.session });
        this.#loads.add(node, work, units.count);
        this.#proposedCount += units.count;
        this.#proposedWork.set(units.queueKey, work);
        if (this.#hasRoom(node, executor)) still.push([node, executor]);
      }
      open = still;
    }
  }

  /** Units of each node that keep its slots for long. */
  #stuck(nowMs: number): ReadonlyMap<NodeId, number> {
    const stuck = new Map<NodeId, number>();
    for (const { node, sinceMs } of this.#held.values()) {
      const prefetchMs = this.#executors.get(node)?.prefetchMs ?? 0;
      if (nowMs - sinceMs > stuckMs(prefetchMs)) addTo(stuck, node, 1);
    }
    return stuck;
  }

  #take(
    node: NodeId,
    executor: Executor & { readonly stuck: number },
    sharers: number,
  ): ReadyUnits | undefined {
    const lists = [...this.#ready].flatMap(([required, list]) =>
      offers(executor.capabilities, required) ? [list] : [],
    );
    // Begin with another one each time, so that no kind of work waits for the end of another.
    for (let tries = 0; tries < lists.length; tries++) {
      const list = lists[(this.#turn + tries) % lists.length];
      if (list?.work === undefined) continue;
      const share = Math.ceil(list.count() / sharers);
      const units = list.take(Math.min(share, this.#loads.room(node, executor, list.work)));
      if (units !== undefined) return units;
    }
    return undefined;
  }

  #hasRoom(node: NodeId, executor: Executor): boolean {
    return this.#loads.count(node) < executor.limit;
  }

  #hold(block: Token, attempt: AttemptRow, sinceMs: number): void {
    const { node, executor, unit, step } = attempt;
    const work = workKind(step, unit.kind);
    const places = openPlaces(attempt.open);
    for (const at of places) {
      const token = tokenAt(block, at);
      const held = { token, node, executor, request: unit.request, work, sinceMs };
      this.#held.set(tokenText(token), { ...held, takenBack: false });
    }
    this.#loads.add(node, work, places.length);
  }

  /** A grant is applied: its units were counted when it was proposed, unless another leader did that. */
  #granted(effect: Extract<Effect, { kind: "granted" }>, nowMs: number): void {
    const { node, unit, step, open } = effect.attempt;
    const count = openPlaces(open).length;
    if (this.#proposedCount > 0) this.#loads.add(node, workKind(step, unit.kind), -count);
    this.#arrived(count);
    this.#hold(effect.token, effect.attempt, nowMs);
  }

  #release(token: Token): void {
    const held = this.#held.get(tokenText(token));
    if (held === undefined) return;
    this.#held.delete(tokenText(token));
    this.#loads.add(held.node, held.work, -1);
  }

  /** A proposed grant made no attempts. */
  #ungranted(grant: {
    readonly queueKey: string;
    readonly node: NodeId;
    readonly count: number;
  }): void {
    const { queueKey, node, count } = grant;
    this.#loads.add(node, this.#proposedWork.get(queueKey) ?? "", -count);
    this.#arrived(count);
  }

  #arrived(count: number): void {
    this.#proposedCount = Math.max(0, this.#proposedCount - count);
    if (this.#proposedCount === 0) this.#proposedWork.clear();
  }

  #applyOne(effect: Effect, nowMs: number): void {
    switch (effect.kind) {
      case "queued":
        this.#listOf(capabilityOfQueueKey(effect.key)).add(effect.key, effect.row);
        return;
      case "unqueued":
        this.#ready.get(capabilityOfQueueKey(effect.key))?.remove(effect.key);
        return;
      case "still-queued":
        this.#stale = true;
        return;
      case "delayed":
        this.#delayed.set(effect.key, effect.dueMs);
        return;
      case "undelayed":
        this.#delayed.delete(effect.key);
        return;
      case "granted":
        this.#granted(effect, nowMs);
        return;
      case "grant-refused":
        this.#ungranted(effect);
        if (effect.why === "not-running") this.#setAside.push(effect.queueKey);
        else this.#stale = true;
        return;
      case "attempt-ended":
        this.#release(effect.token);
        return;
      case "run-again":
      case "request-changed":
      case "request-ended":
      case "request-resumed":
      case "request-removed":
      case "defined":
      case "named-ready":
      case "named-unready":
      case "named-due":
      case "named-undue":
      case "named-granted":
      case "tree-changed":
      case "tree-sweep":
        return;
      default:
        unreachable(effect);
    }
  }

  #listOf(capability: string): ReadyList {
    const known = this.#ready.get(capability);
    if (known !== undefined) return known;
    // All that there was of it would have been read: this is its first row.
    const made = new ReadyList([], true);
    this.#ready.set(capability, made);
    return made;
  }
}
