/**
 * The properties of figure 3 of the Raft paper, watched from outside on every node: election safety,
 * leader append-only, log matching, leader completeness, state machine safety; and R1: what is
 * committed is on a majority of disks, and what is applied is on the own disk.
 */
import type { AnyReplica } from "../../../src/actors/group-host.ts";
import type { GroupAppend, PeerMessage, StatePort } from "../../../src/actors/ports.ts";
import type { NodeStore } from "../../../src/node/node-store.ts";
import { majorityIndex } from "../../../src/raft/quorum.ts";
import {
  type ConfigStep,
  type Configuration,
  FOUNDING_POINT,
  type ReplicaId,
} from "../../../src/raft/types.ts";
import type { SimProcess } from "../host.ts";
import { promise, type World } from "../world.ts";
import { LogMirror, type LogPlace } from "./log-mirror.ts";

/** A replica's log as its disk has it, and with the writes that are under way. */
interface Mirrors {
  disk: LogMirror;
  memory: LogMirror;
}

/** What is at an index in a term, and the term before it. */
interface Place {
  readonly previousTerm: number;
  readonly content: string;
}

interface GroupHistory {
  readonly leaders: Map<number, string>;
  /** By index, then by term. */
  readonly seen: Map<number, Place>[];
  /** By index. */
  readonly committed: { readonly term: number; readonly committedInTerm: number }[];
  readonly applied: (LogPlace | undefined)[];
  readonly stateHashes: Map<number, string>;
}

interface Leading {
  readonly term: number;
  readonly process: SimProcess;
  /** As of the last look: what was committed since may have been so by it or by the present one. */
  configuration: Configuration;
}

/** What was seen of a replica at the last look. */
interface Look {
  /** Of its host and group. */
  readonly name: string;
  statesCompared: number;
  term: number;
  committed: number;
  leads: boolean;
  quiet: boolean;
  configuration: Configuration | undefined;
}

export class RaftChecker {
  readonly #world: World;
  readonly #groups = new Map<number, GroupHistory>();
  /** By host, group and replica. */
  readonly #logs = new Map<string, Mirrors>();
  /** The logs of the replicas that hosts have now, by host, then by group. */
  readonly #present = new Map<string, Map<number, Mirrors>>();
  /** Hosts that have had a replica of a group, by both. */
  readonly #had = new Set<string>();
  /** By host and group. */
  readonly #leading = new Map<string, Leading>();
  /** Candidates whom a leader has asked to take over, by who they are, group and term. */
  readonly #asked = new Set<string>();
  /** Leaders that are quiet. */
  readonly #quiet = new Set<string>();
  /** Processes of which nothing was looked at since something happened to their groups. */
  readonly #dirty = new Set<SimProcess>();

  readonly #looks = new WeakMap<AnyReplica, Look>();
  readonly #watchesDisks: boolean;
  readonly #leads: (process: SimProcess, group: number) => void;

  /** `watchesDisks`: without it, what is committed too early shows only by what it leads to. */
  constructor(
    world: World,
    options: {
      readonly watchesDisks: boolean;
      /** Told of each new leader. */
      readonly leads: (process: SimProcess, group: number) => void;
    },
  ) {
    this.#world = world;
    this.#watchesDisks = options.watchesDisks;
    this.#leads = options.leads;
  }

  /** Leaders that each group has had. */
  leaderCount(): number {
    return [...this.#groups.values()].reduce((sum, { leaders }) => sum + leaders.size, 0);
  }

  groups(): readonly number[] {
    return [...this.#groups.keys()];
  }

  /** The highest index known to be committed. */
  committedMax(group: number): number {
    return this.#group(group).committed.length - 1;
  }

  /** Looks over the shoulder of a store that was just opened. */
  watch(process: SimProcess, store: NodeStore): void {
    const present = new Map<number, Mirrors>();
    this.#present.set(process.id, present);
    for (const stored of store.replicas()) {
      const known = this.#logs.get(nameOf(process, stored.group, stored.replica));
      if (known !== undefined) present.set(stored.group, known);
      if (stored.damage === undefined) this.#reopened(process, stored);
    }
    const createReplica = store.createReplica.bind(store);
    store.createReplica = async (made) => {
      const place = `${process.id}/${made.group}`;
      if (this.#had.has(place)) this.#world.totals.replicasReplaced += 1;
      this.#had.add(place);
      const start = made.founder ? FOUNDING_POINT : { index: 0, term: 0 };
      const logs = { disk: new LogMirror(start), memory: new LogMirror(start) };
      this.#logs.set(nameOf(process, made.group, made.replica), logs);
      present.set(made.group, logs);
      await createReplica(made);
    };
    this.#watchInstalls(process, store);
    const append = store.append.bind(store);
    store.append = async (tasks) => {
      for (const task of tasks) this.#guard(() => this.#submitted(process, task));
      await append(tasks);
      for (const task of tasks) this.#written(process, task);
    };
    const workflow = store.workflow.bind(store);
    store.workflow = async (group) =>
      this.#watchState(await workflow(group), { process, store, group });
    const system = store.system.bind(store);
    store.system = async () => this.#watchState(await system(), { process, store, group: 0 });
  }

  /** A process was told something that may make it lead or commit. */
  heard(process: SimProcess): void {
    this.#dirty.add(process);
  }

  /** Who asks for votes because the leader has told it to take over says so. */
  said(process: SimProcess, message: PeerMessage): void {
    if (message.kind !== "raft") return;
    for (const { group, message: word } of message.items) {
      if (word.kind !== "vote" || !word.transfer) continue;
      this.#asked.add(`${process.id}:${word.from}/${group}/${word.term}`);
    }
  }

  /** After every event of a process: who leads, and what that node takes for committed. */
  check(process: SimProcess): void {
    const { node } = process;
    if (node === undefined || !this.#dirty.delete(process)) return;
    for (const replica of node.host.replicas()) this.#checkReplica(process, replica);
  }

  #checkReplica(process: SimProcess, replica: AnyReplica): void {
    const look = this.#lookAt(process, replica);
    this.#world.totals.statesCompared += replica.statesCompared - look.statesCompared;
    look.statesCompared = replica.statesCompared;
    const { term, committed, configuration, role, quiet } = replica.core;
    const leads = role === "leader";
    const isQuiet = quiet !== undefined;
    // Nearly always nothing has changed, and then nothing can have gone wrong.
    if (
      leads === look.leads &&
      (!leads ||
        (term === look.term &&
          committed === look.committed &&
          isQuiet === look.quiet &&
          configuration === look.configuration))
    )
      return;
    Object.assign(look, { term, committed, leads, configuration, quiet: isQuiet });
    if (leads) this.#checkLeader(process, replica, look.name);
    else this.#leading.delete(look.name);
  }

  #lookAt(process: SimProcess, replica: AnyReplica): Look {
    const known = this.#looks.get(replica);
    if (known !== undefined) return known;
    const made: Look = {
      name: `${process.id}/${replica.group}`,
      statesCompared: 0,
      term: 0,
      committed: 0,
      leads: false,
      quiet: false,
      configuration: undefined,
    };
    // What an earlier process of the host led is not led any more.
    this.#leading.delete(made.name);
    this.#looks.set(replica, made);
    return made;
  }

  #checkLeader(process: SimProcess, replica: AnyReplica, name: string): void {
    const { term, committed, configuration, quiet } = replica.core;
    const group = this.#group(replica.group);
    const who = `${process.id}:${replica.id}`;
    const other = group.leaders.get(term);
    promise(
      other === undefined || other === who,
      () => `election safety: ${who} and ${other} lead group ${replica.group} in term ${term}`,
    );
    const leading = this.#leading.get(name);
    if (leading?.term !== term || leading.process !== process) {
      group.leaders.set(term, who);
      if (this.#asked.delete(`${who}/${replica.group}/${term}`)) {
        this.#world.totals.leadershipTransfers += 1;
      }
      this.#leading.set(name, { term, process, configuration });
      this.#world.trace.note(`${who} leads group ${replica.group} in term ${term}`);
      this.#checkComplete(process, replica, term);
      this.#leads(process, replica.group);
    }
    if (committed >= group.committed.length) this.#committed(process, replica);
    this.#countQuiet(name, quiet !== undefined);
    const now = this.#leading.get(name);
    if (now !== undefined) now.configuration = configuration;
  }

  #countQuiet(name: string, quiet: boolean): void {
    if (!quiet) this.#quiet.delete(name);
    else if (!this.#quiet.has(name)) {
      this.#quiet.add(name);
      this.#world.totals.groupsQuieted += 1;
    }
  }

  #checkComplete(process: SimProcess, replica: AnyReplica, term: number): void {
    const { memory } = this.#mirror(process, replica.group);
    this.#group(replica.group).committed.forEach((committed, index) => {
      if (index === 0 || committed.committedInTerm >= term) return;
      promise(
        memory.covers(index, committed.term),
        () =>
          `leader completeness: ${process.id} leads group ${replica.group} in ${term} without the committed entry ${index} of term ${committed.term}`,
      );
    });
  }

  #committed(process: SimProcess, replica: AnyReplica): void {
    const { committed, term, configuration } = replica.core;
    const group = this.#group(replica.group);
    const { memory } = this.#mirror(process, replica.group);
    for (let index = group.committed.length; index <= committed; index++) {
      // What a leader has not yet handed to its disk is of its own term.
      const entryTerm = memory.termAt(index) ?? term;
      group.committed.push({ term: entryTerm, committedInTerm: term });
      this.#countMembership(memory.at(index)?.changes ?? []);
    }
    if (!this.#watchesDisks) return;
    const entryTerm = group.committed[committed]?.term;
    const onDisk = (id: number): number => {
      const node = replica.membership.places.find((place) => place.replica === id)?.node;
      const log = this.#logs.get(`${node}/${replica.group}/${id}`)?.disk;
      return log?.covers(committed, entryTerm) === true ? 1 : 0;
    };
    const before = this.#leading.get(`${process.id}/${replica.group}`)?.configuration;
    const durable = [before ?? configuration, configuration].some((one) =>
      [one.voters, one.votersOutgoing].every(
        (voters) => voters.length === 0 || majorityIndex(voters, onDisk) > 0,
      ),
    );
    promise(
      durable,
      () =>
        `R1: ${process.id} takes entry ${committed} of group ${replica.group} for committed, and no majority has it on disk`,
    );
  }

  #countMembership(changes: readonly ConfigStep[]): void {
    const { totals } = this.#world;
    // Without steps it only leaves a joint configuration.
    if (changes.length > 0) totals.membershipChanges += 1;
    for (const { type } of changes) {
      if (type === "add-voter") totals.votersAdded += 1;
      if (type === "add-learner") totals.learnersAdded += 1;
      if (type === "remove") totals.replicasRemoved += 1;
    }
  }

  #submitted(process: SimProcess, task: GroupAppend): void {
    const { group, entries, restart } = task;
    const mirror = this.#mirror(process, group);
    if (restart !== undefined) mirror.memory = new LogMirror(restart);
    const first = entries[0];
    if (first === undefined) return;
    const leading = this.#leading.get(`${process.id}/${group}`);
    if (leading?.process === process && leading.term === first.term) {
      promise(
        first.index === mirror.memory.lastIndex + 1,
        () => `leader append-only: ${process.id} overwrites ${first.index} of group ${group}`,
      );
    }
    const { seen } = this.#group(group);
    mirror.memory.extend(entries);
    for (const { index, term } of entries) {
      const previousTerm = mirror.memory.termAt(index - 1) ?? 0;
      const content = mirror.memory.at(index)?.content ?? "nothing";
      const terms = seen[index] ?? new Map<number, Place>();
      seen[index] = terms;
      const before = terms.get(term);
      if (before === undefined) {
        terms.set(term, { previousTerm, content });
        continue;
      }
      promise(
        before.previousTerm === previousTerm && before.content === content,
        () =>
          `log matching: entry ${index}/${term} of group ${group} is ${content} after term ${previousTerm}, and was ${before.content} after ${before.previousTerm}`,
      );
    }
    this.#world.trace.mark(`${process.id} writes`, group, first.index, entries.length);
  }

  #written(process: SimProcess, task: GroupAppend): void {
    this.#dirty.add(process);
    const mirror = this.#mirror(process, task.group);
    if (task.restart !== undefined) mirror.disk = new LogMirror(task.restart);
    mirror.disk.extend(task.entries);
  }

  /** What was synced is still there, and what was under way is there whole or not at all. */
  #reopened(process: SimProcess, stored: ReturnType<NodeStore["replicas"]>[number]): void {
    const mirror = this.#mirror(process, stored.group);
    const found = (log: LogMirror): boolean =>
      log.lastIndex === stored.lastIndex &&
      stored.tail.every(({ index, term }) => log.covers(index, term));
    const kept = [mirror.disk, mirror.memory].find(found) ?? this.#finished(stored);
    promise(
      kept !== undefined,
      () =>
        `the disk of ${process.id} lost synced entries of group ${stored.group}: ends at ${stored.lastIndex}, had ${mirror.disk.lastIndex}`,
    );
    mirror.disk = kept.copy();
    mirror.memory = kept.copy();
  }

  /** The log of an install that was interrupted after its state was in force, and finished at the start. */
  #finished(stored: ReturnType<NodeStore["replicas"]>[number]): LogMirror | undefined {
    const { compacted, lastIndex, group } = stored;
    const committed = this.#group(group).committed[compacted.index];
    if (lastIndex !== compacted.index || committed?.term !== compacted.term) return undefined;
    return new LogMirror(compacted);
  }

  #watchInstalls(process: SimProcess, store: NodeStore): void {
    const { totals, trace } = this.#world;
    const beginInstall = store.beginInstall.bind(store);
    store.beginInstall = async (group, of) => {
      const install = await beginInstall(group, of);
      if (install.after !== undefined) totals.snapshotsResumed += 1;
      const finish = install.finish.bind(install);
      install.finish = async (at) => {
        await finish(at);
        totals.snapshotsInstalled += 1;
        trace.note(`${process.id} has installed a snapshot of group ${group} at ${at.index}`);
        this.#dirty.add(process);
        this.#guard(() => {
          const committed = this.#group(group).committed[at.index];
          promise(
            committed?.term === at.term,
            () =>
              `${process.id} got a snapshot of group ${group} at ${at.index}, which is not committed`,
          );
          this.#checkState(process, store, group);
        });
      };
      return install;
    };
    const truncate = store.truncate.bind(store);
    store.truncate = async (groups) => {
      await truncate(groups);
      totals.logsTruncated += groups.length;
    };
  }

  #watchState<R>(
    state: StatePort<R>,
    of: { readonly process: SimProcess; readonly store: NodeStore; readonly group: number },
  ): StatePort<R> {
    const { process, store, group } = of;
    const write = state.write.bind(state);
    state.write = async (batch) => {
      for (let index = state.appliedIndex + 1; index <= batch.appliedIndex; index++) {
        this.#guard(() => this.#applied(process, group, index));
      }
      await write(batch);
      this.#guard(() => this.#checkState(process, store, group));
    };
    return state;
  }

  #applied(process: SimProcess, group: number, index: number): void {
    this.#dirty.add(process);
    const place = this.#mirror(process, group).disk.at(index);
    promise(
      place !== undefined,
      () => `R1: ${process.id} applies entry ${index} of group ${group}, which is not on its disk`,
    );
    const { applied } = this.#group(group);
    const before = applied[index];
    promise(
      before === undefined || (before.term === place.term && before.content === place.content),
      () =>
        `state machine safety: ${process.id} applies another entry ${index} of group ${group} than others did`,
    );
    if (before === undefined) this.#world.totals.entriesApplied += 1;
    applied[index] = place;
  }

  #checkState(process: SimProcess, store: NodeStore, group: number): void {
    const now = store.stateHash(group);
    if (now === undefined) return;
    const { stateHashes } = this.#group(group);
    const before = stateHashes.get(now.index);
    promise(
      before === undefined || before === now.hash,
      () => `state machine safety: ${process.id} has other rows of group ${group} at ${now.index}`,
    );
    stateHashes.set(now.index, now.hash);
    this.#world.trace.mark(`${process.id} state ${now.hash}`, group, now.index);
  }

  /** Code of a node would take the violation for its own error. */
  #guard(check: () => void): void {
    try {
      check();
    } catch (error) {
      this.#world.violate(error instanceof Error ? error : new Error(String(error)));
    }
  }

  #group(group: number): GroupHistory {
    const known = this.#groups.get(group);
    if (known !== undefined) return known;
    const made: GroupHistory = {
      leaders: new Map(),
      seen: [],
      // Where a group begins, its founders agree without an entry.
      committed: [
        { term: 0, committedInTerm: 0 },
        { term: FOUNDING_POINT.term, committedInTerm: FOUNDING_POINT.term },
      ],
      applied: [],
      stateHashes: new Map(),
    };
    this.#groups.set(group, made);
    return made;
  }

  #mirror(process: SimProcess, group: number): Mirrors {
    const mirrors = this.#present.get(process.id)?.get(group);
    promise(
      mirrors !== undefined,
      () => `${process.id} has a log of group ${group} that it never made`,
    );
    return mirrors;
  }
}

function nameOf(process: SimProcess, group: number, replica: ReplicaId): string {
  return `${process.id}/${group}/${replica}`;
}
