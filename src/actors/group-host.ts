/**
 * All replicas of a node: their ticks, their disk and their messages. R1: the append tasks of all
 * groups that gather while a write is in flight are the next synced batch; what promises something
 * about the disk leaves when that batch is done, everything else at once.
 */

import type { FalseClaim } from "../raft/claims.ts";
import type { LogReadRequest } from "../raft/core-state.ts";
import type { Message } from "../raft/messages.ts";
import type { AppendTask } from "../raft/ready.ts";
import type { ReplicaId, SnapshotDescription } from "../raft/types.ts";
import type { NodeId } from "../scheduler/dataset.ts";
import { assert } from "../std/assert.ts";
import type { Clock, Timer, Timers } from "../std/clock.ts";
import { errorText, isJobxError } from "../std/errors.ts";
import type { Log } from "../std/log.ts";
import type { PlantedBugs } from "../std/planted-bugs.ts";
import { Liars, type Lie } from "./liars.ts";
import { nodeOf, replicaOn } from "./membership.ts";
import type { LogPort, LogRestart, MeshPort } from "./ports.ts";
import { isLeaderGone, leadsInVain } from "./quiet-reach.ts";
import { EPOCH_STEP } from "./recovery-plan.ts";
import type { Replica } from "./replica.ts";

/** A replica whatever it holds. */
export type AnyReplica = Pick<
  Replica<never, never, never>,
  | "group"
  | "id"
  | "core"
  | "membership"
  | "leaderNode"
  | "nodeOf"
  | "proposeCheck"
  | "statesCompared"
  | "met"
  | "install"
  | "finishAlone"
  | "work"
  | "applyAll"
  | "stop"
  | "dropReads"
  | "appliedIndex"
  | "permit"
>;

/** Who hands out snapshots and takes them in. */
export interface SnapshotHands {
  /** A leader's core wants a snapshot for a follower. */
  wanted(replica: AnyReplica, to: ReplicaId): void;
  /**
   * A leader announces one that the replica lacks; the core adopts it when it is here.
   * @returns false if its descriptor is of another one.
   * @throws {JobxError} `WIRE_MALFORMED`, `WIRE_VERSION_UNKNOWN`.
   */
  offered(replica: AnyReplica, from: NodeId, description: SnapshotDescription): boolean;
  /** Puts what the core has adopted into force in the group's state, durably. */
  finish(group: number): Promise<LogRestart>;
  /** The group's replica has stopped. */
  drop(group: number): void;
}

export interface GroupHostDeps {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly log: Log;
  readonly logs: LogPort;
  readonly mesh: MeshPort;
  /** Length of a Raft tick. */
  readonly tickMs: number;
  readonly bugs: PlantedBugs;
  readonly snapshots: SnapshotHands;
  /** A replica was stopped since it cannot be trusted any more; `damaged`: and never will be (R4). */
  readonly onStopped: (replica: AnyReplica, reason: string, damaged: boolean) => void;
  /** A replica that was removed from the group writes to one that is here. */
  readonly onRemovedSpoke: (from: NodeId, replica: AnyReplica, sender: ReplicaId) => void;
  /** Whether a message of a replica may be taken that the one here does not know. */
  readonly mayEnter: (replica: AnyReplica, sender: ReplicaId, from: NodeId) => boolean;
}

/** A replica that stops with one of these has lost something; it is replaced, never repaired. */
const DAMAGE_CODES: ReadonlySet<string> = new Set(["STORE_DAMAGED", "REPLICA_DIFFERS"]);
/**
 * Elections that begin in a second because leaders' nodes are gone (R7): each costs three processes two
 * synced writes, and a node that led thousands of groups must not stop the rest by its death.
 */
const ELECTIONS_PER_SECOND_MAX = 50;

/**
 * Terms that a message may be ahead of the replica here: a hundred recoveries of its group, and far more
 * elections than fit between two words of it. Else one lie would take a group to the end of all terms.
 */
const TERMS_AHEAD_MAX = 100 * EPOCH_STEP;

/** Reads without an answer for so many ticks are given up. */
const READ_TICKS_MAX = 20;

/** Whose message was being taken: what stops a replica may be a lie. */
interface Heard {
  readonly from: NodeId;
  readonly said: Message["kind"];
}

/** Whether a replica that stops with this error has lost something. */
export function isDamage(error: unknown): boolean {
  return isJobxError(error) && DAMAGE_CODES.has(error.code);
}

interface Waiting {
  readonly replica: AnyReplica;
  readonly task: AppendTask;
  /** Where the log begins again, once the task's snapshot is in force in the state. */
  readonly restart: LogRestart | undefined;
}

export class GroupHost {
  readonly #deps: GroupHostDeps;
  readonly #replicas = new Map<number, AnyReplica>();
  readonly #awake = new Set<AnyReplica>();
  #tasks: Waiting[] = [];
  /** Tasks of replicas that put a snapshot into force: they wait for that. */
  readonly #held = new Map<AnyReplica, Waiting[]>();
  #writing = false;
  #pumpTimer: Timer | undefined;
  #tickTimer: Timer | undefined;
  #tickCount = 0;
  /** Replicas whose leader's node is gone, in the order in which they stand. */
  readonly #toElect = new Set<AnyReplica>();
  #electionsLeft = ELECTIONS_PER_SECOND_MAX;
  readonly #quiet = new Set<AnyReplica>();
  readonly #liars: Liars;
  #quietedCount = 0;
  #stopped = false;

  constructor(deps: GroupHostDeps) {
    this.#deps = deps;
    this.#liars = new Liars(deps);
  }

  /** Begins to tick. */
  start(): void {
    this.#armTick(this.#deps.clock.nowMs());
  }

  add(replica: AnyReplica): void {
    assert(!this.#replicas.has(replica.group), "a node has one replica of a group");
    this.#replicas.set(replica.group, replica);
    this.wake(replica.group);
  }

  replica(group: number): AnyReplica | undefined {
    return this.#replicas.get(group);
  }

  replicas(): Iterable<AnyReplica> {
    return this.#replicas.values();
  }

  /** Looks after the group's replica soon; many calls of one loop turn are one look. */
  wake(group: number): void {
    const replica = this.#replicas.get(group);
    if (replica === undefined || this.#stopped) return;
    this.#awake.add(replica);
    this.#pumpTimer ??= this.#deps.timers.after(0, () => {
      this.#pumpTimer = undefined;
      this.#pump();
    });
  }

  /** Messages of another node's replicas. R2: what names a wrong replica is dropped. */
  receive(from: NodeId, group: number, message: Message): void {
    const replica = this.#replicas.get(group);
    if (replica === undefined) return;
    const sender = replica.nodeOf(message.from);
    if (sender === undefined && message.from < replica.membership.nextReplica) {
      // All ids below the next one were given: this one belonged, and was removed. It may not know
      // the one that is here: that took the group over after a loss (R8).
      this.#deps.onRemovedSpoke(from, replica, message.from);
      return;
    }
    if (message.to !== replica.id) return;
    // A newcomer may write from a membership that is not applied here yet; nobody else's id is taken.
    if (sender !== undefined && sender !== from) {
      if (nodeOf(replica.membership, message.from) === sender)
        this.#liars.name(from, "a node speaks for the replica of another", { group });
      return;
    }
    if (message.term > replica.core.term + TERMS_AHEAD_MAX) {
      this.#liars.name(from, "a node speaks of a term that cannot be", { group });
      return;
    }
    if (sender === undefined) {
      if (!this.#deps.mayEnter(replica, message.from, from)) return;
      replica.met(message.from, from);
    }
    const claim = this.#take(replica, from, message);
    if (claim !== undefined) this.#liars.lied({ group, from, claim }, message.kind);
    this.wake(group);
  }

  /** A snapshot is fetched before the core hears of it, which goes on voting meanwhile. */
  #take(replica: AnyReplica, from: NodeId, message: Message): FalseClaim | undefined {
    const { core } = replica;
    let claim: FalseClaim | undefined;
    if (message.kind === "snapshot" && core.lacksSnapshot(message.snapshot)) {
      claim = core.falseClaim(message);
      if (claim !== undefined) return claim;
      const isWhole = this.#deps.snapshots.offered(replica, from, message.snapshot);
      return isWhole ? undefined : "announces a snapshot that cannot be";
    }
    const step = (): void => {
      claim = core.step(message);
    };
    this.#guard(replica, step, { from, said: message.kind });
    return claim;
  }

  /** What other nodes said lately that no honest one says; none of it was taken. */
  get lies(): readonly Lie[] {
    return this.#liars.lies;
  }

  /** R6: the node is taken for dead: groups that it led elect another leader, if they need one (R7). */
  nodeDown(node: NodeId): void {
    for (const replica of this.#replicas.values()) {
      const { quiet } = replica.core;
      if (replica.leaderNode === node && (quiet === undefined || quiet.due)) {
        this.#toElect.add(replica);
      }
    }
    this.#electSome();
  }

  /** The node is there, perhaps in another run: what was quiet with it shows who leads (R7). */
  nodeUp(node: NodeId): void {
    for (const replica of this.#replicas.values()) {
      if (replica.core.quiet === undefined) continue;
      if (replicaOn(replica.membership, node) !== undefined) replica.core.wake();
    }
  }

  /**
   * Somebody asks for the group: if it is quiet and its leader's node is gone, it elects another (R7). A
   * quiet leader whose followers are gone wakes: it finds out that it leads no more before it says so again.
   */
  touch(group: number): void {
    const replica = this.#replicas.get(group);
    if (replica?.core.quiet === undefined) return;
    const isLed = !isLeaderGone(replica.leaderNode, this.isUp);
    if (isLed && leadsInVain(replica, this.isUp)) replica.core.wake();
    if (isLed) return;
    this.#toElect.add(replica);
    this.#electSome();
  }

  /** Whether a node can be reached, as this one can. */
  readonly isUp = (node: NodeId): boolean => {
    const { mesh } = this.#deps;
    return node === mesh.self || mesh.isUp(node);
  };

  /** Groups that are quiet here, and how often one that is led here became so. */
  get quiet(): { readonly groups: number; readonly quietedCount: number } {
    return { groups: this.#quiet.size, quietedCount: this.#quietedCount };
  }

  /** Takes a replica out of service: it is not needed here any more. */
  retire(group: number): void {
    const replica = this.#replicas.get(group);
    if (replica === undefined) return;
    this.#replicas.delete(group);
    this.#awake.delete(replica);
    this.#held.delete(replica);
    this.#deps.snapshots.drop(group);
    this.#toElect.delete(replica);
    this.#quiet.delete(replica);
    replica.stop();
  }

  /** The group's replica here is not what was written: it takes no part any more (R4). */
  damaged(group: number, error: Error): void {
    const replica = this.#replicas.get(group);
    if (replica !== undefined) this.#fail(replica, error);
  }

  /** Takes a replica out of service that cannot be trusted any more. */
  #fail(replica: AnyReplica, error: unknown, message?: Heard): void {
    const { group, id } = replica;
    // What it had under way may fail after another has taken its place.
    if (this.#replicas.get(group) !== replica) return;
    this.retire(group);
    const reason = errorText(error);
    this.#deps.log.error("a replica was stopped", { group, replica: id, reason, ...message });
    this.#deps.onStopped(replica, reason, isDamage(error));
  }

  /** Ends all replicas; a write under way ends by itself. */
  stop(): void {
    this.#stopped = true;
    this.#tickTimer?.cancel();
    this.#pumpTimer?.cancel();
    for (const replica of this.#replicas.values()) replica.stop();
  }

  #armTick(fromMs: number): void {
    const { clock, timers, tickMs } = this.#deps;
    this.#tickTimer = timers.after(tickMs, () => {
      if (this.#stopped) return;
      const nowMs = clock.nowMs();
      this.#armTick(nowMs);
      // R6: time in which this loop stood still is not held against others: their messages wait.
      if (nowMs - fromMs > 3 * tickMs) return;
      this.#tick();
    });
  }

  #tick(): void {
    this.#tickCount += 1;
    const dropReads = this.#tickCount % READ_TICKS_MAX === 0;
    for (const replica of this.#replicas.values()) {
      if (this.#isQuiet(replica)) continue;
      this.#guard(replica, () => {
        replica.core.tick(replica.permit);
        if (dropReads && replica.core.leader === undefined) replica.dropReads();
      });
      if (replica.core.hasReady()) this.wake(replica.group);
    }
    const more = (ELECTIONS_PER_SECOND_MAX * this.#deps.tickMs) / 1000;
    this.#electionsLeft = Math.min(ELECTIONS_PER_SECOND_MAX, this.#electionsLeft + more);
    this.#electSome();
  }

  /** Whether the replica is not to be ticked; looks after one that is due and has lost its leader. */
  #isQuiet(replica: AnyReplica): boolean {
    const { quiet, leader } = replica.core;
    if (quiet === undefined) {
      this.#quiet.delete(replica);
      return false;
    }
    if (!this.#quiet.has(replica)) {
      this.#quiet.add(replica);
      if (leader === replica.id) this.#quietedCount += 1;
    }
    // Word of its end may have come before the word to be quiet.
    if (quiet.due && isLeaderGone(replica.leaderNode, this.isUp)) this.#toElect.add(replica);
    return true;
  }

  #electSome(): void {
    for (const replica of this.#toElect) {
      if (this.#electionsLeft < 1) return;
      this.#electionsLeft -= 1;
      this.#toElect.delete(replica);
      this.#guard(replica, () => replica.core.leaderGone());
      this.wake(replica.group);
    }
  }

  #pump(): void {
    const sends = new Map<NodeId, { group: number; message: Message }[]>();
    for (const replica of this.#awake) {
      this.#awake.delete(replica);
      this.#guard(replica, () => this.#drain(replica, sends));
    }
    this.#sendAll(sends);
    void this.#write();
  }

  #drain(replica: AnyReplica, sends: Map<NodeId, { group: number; message: Message }[]>): void {
    for (let work = replica.work(); work !== undefined; work = replica.work()) {
      this.#collect(replica, work.messages, sends);
      for (const request of work.logReads) void this.#readLog(replica, request);
      for (const to of work.snapshotsWanted) this.#deps.snapshots.wanted(replica, to);
      if (work.append === undefined) continue;
      let task = work.append;
      if (this.#deps.bugs.sendBeforePersist === true) {
        this.#collect(replica, task.messagesAfter, sends);
        task = { ...task, messagesAfter: [] };
      }
      this.#queue(replica, task);
    }
    replica.applyAll().catch((error: unknown) => this.#fail(replica, error));
  }

  /** Tasks of a replica keep their order; one with a snapshot first puts that into force. */
  #queue(replica: AnyReplica, task: AppendTask): void {
    const waiting = { replica, task, restart: undefined };
    const held = this.#held.get(replica);
    if (held !== undefined) held.push(waiting);
    else if (task.snapshot === undefined) this.#tasks.push(waiting);
    else {
      this.#held.set(replica, []);
      void this.#install(replica, task);
    }
  }

  /** R5: the state switches over, then the log begins again there, in the next batch. */
  async #install(replica: AnyReplica, task: AppendTask): Promise<void> {
    try {
      const restart = await replica.install(() => this.#deps.snapshots.finish(replica.group));
      const held = this.#held.get(replica);
      this.#held.delete(replica);
      if (this.#replicas.get(replica.group) !== replica) return;
      this.#tasks.push({ replica, task, restart });
      for (const { task: later } of held ?? []) this.#queue(replica, later);
      await this.#write();
    } catch (error) {
      this.#fail(replica, error);
    }
  }

  #collect(
    replica: AnyReplica,
    messages: readonly Message[],
    sends: Map<NodeId, { group: number; message: Message }[]>,
  ): void {
    for (const message of messages) {
      const node = replica.nodeOf(message.to);
      if (node === undefined) continue;
      const items = sends.get(node) ?? [];
      items.push({ group: replica.group, message });
      sends.set(node, items);
    }
  }

  #sendAll(sends: ReadonlyMap<NodeId, readonly { group: number; message: Message }[]>): void {
    for (const [node, items] of sends) {
      if (this.#deps.mesh.send(node, { kind: "raft", items })) continue;
      for (const { group, message } of items) {
        this.#replicas.get(group)?.core.replicaUnreachable(message.to);
      }
    }
  }

  /** Exactly one synced batch is in flight; what comes up meanwhile is the next one. */
  async #write(): Promise<void> {
    if (this.#writing) return;
    this.#writing = true;
    try {
      while (this.#tasks.length > 0 && !this.#stopped) {
        const tasks = this.#tasks;
        this.#tasks = [];
        await this.#writeBatch(tasks);
      }
    } catch (error) {
      // What became of the batch is unknown, so nothing that this node remembers can be trusted.
      for (const replica of [...this.#replicas.values()]) this.#fail(replica, error);
    } finally {
      this.#writing = false;
    }
  }

  async #writeBatch(tasks: readonly Waiting[]): Promise<void> {
    const appends = tasks
      .filter(({ replica, task }) => task.sync && this.#replicas.get(replica.group) === replica)
      .map(({ replica, task, restart }) => ({
        group: replica.group,
        hardState: task.hardState,
        restart,
        entries: task.entries,
      }));
    if (appends.length > 0) await this.#deps.logs.append(appends);
    if (this.#stopped) return;
    const sends = new Map<NodeId, { group: number; message: Message }[]>();
    for (const { replica, task } of tasks) {
      if (this.#replicas.get(replica.group) !== replica) continue;
      this.#guard(replica, () => {
        replica.core.stored(task.token);
        this.#collect(replica, task.messagesAfter, sends);
      });
      this.#awake.add(replica);
    }
    this.#sendAll(sends);
    // Look after them at once: with one proposer every turn of the loop is latency.
    this.#pump();
  }

  async #readLog(replica: AnyReplica, request: LogReadRequest): Promise<void> {
    const { firstIndex, lastIndex, bytesMax } = request;
    try {
      const range = { firstIndex, lastIndex, bytesMax };
      const entries = await this.#deps.logs.readEntries(replica.group, range);
      if (this.#replicas.get(replica.group) !== replica) return;
      replica.core.entriesRead(request, entries);
      this.wake(replica.group);
    } catch (error) {
      this.#fail(replica, error);
    }
  }

  /** A replica whose program is wrong stops; the others go on (rule 12 of the style guide). */
  #guard(replica: AnyReplica, run: () => void, message?: Heard): void {
    try {
      run();
    } catch (error) {
      this.#fail(replica, error, message);
    }
  }
}
