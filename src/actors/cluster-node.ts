/**
 * One node of the cluster above its ports: its replicas, its executor, and the calls between nodes.
 * The node's program and the simulator build exactly this.
 */

import type { ReplicaId } from "../raft/types.ts";
import type { NodeId } from "../scheduler/dataset.ts";
import type { ExecutorMessage } from "../scheduler/protocol.ts";
import { unreachable } from "../std/assert.ts";
import { errorText } from "../std/errors.ts";
import { type AnswerOf, answerAs, type RowsWanted } from "./answers.ts";
import { Caller } from "./caller.ts";
import { Collection } from "./collection/collection.ts";
import { type CommandNumber, CommandNumbers } from "./command-numbers.ts";
import { Directory } from "./directory.ts";
import { Executor } from "./executor.ts";
import { freshVersion } from "./fresh-version.ts";
import { GroupHost } from "./group-host.ts";
import { GroupOpener } from "./group-opener.ts";
import { GroupRecovery } from "./group-recovery.ts";
import { Leadership } from "./leadership.ts";
import { LogKeeper } from "./log-keeper.ts";
import { soleMembership, voterNodes } from "./membership.ts";
import { MembershipKeeper } from "./membership-keeper.ts";
import { MessageGate } from "./message-gate.ts";
import type { ClusterNodeDeps } from "./node-deps.ts";
import { Outlook } from "./outlook.ts";
import { PeerClocks } from "./peer-clocks.ts";
import { Performer } from "./perform.ts";
import type { Call, CallAnswer, GroupStatus, MeshListener, PeerMessage } from "./ports.ts";
import { Reach } from "./reach.ts";
import { ReplicaCare } from "./replica-care.ts";
import { Router } from "./router.ts";
import { RunCopies } from "./run-copies.ts";
import { Sagas } from "./sagas.ts";
import { serveCall } from "./serve-call.ts";
import { Snapshots } from "./snapshots.ts";
import { StoppedReplicas } from "./stopped-replicas.ts";
import { SYSTEM_GROUP, SystemGroup, VOTERS_MAX } from "./system-group.ts";
import { VersionWatch } from "./version-watch.ts";
import { copiesGround } from "./wanted-copies.ts";
import { nodesForReplicas, toldOfDamage } from "./whom-to-ask.ts";
import type { WorkflowGroup } from "./workflow-group.ts";

/** How long a stop waits for others to take over what this node leads. */
const HAND_OVER_MS = 2_000;

/** Reading rows for an attempt outlasts an election. */
const READ_DEADLINE_MS = 60_000;

export class ClusterNode implements MeshListener {
  readonly directory = new Directory();
  readonly system: SystemGroup;
  readonly host: GroupHost;
  readonly caller: Caller;
  readonly router: Router;
  readonly executor: Executor;
  readonly copies: RunCopies;
  readonly recovery: GroupRecovery;
  readonly #collection: Collection;
  readonly #deps: ClusterNodeDeps;
  readonly #opener: GroupOpener;
  readonly #keeper: MembershipKeeper;
  readonly #logKeeper: LogKeeper;
  readonly #snapshots: Snapshots;
  readonly care: ReplicaCare;
  readonly #leadership: Leadership;
  readonly clocks: PeerClocks;
  readonly versions: VersionWatch;
  readonly #sagas: Sagas;
  /** Deleted workflows whose replica here is being destroyed. */
  readonly #going = new Set<number>();
  readonly #stopped = new StoppedReplicas();
  readonly #numbers: CommandNumbers;
  readonly #outlook: Outlook;

  constructor(given: ClusterNodeDeps) {
    const gate = new MessageGate({
      ...{ mesh: given.mesh, bugs: given.bugs, versionNeeded: given.messageVersion },
      version: () => this.directory.cluster?.version,
    });
    const deps: ClusterNodeDeps = { ...given, mesh: gate };
    this.#deps = deps;
    this.#numbers = new CommandNumbers(deps.mesh.self, deps.boot);
    const { clock, timers, log, mesh, logs, bugs, options } = deps;
    this.#outlook = this.#newOutlook();
    this.#snapshots = new Snapshots(deps, (group) => this.host.wake(group));
    this.host = new GroupHost({
      ...{ clock, timers, log, logs, mesh, bugs },
      tickMs: options.tickMs,
      snapshots: this.#snapshots,
      onStopped: (...stopped) => this.#stopped.note(...stopped),
      onRemovedSpoke: (from, replica, sender) => this.care.removedSpoke(from, replica, sender),
      mayEnter: (...stranger) => this.care.strangers.mayEnter(...stranger),
    });
    this.#logKeeper = this.#newLogKeeper();
    this.clocks = this.#newClocks();
    this.versions = this.#newVersionWatch();
    this.system = new SystemGroup({
      log,
      directory: this.directory,
      founding: deps.founding,
      onChange: () => this.#directoryChanged(),
      isUp: (node) => this.#outlook.isUp(node),
    });
    this.caller = this.#newCaller(gate);
    this.router = new Router({
      ...{ clock, timers, caller: this.caller },
      candidates: (group) => this.#outlook.candidates(group),
      trouble: (group) => this.#stopped.reasons.get(group),
      gone: (group) => this.directory.workflow(group)?.state === "deleted",
      freshVersion: (ms) => freshVersion({ timers, host: this.host, system: this.system }, ms),
      whyUnled: (group, named) => this.#outlook.whyUnled(group, named),
    });
    this.#opener = new GroupOpener({
      ...deps,
      ...{ host: this.host, system: this.system, clocks: this.clocks },
      hasGone: this.#outlook.hasGone,
      onActive: (group) => this.#sagas.active(group),
      onDefined: (told) => this.#sagas.told(told),
      versions: () => ({ supports: deps.member.versions, cluster: this.versions.version }),
    });
    this.copies = new RunCopies({
      ...{ mesh, runs: deps.runs, timers, caller: this.caller, directory: this.directory },
      ...copiesGround(this, mesh),
    });
    const performer = new Performer({
      ...{ capabilities: () => options.executor.capabilities, secrets: deps.secrets },
      ...{ runner: deps.runner, volumes: deps.volumes, copies: this.copies, clock },
      read: (group, what) => this.read(group, what, READ_DEADLINE_MS),
    });
    this.executor = new Executor({
      ...{ clock, timers, log, mesh },
      ...{ options: options.executor, run: deps.run, writeMs: deps.writeMs, bugs: deps.bugs },
      workflows: () => this.#outlook.workflows(),
      perform: (attempt) => performer.perform(attempt),
      beginNoMore: () => deps.runner.beginNoMore(),
    });
    this.#keeper = this.#makeKeeper();
    this.care = this.#makeCare();
    this.#leadership = this.#newLeadership();
    this.#sagas = this.#newSagas();
    this.recovery = this.#newRecovery();
    this.#collection = new Collection(deps, this);
  }

  /** Opens what the disk holds, or founds the cluster, and begins to work. @throws {JobxError} `CLUSTER_VERSION_UNSUPPORTED`. */
  async start(): Promise<void> {
    const { logs, states, mesh, founding, member } = this.#deps;
    if (founding !== undefined && !logs.replicas().some(({ group }) => group === SYSTEM_GROUP)) {
      const bootstrap = soleMembership({ replica: 1, node: mesh.self, storeId: member.storeId });
      await logs.createReplica({ group: SYSTEM_GROUP, replica: 1, bootstrap, founder: true });
    }
    states.onDamaged((group, error) => this.host.damaged(group, error));
    for (const stored of logs.replicas()) {
      const damage = stored.damage ?? (await this.#opener.openFound(stored));
      if (damage !== undefined) {
        this.#stopped.note({ group: stored.group, id: stored.replica }, damage, true);
      }
      // The system group comes first: a program that does not fit opens no other.
      this.versions.check();
    }
    logs.onCheckpoint((applied) => this.#logKeeper.checkpointed(applied));
    mesh.listen(this);
    this.host.start();
    this.executor.start();
    this.#keeper.start();
    this.care.start();
    this.#leadership.start();
    this.#sagas.start();
    this.clocks.start();
    this.#collection.start();
    this.#directoryChanged();
  }

  /**
   * Leaves as planned: hands over what it leads, takes no more work, lets units that run finish for
   * `drainMs` and gives back the others. Aborting `hurry` ends the waiting. Then call `stop`.
   */
  async leave(options: { readonly drainMs: number; readonly hurry: AbortSignal }): Promise<void> {
    const { hurry } = options;
    const drained = this.executor.drain({ timeoutMs: options.drainMs, hurry });
    await this.#leadership.handOver(hurry.aborted ? 0 : HAND_OVER_MS);
    await drained;
    // An election may have fallen on this node meanwhile.
    await this.#leadership.handOver(hurry.aborted ? 0 : HAND_OVER_MS);
  }

  /** Stops at once; what is on disk stays valid at any moment. */
  stop(): void {
    this.executor.stop();
    this.#collection.stop();
    this.#keeper.stop();
    this.care.stop();
    this.#snapshots.stop();
    this.#leadership.stop();
    this.#sagas.stop();
    this.clocks.stop();
    this.host.stop();
  }

  /** This node's id. */
  get self(): NodeId {
    return this.#deps.mesh.self;
  }

  /** R14: how far a node's clock is ahead of the median of the system group's voters. */
  clockAheadMs(node: NodeId): number | undefined {
    const replica = this.host.replica(SYSTEM_GROUP);
    return replica && this.clocks.aheadMs(node, voterNodes(replica.membership));
  }

  /** Replicas that do not serve here, with the reason (R4). */
  get stoppedReplicas(): ReadonlyMap<number, string> {
    return this.#stopped.reasons;
  }

  /** Replicas of this node that are damaged, by group (R4). */
  get damagedReplicas(): ReadonlyMap<number, ReplicaId> {
    return this.#stopped.damaged;
  }

  /** Snapshots that this node has taken in since its start. */
  get snapshotsInstalled(): number {
    return this.#snapshots.installed;
  }

  /** The workflow's group on this node, if it has a replica here. */
  workflow(group: number): WorkflowGroup | undefined {
    return this.#opener.workflow(group);
  }

  /** The groups that this node leads, with their terms. */
  leads(): readonly { readonly group: number; readonly term: number }[] {
    return this.#opener
      .replicas()
      .flatMap(({ group, leadingTerm }) =>
        leadingTerm === undefined ? [] : [{ group, term: leadingTerm }],
      );
  }

  /** A number for the next command to a group that enters the cluster here (R15). */
  nextSequence(group: number): CommandNumber {
    return this.#numbers.next(group);
  }

  /** Reads rows from the workflow's scheduler, not older than the call unless they may be stale. */
  async read(group: number, what: RowsWanted, deadlineMs: number): Promise<AnswerOf<"rows">> {
    const scan = what.scan === undefined ? undefined : { reverse: false, ...what.scan };
    const call: Call = { kind: "read", group, keys: what.keys, scan, linear: !what.follows };
    if (what.stale === true) return this.#opener.readHere(group, call);
    return answerAs("rows", await this.router.ask(group, call, deadlineMs));
  }

  /**
   * What has happened in a workflow after a number: of the replica here, else of its scheduler's.
   * Undefined `after` is from now on. Resolves at once where there is something, else after `waitMs`.
   */
  async events(
    call: Omit<Extract<Call, { kind: "events" }>, "kind">,
    deadlineMs: number,
  ): Promise<AnswerOf<"events">> {
    const asked = { kind: "events", ...call } as const;
    const here = this.#opener.workflow(call.group)?.serve(asked);
    return answerAs("events", await (here ?? this.router.ask(call.group, asked, deadlineMs)));
  }

  /** A group as its leader sees it. @throws {JobxError} `NO_MAJORITY` when it has none. */
  async groupStatus(group: number, deadlineMs: number): Promise<GroupStatus> {
    const answer = await this.router.ask(group, { kind: "group-status", group }, deadlineMs);
    return answerAs("group", answer).status;
  }

  // What the mesh tells.

  message(from: NodeId, message: PeerMessage): void {
    if (this.versions.error !== undefined) return;
    switch (message.kind) {
      case "raft":
        for (const item of message.items) this.host.receive(from, item.group, item.message);
        return;
      case "clock":
        this.clocks.heard(from, message.wallMs);
        return;
      case "cluster-version":
        this.versions.heard(from, message.version);
        return;
      case "make-replica":
        if (message.storeId === this.#deps.member.storeId) this.#opener.make(from, message);
        return;
      case "replica-report":
        this.care.reported(from, message);
        return;
      case "replica-gone":
        this.care.gone(from, message);
        return;
      case "executor":
        this.#executorSaid(from, message.message);
        return;
      case "scheduler":
        this.executor.schedulerSaid(from, message.message);
        return;
      case "call":
        void this.caller.asked(from, message.id, message.call);
        return;
      case "answer":
        this.caller.answered(from, message.id, message.answer);
        return;
      default:
        unreachable(message);
    }
  }

  peerUp(node: NodeId): void {
    this.#outlook.cameUp(node);
    this.versions.tell(node);
    this.host.nodeUp(node);
    this.clocks.tell(node);
    for (const group of this.#opener.workflows()) group.nodeUp(node);
  }

  peerDown(node: NodeId): void {
    this.#outlook.wentDown(node);
    this.clocks.doubt(node);
    this.host.nodeDown(node);
    this.#snapshots.nodeDown(node);
    this.caller.nodeDown(node);
    this.executor.nodeDown(node);
    for (const group of this.#opener.workflows()) group.nodeDown(node);
  }

  #newOutlook(): Outlook {
    const { mesh, seeds } = this.#deps;
    return new Outlook({
      ...{ mesh, seeds, directory: this.directory },
      replica: (group) => this.host.replica(group),
      answeredFor: (group) => this.router.leaderOf(group),
      clockAheadMs: (node) => this.clockAheadMs(node),
    });
  }

  #newCaller(gate: MessageGate): Caller {
    return new Caller({
      ...this.#deps,
      refusal: (to, call) => gate.refusal(to, { kind: "call", id: 0, call }),
      serve: (from, call) => this.#serve(from, call),
    });
  }

  #newVersionWatch(): VersionWatch {
    const { clock, log, mesh, bugs, member, onUnsupported } = this.#deps;
    return new VersionWatch({
      ...{ clock, log, mesh, bugs, directory: this.directory, versions: member.versions },
      onUnsupported: (error) => {
        this.stop();
        onUnsupported(error);
      },
    });
  }

  #newLogKeeper(): LogKeeper {
    const { log, logs, options } = this.#deps;
    const replica = (group: number) => this.host.replica(group);
    return new LogKeeper({ log, logs, replica, tail: options.tail });
  }

  #newClocks(): PeerClocks {
    const { clock, wall, timers, mesh } = this.#deps;
    return new PeerClocks({
      ...{ clock, timers, wall, mesh },
      members: () => this.directory.members().map(({ node }) => node),
    });
  }

  #newLeadership(): Leadership {
    const { clock, timers } = this.#deps;
    return new Leadership({
      ...{ clock, timers, mayLead: this.#outlook.isFitToLead, self: this.self },
      replicas: () => this.host.replicas(),
      wake: (group) => this.host.wake(group),
    });
  }

  #newRecovery(): GroupRecovery {
    const { log, logs, member } = this.#deps;
    return new GroupRecovery({
      ...{ self: this.self, storeId: member.storeId, log, logs, caller: this.caller },
      replica: (group) => this.host.replica(group),
      nodes: (group) => this.#outlook.candidates(group),
      nameOf: (node) => this.#outlook.nameOf(node),
      retire: (group) => {
        this.host.retire(group);
        this.#opener.forget(group);
      },
      open: (stored) => this.#opener.open(stored),
    });
  }

  #newSagas(): Sagas {
    const { clock, timers, log } = this.#deps;
    const { caller, router, system, directory } = this;
    return new Sagas({
      ...{ clock, timers, log, directory, caller, router, system },
      isUp: (node) => this.#outlook.isUp(node),
      groupStatus: (group, deadlineMs) => this.groupStatus(group, deadlineMs),
    });
  }

  #executorSaid(from: NodeId, message: ExecutorMessage): void {
    const group = this.#opener.workflow(message.group);
    group?.executorSaid(from, message);
    if (group !== undefined) return;
    const answer = { kind: "not-scheduler", group: message.group, leader: undefined } as const;
    this.#deps.mesh.send(from, { kind: "scheduler", message: answer });
  }

  #serve(from: NodeId, call: Call): Promise<CallAnswer> {
    const { mesh, runs, runner, shortages } = this.#deps;
    const { host, system, caller, recovery, copies, executor } = this;
    return serveCall(from, call, {
      ...{ mesh, runs, runner, shortages, host, system, caller, recovery, copies, executor },
      collection: this.#collection,
      workflow: (group) => this.#opener.workflow(group),
    });
  }

  #directoryChanged(): void {
    this.versions.directoryChanged();
    if (this.versions.error !== undefined) return;
    for (const row of this.directory.workflows()) {
      const first = row.replicas.find(({ node }) => node === this.#deps.mesh.self);
      if (first?.storeId === this.#deps.member.storeId) this.#opener.makeFirst(row, first.replica);
    }
    const state = this.directory.member(this.self)?.state;
    this.executor.pause(state === "drained" || state === "removing");
    this.#destroyDeleted();
    this.#sagas.directoryChanged();
    this.#deps.onDirectory(this.directory);
  }

  /** R9: the tombstone of a workflow stays, and whatever replica of it is here goes. */
  #destroyDeleted(): void {
    for (const { group, replica } of this.#deps.logs.replicas()) {
      if (this.directory.workflow(group)?.state !== "deleted" || this.#going.has(group)) continue;
      this.#going.add(group);
      this.#destroy(group, replica + 1)
        .catch((error: unknown) => {
          const reason = errorText(error);
          this.#deps.log.warn("a replica was not destroyed", { group, reason });
        })
        .finally(() => this.#going.delete(group));
    }
  }

  #makeKeeper(): MembershipKeeper {
    const { clock, timers, log, mesh, options } = this.#deps;
    return new MembershipKeeper({
      ...{ clock, timers, log, mesh, mayLead: this.#outlook.isFitToLead },
      reach: new Reach({ clock, mesh, caller: this.caller }),
      replicas: () => this.#opener.replicas(),
      nodes: (group) =>
        nodesForReplicas(this.directory.everybody(), { group, isSystem: group === SYSTEM_GROUP }),
      votersMax: (group) => (group === SYSTEM_GROUP ? VOTERS_MAX.system : VOTERS_MAX.workflow),
      damagedOn: (node) => this.care.damagedOn(node),
      replaceAfterMs: options.replaceAfterMs,
    });
  }

  #makeCare(): ReplicaCare {
    const { clock, timers, log, mesh, member, options } = this.#deps;
    return new ReplicaCare({
      ...{ clock, timers, log, mesh, caller: this.caller },
      storeId: member.storeId,
      silentTicksMax: 2 * options.electionTicks,
      checkMs: options.checkMs,
      damaged: () => this.#stopped.damaged,
      stopped: () => this.#stopped.ids,
      replicas: () => this.host.replicas(),
      replica: (group) => this.host.replica(group),
      leads: (group) =>
        this.#opener.replicas().find((one) => one.group === group)?.leadingTerm !== undefined,
      others: () =>
        toldOfDamage({
          members: this.directory.members(),
          candidates: this.#outlook.candidates(SYSTEM_GROUP),
          mesh,
        }),
      onDamaged: (group, replica) => this.#keeper.damaged(group, replica),
      destroy: (group, below) => this.#destroy(group, below),
    });
  }

  /** A replica that was removed from its group goes, with all that it has; another may then be made. */
  async #destroy(group: number, below: ReplicaId): Promise<void> {
    this.host.retire(group);
    this.#opener.forget(group);
    await this.#deps.logs.destroyReplica(group, below);
    this.#stopped.forget(group);
  }
}
