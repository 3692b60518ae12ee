import { assert } from "../std/assert.ts";
import { type FalseClaim, falseClaim } from "./claims.ts";
import {
  type CoreState,
  createState,
  type LogReadRequest,
  type Quiet,
  type RestoredState,
  send,
} from "./core-state.ts";
import { campaign, countVote } from "./elections.ts";
import { adoptSnapshot, lacksSnapshot } from "./following.ts";
import { takeRead } from "./heartbeats.ts";
import { beginLeaderGone } from "./leader-gone.ts";
import { switchConfiguration } from "./membership.ts";
import type { Message } from "./messages.ts";
import { checkOptions, type RaftOptions } from "./options.ts";
import {
  type ConfigRefusal,
  maybeAutoLeave,
  type ProposalAccepted,
  type ProposalRefusal,
  propose,
  proposeConfigChange,
} from "./proposals.ts";
import { type QuietPermit, wake } from "./quiet.ts";
import { applyEntriesRead, hasReady, type Ready, takeReady } from "./ready.ts";
import { maybeCommit, sendEntriesRead, sendSnapshot } from "./replication.ts";
import { type RaftStatus, statusOf } from "./status.ts";
import { step } from "./step.ts";
import type { StoredToken } from "./storage-tasks.ts";
import { tick } from "./ticks.ts";
import { type TransferResult, transferLeadership } from "./transfer.ts";
import type { ConfigChange, Entry, ReplicaId, SnapshotDescription, TermRun } from "./types.ts";

/** Whether a read is on its way to an answer in `Ready.readResults`. */
export type ReadAccepted =
  | { readonly kind: "accepted" }
  /** No leader is known, or too many reads wait already. */
  | { readonly kind: "refused"; readonly reason: "no-leader" | "too-many" };

/**
 * One replica of one Raft group: a state machine without clock, disk or network. Whatever happens
 * is told to it (`tick`, `step`, `propose`, `stored`, `applied`...), and what is to be done is asked
 * of it with `ready`. All methods return at once and none may be called from within another.
 *
 * After an AssertionError the replica's state is not to be trusted: its owner stops it for good.
 */
export class RaftCore {
  readonly #state: CoreState;

  /** @param restored what the replica's disk held when it was opened, all of it durable. */
  constructor(options: RaftOptions, restored: RestoredState) {
    checkOptions(options);
    assert(
      restored.appliedIndex >= restored.compacted.index,
      "entries were compacted that the state machine lacks",
    );
    this.#state = createState(options, restored);
  }

  /**
   * A tick of time has passed. Never waits for the disk: a stuck one shows in ticks. A quiet replica
   * need not be ticked.
   * @param permit whether a leader that has nothing to do may let the group go quiet (R7).
   */
  tick(permit: QuietPermit = "awake"): void {
    tick(this.#state, permit);
  }

  // What is asked often, without a whole status.

  get role(): RaftStatus["role"] {
    return this.#state.role;
  }

  get term(): number {
    return this.#state.term;
  }

  get committed(): number {
    return this.#state.log.committed;
  }

  get configuration(): RaftStatus["configuration"] {
    return this.#state.configuration;
  }

  /** The leader that this replica follows, or itself; undefined while it knows none. */
  get leader(): ReplicaId | undefined {
    return this.#state.leader;
  }

  /** Set while the replica is quiet (R7): it waits to be asked or told something. */
  get quiet(): Quiet | undefined {
    return this.#state.quiet;
  }

  /** Ends quiet, if the replica is: a leader then says at its next tick that it lives. */
  wake(): void {
    wake(this.#state);
  }

  /**
   * A message has come. What does not concern this replica or its term changes nothing.
   * @returns what no honest peer would have said in it; then it has changed nothing either.
   */
  step(message: Message): FalseClaim | undefined {
    return step(this.#state, message);
  }

  /** What `step` would return, for who does something else with the message. */
  falseClaim(message: Message): FalseClaim | undefined {
    return falseClaim(this.#state, message);
  }

  /** Appends payloads to the leader's log, all or none; at least one. */
  propose(payloads: readonly Uint8Array[]): ProposalAccepted | ProposalRefusal {
    assert(payloads.length > 0, "a proposal has at least one payload");
    wake(this.#state);
    return propose(this.#state, payloads);
  }

  /** Appends a membership change to the leader's log. */
  proposeConfigChange(change: ConfigChange): ProposalAccepted | ConfigRefusal {
    wake(this.#state);
    return proposeConfigChange(this.#state, change);
  }

  /**
   * Starts an election now, where that is sensible.
   * @returns false if this replica leads, may not vote, has a committed membership change to apply
   * first, or its disk is stuck.
   */
  campaign(): boolean {
    wake(this.#state);
    return campaign(this.#state);
  }

  /**
   * The node of this group's leader is gone, by the judgement of the node's failure detector (R6).
   * Without waiting for the election timeout this replica campaigns within a few ticks, and it
   * grants pre-votes although a leader was heard lately. Word from any leader takes it back.
   */
  leaderGone(): void {
    const state = this.#state;
    if (state.role === "leader" || state.leaderGone) return;
    wake(state);
    beginLeaderGone(state);
  }

  /** Hands leadership to a voter; proposals are refused until that is done or given up. */
  transferLeadership(to: ReplicaId): TransferResult {
    wake(this.#state);
    return transferLeadership(this.#state, to);
  }

  /**
   * Asks for an index from which on a read is linearizable. At a follower the leader is asked; if
   * the question or its answer is lost, nothing is heard of it again: the caller has a deadline.
   * @param context the caller's own number for this read, echoed in the result.
   */
  readIndex(context: number): ReadAccepted {
    const state = this.#state;
    wake(state);
    if (state.role === "leader") {
      if (state.reads.full) return { kind: "refused", reason: "too-many" };
      takeRead(state, { from: state.id, context });
      return { kind: "accepted" };
    }
    if (state.leader === undefined) return { kind: "refused", reason: "no-leader" };
    send(state, {
      kind: "read-index",
      from: state.id,
      to: state.leader,
      term: state.term,
      context,
    });
    return { kind: "accepted" };
  }

  /**
   * Whether a snapshot that a leader announces would be taken over. Who fetches it first and calls
   * `adoptSnapshot` then, instead of stepping the announcement, goes on voting meanwhile.
   */
  lacksSnapshot(snapshot: SnapshotDescription): boolean {
    return lacksSnapshot(this.#state, snapshot);
  }

  /**
   * A snapshot is here as a whole. If it is still of use it becomes part of the next append task.
   * @returns whether it does; if not, it can be thrown away.
   */
  adoptSnapshot(snapshot: SnapshotDescription): boolean {
    return adoptSnapshot(this.#state, snapshot);
  }

  /** Messages to a replica are likely to have been lost: appends to it are sent one by one again. */
  replicaUnreachable(id: ReplicaId): void {
    const progress = this.#state.progress.get(id);
    if (this.#state.role === "leader" && progress?.state === "replicate") progress.becomeProbe();
  }

  /**
   * Answers `Ready.snapshotsWanted`: what is to be announced to the follower.
   * @returns whether it is announced; if not, it can be thrown away: nobody wants it any more, or the
   * log has been compacted beyond it and another is asked for.
   */
  snapshotMade(to: ReplicaId, snapshot: SnapshotDescription): boolean {
    return sendSnapshot(this.#state, to, snapshot);
  }

  /**
   * Says how a snapshot for a follower went: made and carried over, or not. Nothing is sent to the
   * follower before this is said or it answers by itself, so whoever carries the snapshot must come
   * to an end, by a timeout if need be. A success only allows to probe behind it; what counts is the
   * follower's own answer.
   */
  snapshotStatus(to: ReplicaId, outcome: "transferred" | "failed"): void {
    const progress = this.#state.progress.get(to);
    if (this.#state.role !== "leader" || progress?.state !== "snapshot") return;
    if (outcome === "failed") progress.pendingSnapshot = 0;
    progress.becomeProbe();
    // After a success its answer is on the way; after a failure a pause does good.
    progress.flowPaused = true;
  }

  /** Whether `ready` would have anything. */
  hasReady(): boolean {
    return hasReady(this.#state);
  }

  /** Hands out what is to be done. Each thing is handed out once; see `Ready`. */
  ready(): Ready {
    return takeReady(this.#state);
  }

  /**
   * An append task, and with it all before it, is durable. Only what the log still holds as it was
   * written counts. The leader's own acknowledgement and a candidate's own vote are counted here.
   */
  stored(token: StoredToken): void {
    const state = this.#state;
    const { log } = state;
    const tasks = log.stored(token);
    if (tasks === undefined) return;
    state.storageElapsed = 0;
    if (tasks.snapshotIndex !== undefined && !log.installing)
      state.apply.installed(tasks.snapshotIndex);
    if (state.role === "candidate" && tasks.hardTerm === state.term)
      countVote(state, state.id, true);
    if (state.role !== "leader") return;
    const own = state.progress.get(state.id);
    if (own?.accept(log.synced) === true) maybeCommit(state);
  }

  /**
   * The state machine has applied everything up to `index`; it need not be durable. Configurations
   * come into force here.
   */
  applied(index: number): void {
    const state = this.#state;
    const configuration = state.apply.applyTo(index);
    state.log.forgetConfigs(state.apply.applied);
    if (configuration !== undefined) switchConfiguration(state, configuration);
    maybeAutoLeave(state);
  }

  /**
   * Answers `Ready.logReads`: entries from `firstIndex` on without gaps, at least one. None only if
   * the log has been compacted beyond them meanwhile.
   */
  entriesRead(request: LogReadRequest, entries: readonly Entry[]): void {
    const state = this.#state;
    entries.forEach((entry, position) => {
      assert(entry.index === request.firstIndex + position, "the log on disk has a gap");
      const term = state.log.termAt(entry.index);
      assert(
        term === undefined || term === entry.term,
        `the log on disk has another entry ${entry.index} than was written`,
      );
    });
    if (request.purpose.kind === "apply") applyEntriesRead(state, request, entries);
    else sendEntriesRead(state, { request, to: request.purpose.to }, entries);
  }

  /**
   * Forgets the log up to `index`, which is applied and durable in the state machine's own state.
   * Followers that lack more than what remains get a snapshot; so keep a tail.
   */
  compact(index: number): void {
    const { apply, log } = this.#state;
    assert(index <= apply.applied, `index ${index} is compacted before it is applied`);
    log.compact(index);
  }

  /** The runs of equal terms above the compaction point, to be handed back at the next start. */
  get terms(): readonly TermRun[] {
    return this.#state.log.terms;
  }

  /** A look at everything; see `RaftStatus`. */
  status(): RaftStatus {
    return statusOf(this.#state);
  }
}
