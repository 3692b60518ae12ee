/**
 * A workflow's group on one node: answers calls, and where this node leads, schedules. All state that
 * must last is in the rows; what is here is made anew with each leadership.
 */

import { rowOf } from "../scheduler/apply-kit.ts";
import { openPlaces, tokenAt } from "../scheduler/attempt-block.ts";
import { type AttemptEnd, type Command, ENDS_MAX, type Envelope } from "../scheduler/commands.ts";
import type { NodeId } from "../scheduler/dataset.ts";
import { Dispatcher, tokenText } from "../scheduler/dispatcher.ts";
import type { Effect } from "../scheduler/effects.ts";
import { META_KEY } from "../scheduler/keys.ts";
import type { Demand, ExecutorMessage, Grant, SchedulerMessage } from "../scheduler/protocol.ts";
import type { AttemptRow, Retention, Row } from "../scheduler/rows.ts";
import type { Token } from "../scheduler/unit.ts";
import type { Outcome } from "../scheduler/work.ts";
import { assert } from "../std/assert.ts";
import type { Clock, Timer, Timers, WallClock } from "../std/clock.ts";
import { errorText, isJobxError } from "../std/errors.ts";
import type { Log } from "../std/log.ts";
import type { PlantedBugs } from "../std/planted-bugs.ts";
import { WEIGHT_DEFAULT } from "../workflow/definition.ts";
import type { WorkflowCall } from "./answers.ts";
import { type DistributiveOmit, isSchedulers, tooLarge } from "./decided-commands.ts";
import { DemandClock } from "./demand-clock.ts";
import { readStart } from "./dispatcher-start.ts";
import { EventLog } from "./event-log.ts";
import { grantOf } from "./grant-of.ts";
import { readRows, tell } from "./group-reads.ts";
import type { GroupStamps } from "./group-stamps.ts";
import { tellAgain, tellLost } from "./lost-units.ts";
import { ParkedRows } from "./parked-rows.ts";
import type { CallAnswer, MeshPort } from "./ports.ts";
import type { AppliedPlaces, Replica, ReplicaListener } from "./replica.ts";
import { RequestWaiters, serveWait } from "./request-waiters.ts";
import { RetentionKeeper } from "./retention.ts";
import { TreeWatch } from "./tree-watch.ts";
import type { WorkflowTold } from "./workflow-telling.ts";
import { STALLED_WRITE_MS } from "./write-stall.ts";

/** A leader looks at leases and delays at least this often. */
const LOOK_MS = 500;

export interface SchedulingOptions {
  /** R16: an executor that was not heard of for so long has lost its attempts. */
  readonly leaseMs: number;
  /** A grant that its executor does not claim after so long has not arrived. */
  readonly arrivalMs: number;
  /** Grants proposed at once. */
  readonly grantsMax: number;
  /** Of finished requests, where the workflow says nothing. */
  readonly retention: Retention;
}

export interface WorkflowGroupDeps {
  readonly group: number;
  readonly name: string;
  readonly description: string;
  /** What it is made with; its rows say what counts now. */
  readonly weight: number;
  readonly clock: Clock;
  /** The group's stamps (R14). */
  readonly wall: WallClock & Pick<GroupStamps, "seen">;
  readonly timers: Timers;
  readonly log: Log;
  readonly mesh: MeshPort;
  readonly scheduling: SchedulingOptions;
  /** Nodes that are up and may be given work. */
  readonly workers: () => readonly NodeId[];
  /** Nodes that were up and are not any more: what they held is lost. */
  readonly hasGone: (node: NodeId) => boolean;
  /** How long the oldest write to this node's disk takes already. */
  readonly writeMs: () => number;
  /** The group has committed its first entry (R9). */
  readonly onActive: (group: number) => void;
  /** What its definitions say now; also what was said before this node led. */
  readonly onDefined: (told: WorkflowTold) => void;
  /** R26: so many finished units run again, where this node leads. */
  readonly onRunAgain: (units: number) => void;
  readonly bugs: PlantedBugs;
}

export class WorkflowGroup implements ReplicaListener<Effect> {
  readonly #deps: WorkflowGroupDeps;
  readonly #waiters: RequestWaiters;
  readonly #retention: RetentionKeeper;
  readonly #parked: ParkedRows;
  #events: EventLog | undefined;
  #tree: TreeWatch | undefined;
  #replica: Replica<Row, Envelope, Effect> | undefined;
  #dispatcher: Dispatcher | undefined;
  #term = 0;
  /** R20: as its rows say; executors are told with each demand. */
  #weight = WEIGHT_DEFAULT;
  #decideTimer: Timer | undefined;
  #lookTimer: Timer | undefined;
  #reloading = false;
  readonly #demandClock = new DemandClock();
  /** Ends that are on their way through the log. */
  readonly #ending = new Set<string>();

  constructor(deps: WorkflowGroupDeps) {
    this.#deps = deps;
    this.#waiters = new RequestWaiters(deps.timers);
    this.#retention = new RetentionKeeper({
      timers: deps.timers,
      wall: deps.wall,
      log: deps.log,
      state: () => this.replica.state,
      propose: (command) => this.replica.propose({ id: { kind: "none" }, command }),
      policy: deps.scheduling.retention,
      bugs: deps.bugs,
    });
    this.#parked = new ParkedRows({
      timers: deps.timers,
      replica: () => this.replica,
      leads: () => this.#dispatcher !== undefined,
      inBackground: (work) => this.#inBackground(work),
    });
  }

  /** The replica and this actor know each other; called once, before anything else. */
  bind(replica: Replica<Row, Envelope, Effect>): void {
    this.#replica = replica;
    this.#events = new EventLog(this.#deps.timers, replica.appliedIndex);
    this.#tree = new TreeWatch(this.#deps, replica);
  }

  get replica(): Replica<Row, Envelope, Effect> {
    return bound(this.#replica);
  }

  /** What has happened here lately; also where this node does not lead. */
  get events(): EventLog {
    return bound(this.#events);
  }

  get tree(): TreeWatch {
    return bound(this.#tree);
  }

  get name(): string {
    return this.#deps.name;
  }

  /** Answers a call that concerns this group. */
  async serve(call: WorkflowCall): Promise<CallAnswer> {
    switch (call.kind) {
      case "command":
      case "mount-command":
      case "told-command": {
        // Not before this leader has said its first word: the command that makes the workflow.
        if (this.#dispatcher === undefined) {
          return { kind: "not-scheduler", leader: this.replica.leaderNode };
        }
        const { answer } = await this.replica.propose(call.envelope);
        await this.tree.settled(answer, call);
        return call.kind === "told-command"
          ? tell(this.replica.state, answer, call.rows)
          : { kind: "answered", answer };
      }
      case "read":
        return readRows(this.replica, call);
      case "wait":
        return serveWait(call, this.replica, this.#waiters);
      case "events":
        return { kind: "events", ...(await this.events.after(call, this.#deps.clock)) };
      case "tree-changes":
        return this.tree.serve(call);
    }
  }

  // What the replica tells.

  async leads(term: number): Promise<void> {
    const { log, group, name } = this.#deps;
    this.#term = term;
    const meta = await this.replica.query((view) => rowOf(view, "meta", META_KEY));
    const { description, weight } = meta ?? this.#deps;
    this.tree.leads(meta !== undefined);
    this.#weight = weight;
    if (meta === undefined) this.#propose({ kind: "create", group, name, description, weight });
    // R14: rows that came in a snapshot have no entries here that would tell their stamps.
    this.#deps.wall.seen(meta?.newestMs ?? 0);
    const forgets = this.#deps.bugs.forgetLease === true;
    const dispatcher = await this.#newDispatcher({ forgets });
    if (this.replica.leadingTerm !== term) return;
    this.#dispatcher = dispatcher;
    await this.#parked.bringBackLeft();
    if (this.replica.leadingTerm !== term) return;
    log.info("leads a workflow", { workflow: name, group, term });
    this.#deps.onActive(group);
    if (meta !== undefined) this.#tell(meta.plan, description);
    this.#retention.start();
    this.#look();
  }

  follows(): void {
    this.#dispatcher = undefined;
    this.tree.follows();
    this.#retention.stop();
    this.#ending.clear();
    this.#lookTimer?.cancel();
    this.#decideTimer?.cancel();
    this.#lookTimer = undefined;
    this.#decideTimer = undefined;
    this.#waiters.leaderLost();
  }

  hasDue(): boolean {
    return this.#dispatcher === undefined || this.#reloading || this.#dispatcher.hasWork();
  }

  membershipChanged(): void {
    // The places are asked for where they are needed.
  }

  async restored(): Promise<void> {
    // Only a leader keeps anything that rests on rows, and a leader is never given a snapshot.
  }

  applied(effects: readonly Effect[], places: AppliedPlaces): void {
    this.events.applied(effects, places);
    this.tree.applied(effects, places);
    this.#waiters.applied(effects);
    const dispatcher = this.#dispatcher;
    if (dispatcher === undefined) return;
    tellAgain(effects, this.#deps);
    const settled = new Map<NodeId, Token[]>();
    const granted: { token: Token; attempt: AttemptRow }[] = [];
    for (const effect of effects) {
      if (effect.kind === "granted") granted.push(effect);
      if (effect.kind === "attempt-ended") {
        this.#ending.delete(tokenText(effect.token));
        const tokens = settled.get(effect.node) ?? [];
        tokens.push(effect.token);
        settled.set(effect.node, tokens);
      }
      if (effect.kind === "request-removed" || effect.kind === "tree-sweep")
        this.#retention.hurry();
      if (effect.kind === "request-resumed") this.#parked.bringBack(effect.request);
    }
    dispatcher.apply(effects, this.#deps.clock.nowMs());
    for (const effect of effects) {
      if (effect.kind === "defined") this.#defined(effect, dispatcher);
      if (effect.kind === "request-ended") this.#cancel(effect.request, dispatcher);
    }
    for (const [node, tokens] of settled) this.#saySettled(node, tokens, dispatcher);
    if (granted.length > 0) this.#inBackground(this.#sendGrants(granted));
    this.#decideSoon();
  }

  // What executors say.

  /** A message of an executor for this workflow. */
  executorSaid(from: NodeId, message: ExecutorMessage): void {
    const dispatcher = this.#dispatcher;
    if (dispatcher === undefined) {
      const leader = this.replica.leaderNode;
      const { group } = this.#deps;
      this.#send(from, { kind: "not-scheduler", group, leader });
      return;
    }
    if (message.kind === "beat") {
      this.#proposeAll(dispatcher.beat(from, message, this.#deps.clock.nowMs()), dispatcher);
      // What is not held here is not live: this leader has applied all grants there are.
      const dead = message.holding.filter((token) => dispatcher.holderOf(token) !== from);
      if (dead.length > 0) this.#saySettled(from, dead, dispatcher);
      this.#sayDemand(from, dispatcher);
      this.#decideSoon();
      return;
    }
    const over: Token[] = [];
    const ends: AttemptEnd[] = [];
    for (const { token, outcome, run, ranMicros } of message.ends) {
      const text = tokenText(token);
      if (dispatcher.holderOf(token) !== from) over.push(token);
      else if (!this.#ending.has(text)) {
        this.#ending.add(text);
        if (ranMicros > 0) dispatcher.ran(token, ranMicros / 1000);
        ends.push({ token, outcome, run });
      }
    }
    for (let first = 0; first < ends.length; first += ENDS_MAX) {
      this.#proposeEnds(ends.slice(first, first + ENDS_MAX));
    }
    if (over.length > 0) this.#saySettled(from, over, dispatcher);
  }

  nodeDown(node: NodeId): void {
    this.#dispatcher?.nodeDown(node);
    this.#decideSoon();
  }

  nodeUp(node: NodeId): void {
    this.#dispatcher?.nodeUp(node);
  }

  // Deciding.

  async #newDispatcher({ forgets = false } = {}): Promise<Dispatcher> {
    const { scheduling, clock, hasGone } = this.#deps;
    const read = await readStart(this.replica.state);
    const start = forgets ? { ...read, attempts: [] } : read;
    const dispatcher = new Dispatcher(scheduling, start, clock.nowMs());
    for (const { node } of this.replica.membership.places) {
      if (hasGone(node)) dispatcher.nodeDown(node);
    }
    return dispatcher;
  }

  #look(): void {
    this.#lookTimer?.cancel();
    this.#lookTimer = undefined;
    this.#decideSoon();
  }

  /** R7: where nothing waits, runs or is due, nothing happens by time alone. */
  #lookIn(delayMs: number): void {
    if (!this.hasDue()) return;
    this.#lookTimer?.cancel();
    this.#lookTimer = this.#deps.timers.after(delayMs, () => this.#look());
  }

  #decideSoon(): void {
    if (this.#dispatcher === undefined || this.#decideTimer !== undefined) return;
    this.#decideTimer = this.#deps.timers.after(0, () => {
      this.#decideTimer = undefined;
      this.#decide();
      if (this.#lookTimer === undefined) this.#lookIn(LOOK_MS);
    });
  }

  #decide(): void {
    const dispatcher = this.#dispatcher;
    if (dispatcher === undefined || this.#reloading) return;
    if (dispatcher.needsReload()) {
      this.#reload();
      return;
    }
    const { clock, wall, writeMs } = this.#deps;
    const mayGrant = writeMs() < STALLED_WRITE_MS;
    this.#proposeAll(dispatcher.decide(clock.nowMs(), wall.wallMs(), mayGrant), dispatcher);
    const nowMs = clock.nowMs();
    const waitMs = this.#demandClock.waitMs(dispatcher.readyCount() > 0, nowMs);
    if (waitMs !== 0) {
      if (waitMs !== undefined) this.#lookIn(waitMs);
      return;
    }
    const workers = dispatcher.toTell(this.#deps.workers(), nowMs);
    if (workers.length > 0) this.#demandClock.told(nowMs);
    for (const node of workers) this.#sayDemand(node, dispatcher);
  }

  /** Reads the rows again, keeping what is known of the executors by asking them anew. */
  #reload(): void {
    this.#reloading = true;
    this.replica.whileStill(async () => {
      try {
        const old = this.#dispatcher;
        if (old === undefined) return;
        const made = await this.#newDispatcher();
        if (this.#dispatcher !== old) return;
        made.adopt(old);
        this.#dispatcher = made;
      } finally {
        this.#reloading = false;
        this.#decideSoon();
      }
    });
  }

  #proposeAll(commands: readonly Command[], dispatcher: Dispatcher): void {
    const { log, name } = this.#deps;
    tellLost(commands, { dispatcher, workflow: name, log });
    for (const command of commands) this.#propose(command);
  }

  #propose(command: Command): void {
    const term = this.#term;
    this.replica.propose({ id: { kind: "none" }, command }).catch((error: unknown) => {
      const { log, name } = this.#deps;
      log.debug("a transition was not taken", { workflow: name, reason: errorText(error) });
      // A later term's dispatcher never proposed it.
      if (this.#term === term && isSchedulers(command)) this.#dispatcher?.proposalRefused(command);
    });
  }

  #proposeEnds(ends: readonly AttemptEnd[]): void {
    const command: Command = { kind: "ends", ends };
    this.replica.propose({ id: { kind: "none" }, command }).catch((error: unknown) => {
      if (!isJobxError(error) || error.code !== "COMMAND_TOO_LARGE") {
        for (const { token } of ends) this.#ending.delete(tokenText(token));
      } else if (ends.length > 1) {
        const half = ends.length >>> 1;
        this.#proposeEnds(ends.slice(0, half));
        this.#proposeEnds(ends.slice(half));
      } else {
        // Said again it would be as large: the attempt has failed.
        const failed: Outcome = { kind: "failed", error: tooLarge(error) };
        this.#proposeEnds(ends.map(({ token, run }) => ({ token, outcome: failed, run })));
      }
    });
  }

  /** What fails here is made good by the next leader or the next reading of the rows. */
  #inBackground(work: Promise<void>): void {
    work.catch((error: unknown) => {
      const { log, name } = this.#deps;
      log.warn("scheduling was interrupted", { workflow: name, reason: errorText(error) });
    });
  }

  async #sendGrants(granted: readonly { token: Token; attempt: AttemptRow }[]): Promise<void> {
    const byNode = new Map<NodeId, { executor: string; grants: Grant[] }>();
    for (const { token, attempt } of granted) {
      const grant = await grantOf(this.replica, this.#deps, { token, attempt });
      if (grant === undefined) {
        // Its request ended between grant and now; the attempts begin and end here.
        this.#takeBack({ token, count: openPlaces(attempt.open).length });
        continue;
      }
      const entry = byNode.get(attempt.node) ?? { executor: attempt.executor, grants: [] };
      entry.grants.push(grant);
      byNode.set(attempt.node, entry);
    }
    for (const [node, { executor, grants }] of byNode) {
      if (this.#say(node, { kind: "grants", executor, grants })) continue;
      for (const grant of grants) this.#takeBack(grant);
    }
  }

  /** What never reached its executor. */
  #takeBack(grant: { readonly token: Token; readonly count: number }): void {
    for (let at = 0; at < grant.count; at++) {
      const token = tokenAt(grant.token, at);
      this.#propose({ kind: "take-back", token, how: "released" });
    }
  }

  #cancel(request: number, dispatcher: Dispatcher): void {
    for (const { node, token } of dispatcher.heldOf(request)) {
      this.#say(node, { kind: "cancel", tokens: [token] });
    }
  }

  // Saying and answering.

  #sayDemand(to: NodeId, dispatcher: Dispatcher): void {
    this.#say(to, { kind: "demand", ...this.#demandOf(to, dispatcher) });
  }

  #saySettled(to: NodeId, tokens: readonly Token[], dispatcher: Dispatcher): void {
    this.#say(to, { kind: "settled", tokens, ...this.#demandOf(to, dispatcher) });
  }

  #demandOf(node: NodeId, dispatcher: Dispatcher): Demand {
    return {
      ready: dispatcher.readyFor(node),
      weight: this.#weight,
      heard: dispatcher.heard(node),
      held: dispatcher.heldBy(node),
    };
  }

  /** A new weight counts from now on, so whoever may run units of this workflow hears of it at once. */
  #defined(effect: Extract<Effect, { kind: "defined" }>, dispatcher: Dispatcher): void {
    const isNews = this.#weight !== effect.weight;
    this.#weight = effect.weight;
    this.#tell(effect.revision, effect.description);
    if (!isNews || !dispatcher.hasWork()) return;
    for (const node of this.#deps.workers()) this.#sayDemand(node, dispatcher);
  }

  #tell(revision: number, description: string): void {
    const { group, onDefined } = this.#deps;
    onDefined({ group, revision, description, weight: this.#weight });
  }

  #say(
    to: NodeId,
    message: DistributiveOmit<
      Exclude<SchedulerMessage, { kind: "not-scheduler" }>,
      "group" | "term"
    >,
  ): boolean {
    return this.#send(to, { ...message, group: this.#deps.group, term: this.#term });
  }

  #send(to: NodeId, message: SchedulerMessage): boolean {
    return this.#deps.mesh.send(to, { kind: "scheduler", message });
  }
}

function bound<T>(part: T | undefined): T {
  assert(part !== undefined, "a group is bound to its replica first");
  return part;
}
