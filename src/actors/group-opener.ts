/** Makes and opens the replicas of this node, and binds each to the actor of its group. */

import { RAFT_DEFAULTS } from "../raft/options.ts";
import { RaftCore } from "../raft/raft-core.ts";
import type { Entry, ReplicaId } from "../raft/types.ts";
import type { NodeId } from "../scheduler/dataset.ts";
import type { WorkflowRow } from "../scheduler/system/rows.ts";
import { assert } from "../std/assert.ts";
import { errorText, isJobxError } from "../std/errors.ts";
import { WEIGHT_DEFAULT } from "../workflow/definition.ts";
import type { AnswerOf } from "./answers.ts";
import { ActorError } from "./errors.ts";
import { type GroupHost, isDamage } from "./group-host.ts";
import { readHere } from "./group-reads.ts";
import { GroupStamps } from "./group-stamps.ts";
import type { Machine } from "./machine.ts";
import { voterNodes } from "./membership.ts";
import type { KeptReplica } from "./membership-keeper.ts";
import type { ClusterNodeDeps } from "./node-deps.ts";
import type { PeerClocks } from "./peer-clocks.ts";
import type { NewReplica, PayloadsPort, PeerMessage, StatePort, StoredReplica } from "./ports.ts";
import { Replica, type ReplicaListener } from "./replica.ts";
import type { SystemGroup } from "./system-group.ts";
import type { NodeVersions } from "./version-gate.ts";
import { nameOfMember, workersAmong } from "./whom-to-ask.ts";
import { WorkflowGroup } from "./workflow-group.ts";
import type { WorkflowTold } from "./workflow-telling.ts";

export interface GroupOpenerDeps extends ClusterNodeDeps {
  readonly host: GroupHost;
  readonly system: SystemGroup;
  readonly clocks: PeerClocks;
  readonly hasGone: (node: NodeId) => boolean;
  readonly onActive: (group: number) => void;
  readonly onDefined: (told: WorkflowTold) => void;
  /** R10: read anew for each command. */
  readonly versions: () => NodeVersions;
}

export class GroupOpener {
  readonly #deps: GroupOpenerDeps;
  readonly #workflows = new Map<number, WorkflowGroup>();
  /** Groups whose replica is being made or opened. */
  readonly #busy = new Set<number>();

  constructor(deps: GroupOpenerDeps) {
    this.#deps = deps;
  }

  workflow(group: number): WorkflowGroup | undefined {
    return this.#workflows.get(group);
  }

  workflows(): Iterable<WorkflowGroup> {
    return this.#workflows.values();
  }

  replicas(): readonly KeptReplica[] {
    const { replica } = this.#deps.system;
    const workflows = [...this.#workflows.values()].map((group) => group.replica);
    return replica === undefined ? workflows : [replica, ...workflows];
  }

  /** Rows of the replica here. @throws {ActorError} `REPLICA_ELSEWHERE` when there is none. */
  async readHere(group: number, what: Parameters<typeof readHere>[1]): Promise<AnswerOf<"rows">> {
    const here = this.#workflows.get(group);
    if (here !== undefined) return readHere(here.replica, what);
    const { directory } = this.#deps.system;
    const holders = directory.workflow(group)?.replicas.map(({ node }) => node) ?? [];
    const names = holders.map((node) => nameOfMember(directory.member(node)) ?? node);
    const text = `this node has no replica of the workflow; ask ${names.join(" or ")}`;
    throw new ActorError({ code: "REPLICA_ELSEWHERE" }, text);
  }

  /** The group's replica is not here any more. */
  forget(group: number): void {
    if (group === 0) this.#deps.system.unbind();
    this.#workflows.delete(group);
  }

  /**
   * Opens a replica that was here before the node started. R4: if what it needs to begin cannot be read, it
   * takes no part, and the others do. @returns why, if so.
   */
  async openFound(stored: StoredReplica): Promise<string | undefined> {
    try {
      await this.open(stored);
      return undefined;
    } catch (error) {
      if (!isDamage(error)) throw error;
      const { log, system } = this.#deps;
      const { group } = stored;
      this.forget(group);
      // Half of a directory is worse than none.
      if (group === 0) system.directory.clear();
      const reason = errorText(error);
      log.error("a replica is damaged and takes no part", { group, reason });
      return reason;
    }
  }

  /** Opens a replica that the disk holds. */
  async open(stored: StoredReplica): Promise<void> {
    if (stored.group === 0) await this.#openSystem(stored);
    else await this.#openWorkflow(stored);
  }

  /** A group's leader wants a replica here (R2). */
  make(from: NodeId, message: Extract<PeerMessage, { kind: "make-replica" }>): void {
    const { group, replica, membership } = message;
    // Its learner may not know of the workflow yet; the leader asks again until it does.
    const row = this.#deps.system.directory.workflow(group);
    if (group !== 0 && (row === undefined || row.state === "deleted")) return;
    if (this.#makeOnce({ group, replica, bootstrap: membership, founder: false }))
      this.#deps.log.info("makes a replica as it is told", { group, replica, node: from });
  }

  /** The system group says that one of the workflow's first replicas is here (R9). */
  makeFirst(row: WorkflowRow, replica: ReplicaId): void {
    const of = (role: "voter" | "learner"): readonly ReplicaId[] =>
      row.replicas.filter((one) => one.role === role).map((one) => one.replica);
    const bootstrap = {
      configuration: {
        voters: of("voter"),
        votersOutgoing: [],
        learners: of("learner"),
        learnersNext: [],
        autoLeave: false,
      },
      places: row.replicas.map(({ replica: id, node, storeId }) => ({
        replica: id,
        node,
        storeId,
      })),
      nextReplica: Math.max(...row.replicas.map((one) => one.replica)) + 1,
    };
    this.#makeOnce({ group: row.group, replica, bootstrap, founder: true });
  }

  /** @returns false when there is one already, or there must be none. */
  #makeOnce(made: NewReplica): boolean {
    const { group, replica } = made;
    if (this.#busy.has(group) || this.#deps.host.replica(group) !== undefined) return false;
    const { logs } = this.#deps;
    if (logs.replicas().some((stored) => stored.group === group)) return false;
    // It was here and was removed from the group: ids are never used again (R2).
    if (replica <= logs.replicaFloor(group)) return false;
    this.#busy.add(group);
    this.#make(made)
      .catch((error: unknown) => {
        const { log } = this.#deps;
        log.warn("a replica could not be made", { group, replica, reason: errorText(error) });
      })
      .finally(() => this.#busy.delete(group));
    return true;
  }

  async #make(replica: NewReplica): Promise<void> {
    await this.#deps.logs.createReplica(replica);
    const made = this.#deps.logs.replicas().find((stored) => stored.group === replica.group);
    assert(made !== undefined, "a replica that was made is there");
    await this.open(made);
  }

  async #openSystem(stored: StoredReplica): Promise<void> {
    const { system, machines, states, host } = this.#deps;
    const machine = machines.system;
    const state = await states.system();
    const stamps = this.#stamps(() => system.replica);
    const replica = this.#replica(stored, { machine, state, listener: system, stamps });
    await system.bind(replica);
    host.add(replica);
    lookForLeader(replica);
  }

  async #openWorkflow(stored: StoredReplica): Promise<void> {
    const { machines, states, host, options } = this.#deps;
    const { group } = stored;
    const { directory } = this.#deps.system;
    if (directory.workflow(group)?.state === "deleted") return;
    const stamps = this.#stamps(() => this.#workflows.get(group)?.replica);
    const actor = new WorkflowGroup({
      ...this.#deps,
      // Delays are due by the stamps' clock.
      wall: stamps,
      group,
      // Looked up when needed: after a crash this replica may be open before the directory is filled.
      get name() {
        return directory.workflow(group)?.name ?? `group ${group}`;
      },
      get description() {
        return directory.workflow(group)?.description ?? "";
      },
      get weight() {
        return directory.workflow(group)?.weight ?? WEIGHT_DEFAULT;
      },
      scheduling: options.scheduling,
      workers: () => workersAmong(directory.members(), this.#deps.mesh),
    });
    const machine = machines.workflow;
    const state = await states.workflow(group);
    const replica = this.#replica(stored, { machine, state, listener: actor, stamps });
    actor.bind(replica);
    this.#workflows.set(group, actor);
    host.add(replica);
    lookForLeader(replica);
  }

  #replica<R, E, F>(
    stored: StoredReplica,
    parts: {
      readonly machine: Machine<R, E, F>;
      readonly state: StatePort<R>;
      readonly listener: ReplicaListener<F>;
      readonly stamps: GroupStamps;
    },
  ): Replica<R, E, F> {
    const { random, options, host, payloads, bugs } = this.#deps;
    const membership = parts.state.membership ?? stored.bootstrap;
    const { electionTicks, heartbeatTicks, leaderGoneTicks, quietTicks } = options;
    const core = new RaftCore(
      {
        ...RAFT_DEFAULTS,
        id: stored.replica,
        random,
        electionTicks,
        heartbeatTicks,
        leaderGoneTicks,
        quietTicks,
        storageStallTicks: 3 * electionTicks,
        bugs,
      },
      {
        hardState: stored.hardState,
        configuration: membership.configuration,
        appliedIndex: parts.state.appliedIndex,
        compacted: stored.compacted,
        lastIndex: stored.lastIndex,
        terms: stored.terms,
        entries: stored.tail,
      },
    );
    const { machine, stamps } = parts;
    stamps.seen(newestStampMs(stored.tail, { machine, checks: payloads.checks }));
    return new Replica({
      ...parts,
      machine: {
        payloads: machine.payloads,
        versionNeeded: (envelope) => machine.versionNeeded(envelope),
        apply: (tx, at, envelope) => {
          stamps.seen(at.stampMs);
          return machine.apply(tx, at, envelope);
        },
      },
      group: stored.group,
      id: stored.replica,
      core,
      membership,
      places: payloads.places,
      checks: payloads.checks,
      stampMs: () => stamps.wallMs(),
      versions: this.#deps.versions,
      wake: () => host.wake(stored.group),
      bugs,
    });
  }

  #stamps(replica: () => Pick<KeptReplica, "membership" | "leadingTerm"> | undefined): GroupStamps {
    const { clock, clocks } = this.#deps;
    return new GroupStamps({
      clock,
      clocks,
      voters: () => {
        const here = replica();
        return here === undefined ? [] : voterNodes(here.membership);
      },
      term: () => replica()?.leadingTerm,
    });
  }
}

/**
 * A replica that has just been opened knows no leader. It asks soon whether it could win an election:
 * if there is a leader, the others say no, and nobody's term has changed.
 */
function lookForLeader(replica: { readonly core: RaftCore }): void {
  replica.core.leaderGone();
}

/**
 * R14: what was applied before the start is not applied again, so its stamp is read from the log; 0 without
 * one. What this program cannot read has none: the replica stops when it comes to it, and not before.
 */
function newestStampMs<R, E, F>(
  tail: readonly Entry[],
  of: { readonly machine: Machine<R, E, F>; readonly checks: PayloadsPort["checks"] },
): number {
  for (const entry of tail.toReversed()) {
    if (entry.kind !== "normal" || of.checks.matches(entry.data)) continue;
    try {
      return of.machine.payloads.decode(entry.data).stampMs;
    } catch (error) {
      if (!isJobxError(error)) throw error;
    }
  }
  return 0;
}
