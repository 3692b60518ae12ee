/**
 * One replica of one Raft group on this node: the pure core, the commands on their way through it, and
 * the rows that applying makes. It is driven by the `GroupHost`, which owns disk and network.
 */

import type { Message } from "../raft/messages.ts";
import type { QuietPermit } from "../raft/quiet.ts";
import type { RaftCore } from "../raft/raft-core.ts";
import type { AppendTask, Ready } from "../raft/ready.ts";
import type { ConfigChange, Entry, ReplicaId } from "../raft/types.ts";
import type { NodeId } from "../scheduler/dataset.ts";
import type { EffectSpan } from "../scheduler/events.ts";
import type { RowView } from "../scheduler/transaction.ts";
import { assert } from "../std/assert.ts";
import type { PlantedBugs } from "../std/planted-bugs.ts";
import { Applier, type Committed } from "./applier.ts";
import { ActorError } from "./errors.ts";
import type { Applied, Machine } from "./machine.ts";
import { nextMembership, nodeOf } from "./membership.ts";
import type {
  LogRestart,
  Membership,
  PayloadPort,
  PayloadsPort,
  ReplicaPlace,
  StatePort,
} from "./ports.ts";
import { notAccepted, Proposals } from "./proposals.ts";
import { StateChecker } from "./state-checker.ts";
import { type NodeVersions, tooEarly } from "./version-gate.ts";

/** Where in the log the entries were that were applied together. */
export interface AppliedPlaces {
  readonly firstIndex: number;
  readonly lastIndex: number;
  /** Which effects come from which command. */
  readonly spans: readonly EffectSpan[];
}

/** What a replica tells the actor that owns the group. */
export interface ReplicaListener<F> {
  /** Entries were applied; on every replica. */
  applied(effects: readonly F[], places: AppliedPlaces): void;
  /**
   * This replica leads in `term` and has applied everything of the terms before. Nothing more is
   * applied until the promise resolves, so that what is read meanwhile is of one moment.
   */
  leads(term: number): Promise<void>;
  /** It does not lead, or not any more. */
  follows(leader: NodeId | undefined): void;
  /** Asked where this replica leads: whether anything is under way or due, so that it needs a leader (R7). */
  hasDue(): boolean;
  /** The group has another membership. */
  membershipChanged(membership: Membership): void;
  /** A snapshot took the place of all rows. Nothing is applied until the promise resolves. */
  restored(): Promise<void>;
}

/** Work that the host does for a replica. */
export interface ReplicaWork {
  readonly messages: readonly Message[];
  readonly append: AppendTask | undefined;
  readonly logReads: Ready["logReads"];
  readonly snapshotsWanted: Ready["snapshotsWanted"];
}

export interface ReplicaDeps<R, E, F> {
  readonly group: number;
  readonly id: ReplicaId;
  readonly core: RaftCore;
  readonly machine: Machine<R, E, F>;
  readonly state: StatePort<R>;
  readonly membership: Membership;
  readonly places: PayloadPort<readonly ReplicaPlace[]>;
  readonly checks: PayloadsPort["checks"];
  readonly listener: ReplicaListener<F>;
  /** The stamp for entries (R14): never less than the one before. */
  readonly stampMs: () => number;
  /** R10: read anew for each command. */
  readonly versions: () => NodeVersions;
  /** Something came up: the host should ask for work soon. */
  readonly wake: () => void;
  readonly bugs: PlantedBugs;
}

interface ReadWaiter {
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
  /** The applied index that the read needs; undefined while a majority is being asked. */
  index: number | undefined;
}

/** Members that may be met before the change that made them is applied here: as many as one change makes. */
const STRANGERS_MAX = 64;

/** Linearizable reads that may wait. */
const READS_MAX = 10_000;

/** Applied batches that may be behind with their rows; each is about 10 ms of work at most. */
const UNWRITTEN_MAX = 64;

export class Replica<R, E, F> {
  readonly #deps: ReplicaDeps<R, E, F>;
  readonly #applier: Applier<R, E, F>;
  readonly #proposals: Proposals<E>;
  readonly #toApply: Committed<E>[] = [];
  readonly #reads = new Map<number, ReadWaiter>();
  readonly #between: (() => Promise<void>)[] = [];
  readonly #checker = new StateChecker();
  readonly #strangers = new Map<ReplicaId, NodeId>();
  #readNumber = 0;
  #membership: Membership;
  /** As of the last entry that was handed out for applying. */
  #membershipAhead: Membership;
  #appliedIndex: number;
  #leading: number | undefined;
  /** As the core last said; what it decides by itself is refused when it is proposed. */
  #leader = false;
  #applying = false;
  /** Applied batches whose rows are not with the database yet. */
  #unwritten = 0;
  /** Why a write failed. */
  #failure: Error | undefined;
  #stopped = false;

  constructor(deps: ReplicaDeps<R, E, F>) {
    this.#deps = deps;
    this.#applier = new Applier(deps.machine, deps.state, deps.bugs);
    this.#proposals = new Proposals(deps.machine.payloads);
    this.#membership = deps.membership;
    this.#membershipAhead = deps.membership;
    this.#appliedIndex = deps.state.appliedIndex;
  }

  get group(): number {
    return this.#deps.group;
  }

  get id(): ReplicaId {
    return this.#deps.id;
  }

  get core(): RaftCore {
    return this.#deps.core;
  }

  get membership(): Membership {
    return this.#membership;
  }

  get appliedIndex(): number {
    return this.#appliedIndex;
  }

  /** The term that this replica leads in, once it may decide from its rows. */
  get leadingTerm(): number | undefined {
    return this.#leading;
  }

  /** The node of the leader, as far as this replica knows. */
  get leaderNode(): NodeId | undefined {
    const { leader } = this.core;
    return leader === undefined ? undefined : this.nodeOf(leader);
  }

  /** Puts a command through the log. @throws {ActorError} `COMMAND_NOT_ACCEPTED` where this replica does not lead; `CLUSTER_VERSION_TOO_LOW`. */
  propose(envelope: E): Promise<Applied> {
    if (this.#stopped) return Promise.reject(notAccepted("the replica has stopped", undefined));
    if (!this.#leader) return Promise.reject(notAccepted("another node leads", this.leaderNode));
    const { machine, versions, bugs } = this.#deps;
    const early = tooEarly(machine.versionNeeded(envelope), versions());
    if (early !== undefined && bugs.proposeEarly !== true) return Promise.reject(early);
    const applied = this.#proposals.add(envelope);
    this.#deps.wake();
    return applied;
  }

  /** Proposes a membership change; false when that is not possible now. */
  proposeMembers(change: Omit<ConfigChange, "context">, added: readonly ReplicaPlace[]): boolean {
    if (this.#stopped) return false;
    const context = this.#deps.places.encode(added);
    const result = this.core.proposeConfigChange({ ...change, context });
    this.#deps.wake();
    return result.kind === "accepted";
  }

  /** R10: has all replicas compare their states, if this one leads and there is anything new. */
  proposeCheck(): void {
    if (this.#leading === undefined) return;
    const check = this.#checker.next(this.#appliedIndex);
    if (check === undefined) return;
    // If it is refused, the next one will be taken.
    this.core.propose([this.#deps.checks.encode(check)]);
    this.#deps.wake();
  }

  /** Comparisons of this replica's state with a leader's that came out equal. */
  get statesCompared(): number {
    return this.#checker.compared;
  }

  /** Resolves when this replica has applied all that was committed anywhere before the call. */
  linearize(): Promise<void> {
    if (this.#stopped) return Promise.reject(stopped());
    if (this.#reads.size >= READS_MAX) {
      return Promise.reject(
        new ActorError({ code: "COMMAND_QUEUE_FULL" }, "too many reads wait for this workflow"),
      );
    }
    this.#readNumber += 1;
    const context = this.#readNumber;
    const asked = this.core.readIndex(context);
    if (asked.kind === "refused") {
      return Promise.reject(notAccepted("no leader answers for the read", this.leaderNode));
    }
    this.#deps.wake();
    return new Promise((resolve, reject) => {
      this.#reads.set(context, { resolve, reject, index: undefined });
    });
  }

  /** Answers a question from the applied rows. */
  query<T>(ask: (view: RowView<R>) => T): Promise<T> {
    return this.#applier.query(ask);
  }

  /** The applied rows, for scans. */
  get state(): StatePort<R> {
    return this.#deps.state;
  }

  /** Takes what is to be done; the host calls this until there is nothing. */
  work(): ReplicaWork | undefined {
    if (this.#stopped) return undefined;
    this.#flush();
    if (!this.core.hasReady()) return undefined;
    const ready = this.core.ready();
    this.#takeCommitted(ready);
    if (ready.softState !== undefined) this.#roleChanged(ready.softState.role === "leader");
    for (const result of ready.readResults) this.#readAnswered(result);
    const { messages, append, logReads, snapshotsWanted } = ready;
    return { messages, append, logReads, snapshotsWanted };
  }

  /** R7: whether the group may go quiet, as far as that is for its owner to say. */
  get permit(): QuietPermit {
    const busy =
      this.#stopped || this.#applying || this.#proposals.hasWaiting || this.#reads.size > 0;
    if (busy || this.#leading === undefined) return "awake";
    return this.#deps.listener.hasDue() ? "quiet-due" : "quiet";
  }

  /** Applies what is committed, batch by batch. Runs once at a time; rejects when the replica must stop. */
  async applyAll(): Promise<void> {
    if (this.#applying) return;
    this.#applying = true;
    try {
      while (!this.#stopped) {
        if (this.#failure !== undefined) throw this.#failure;
        const between = this.#between.shift();
        if (between !== undefined) await between();
        else if (this.#toApply.length > 0) await this.#applySome();
        else break;
      }
    } finally {
      this.#applying = false;
    }
  }

  /** Runs `task` while nothing is applied, so that what it reads is of one moment. */
  whileStill(task: () => Promise<void>): void {
    this.#between.push(task);
    this.#deps.wake();
  }

  /**
   * The core has adopted a snapshot: between two batches `finish` puts its state into force. What was
   * to be applied is part of it. Reads wait for the listener: it answers some from what it keeps.
   */
  install(finish: () => Promise<LogRestart>): Promise<LogRestart> {
    return new Promise((resolve, reject) => {
      this.whileStill(async () => {
        try {
          this.#toApply.length = 0;
          const restart = await finish();
          this.#setMembership(restart.membership);
          this.#membershipAhead = restart.membership;
          this.#proposals.skipped(restart.index);
          this.#deps.listener.membershipChanged(restart.membership);
          await this.#deps.listener.restored();
          this.#appliedIndex = restart.index;
          this.#serveReads();
          resolve(restart);
        } catch (error) {
          reject(error instanceof Error ? error : new Error(String(error)));
        }
      });
    });
  }

  /**
   * The rest of the group is lost (R8): leaves service between two batches and applies all that the log
   * here holds, whoever else had it; returns the last index. Membership changes among it are void.
   */
  finishAlone(how: {
    /** Takes the replica out of service. */
    readonly retire: () => void;
    readonly read: (firstIndex: number, lastIndex: number) => Promise<readonly Entry[]>;
  }): Promise<number> {
    return new Promise((resolve, reject) => {
      this.whileStill(async () => {
        const { synced } = this.core.status();
        how.retire();
        try {
          while (this.#appliedIndex < synced) {
            const entries = await how.read(this.#appliedIndex + 1, synced);
            await this.#applyAlone(entries);
          }
          resolve(synced);
        } catch (error) {
          reject(error instanceof Error ? error : new Error(String(error)));
        }
      });
    });
  }

  async #applyAlone(entries: readonly Entry[]): Promise<void> {
    const { checks } = this.#deps;
    const committed = entries.map((entry) => {
      const isCheck = entry.kind === "normal" && checks.matches(entry.data);
      const check = isCheck ? checks.decode(entry.data) : undefined;
      return { entry, batch: undefined, check, membership: undefined };
    });
    while (committed.length > 0) {
      const { written } = await this.#applier.apply(
        committed.splice(0, this.#applier.chunk(committed)),
      );
      await written;
    }
    this.#appliedIndex = entries.at(-1)?.index ?? this.#appliedIndex;
  }

  /** The node that a member lives on, as far as this replica has heard. */
  nodeOf(replica: ReplicaId): NodeId | undefined {
    return nodeOf(this.#membership, replica) ?? this.#strangers.get(replica);
  }

  /** A member wrote whom this replica's membership does not know yet; answers go there. */
  met(stranger: ReplicaId, node: NodeId): void {
    if (this.#strangers.size >= STRANGERS_MAX) this.#strangers.clear();
    this.#strangers.set(stranger, node);
  }

  /** The replica must not be trusted or is not needed any more. */
  stop(): void {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#toApply.length = 0;
    this.#between.length = 0;
    this.#proposals.close();
    for (const read of this.#reads.values()) read.reject(stopped());
    this.#reads.clear();
    this.#leading = undefined;
    this.#deps.listener.follows(undefined);
  }

  #flush(): void {
    if (!this.#proposals.hasWaiting) return;
    for (const packed of this.#proposals.pack(this.#deps.stampMs())) {
      const result = this.core.propose([packed.bytes]);
      if (result.kind === "accepted") this.#proposals.accepted(packed, result);
      else this.#proposals.refused(packed, notAccepted(`refused: ${result.kind}`, this.leaderNode));
    }
  }

  #takeCommitted(ready: Ready): void {
    for (const entry of ready.committed) {
      let membership: Membership | undefined;
      if (entry.kind === "config") {
        const after = ready.configurations.find((at) => at.index === entry.index);
        assert(after !== undefined, "a membership change comes with its configuration");
        const { context } = entry.change;
        const added = context.length === 0 ? [] : this.#deps.places.decode(context);
        membership = nextMembership(this.#membershipAhead, after.configuration, added);
        this.#membershipAhead = membership;
      }
      const batch = this.#proposals.batchAt(entry.index, entry.term);
      const { checks } = this.#deps;
      const check =
        entry.kind === "normal" && checks.matches(entry.data)
          ? checks.decode(entry.data)
          : undefined;
      this.#toApply.push({ entry, batch, check, membership });
    }
  }

  async #applySome(): Promise<void> {
    const entries = this.#toApply.splice(0, this.#applier.chunk(this.#toApply));
    const [first] = entries;
    if (first?.check !== undefined)
      this.#checker.applied(first.entry.index, first.check, await this.#deps.state.hash());
    const applied = await this.#applier.apply(entries);
    if (this.#stopped) return;
    const last = entries.at(-1);
    assert(last !== undefined, "a chunk has an entry");
    this.#appliedIndex = last.entry.index;
    this.core.applied(last.entry.index);
    this.#deps.wake();
    const membership = entries.findLast((one) => one.membership !== undefined)?.membership;
    if (membership !== undefined) {
      this.#setMembership(membership);
      this.#deps.listener.membershipChanged(membership);
    }
    const firstIndex = entries[0]?.entry.index ?? last.entry.index;
    const places = { firstIndex, lastIndex: last.entry.index, spans: applied.spans };
    this.#deps.listener.applied(applied.effects, places);
    for (const one of applied.answers) this.#proposals.applied(one.index, one.term, one.answers);
    this.#serveReads();
    await this.#maybeLead(entries);
    await this.#writeBehind(applied.written);
  }

  /**
   * Nobody waits for applied rows to be on disk: they would come again from the log. So what they led
   * to is on its way already, and only when many are behind the next ones wait.
   */
  async #writeBehind(written: Promise<void>): Promise<void> {
    this.#unwritten += 1;
    const ended = written.then(
      () => {
        this.#unwritten -= 1;
      },
      (error: unknown) => {
        this.#failure ??= error instanceof Error ? error : new Error(String(error));
        this.#deps.wake();
      },
    );
    // Writes end in the order of their calls.
    if (this.#unwritten >= UNWRITTEN_MAX) await ended;
  }

  #setMembership(membership: Membership): void {
    this.#membership = membership;
    // Whoever is not a member by now was removed.
    for (const id of this.#strangers.keys())
      if (id < membership.nextReplica) this.#strangers.delete(id);
  }

  /** A leader decides from its rows only when it has applied what earlier leaders left. */
  async #maybeLead(entries: readonly Committed<E>[]): Promise<void> {
    const { role, term } = this.core;
    if (role !== "leader" || this.#leading === term) return;
    if (!entries.some(({ entry }) => entry.term === term)) return;
    this.#leading = term;
    await this.#deps.listener.leads(term);
  }

  #roleChanged(leads: boolean): void {
    this.#leader = leads;
    if (leads) return;
    this.#leading = undefined;
    this.#deps.listener.follows(this.leaderNode);
  }

  #readAnswered(result: Ready["readResults"][number]): void {
    const read = this.#reads.get(result.context);
    if (read === undefined) return;
    if (result.kind === "lost") {
      this.#reads.delete(result.context);
      read.reject(notAccepted("leadership changed during the read", this.leaderNode));
      return;
    }
    read.index = result.index;
    this.#serveReads();
  }

  #serveReads(): void {
    for (const [context, read] of this.#reads) {
      if (read.index === undefined || read.index > this.#appliedIndex) continue;
      this.#reads.delete(context);
      read.resolve();
    }
  }

  /** Gives up reads that were asked of a leader that is gone; the caller asks again. */
  dropReads(): void {
    for (const [context, read] of this.#reads) {
      if (read.index !== undefined) continue;
      this.#reads.delete(context);
      read.reject(notAccepted("no majority answered the read in time", this.leaderNode));
    }
  }
}

function stopped(): ActorError {
  return new ActorError(
    { code: "REPLICA_STOPPED" },
    "the replica of the workflow has stopped here",
  );
}
