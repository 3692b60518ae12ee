/** Whether the cluster is whole and at rest, and what it may lose without losing anything for good. */
import type { AnyReplica } from "../../src/actors/group-host.ts";
import { voterTarget } from "../../src/actors/membership-plan.ts";
import { SYSTEM_GROUP, VOTERS_MAX } from "../../src/actors/system-group.ts";
import type { Configuration, ReplicaId } from "../../src/raft/types.ts";
import type { Chance } from "./chance.ts";
import type { RaftChecker } from "./checkers/raft-checker.ts";
import type { RowChecker } from "./checkers/row-checker.ts";
import type { SimWorkflow } from "./client.ts";
import type { SimHost } from "./host.ts";

/** As the program has it: whoever knows fewer may have what nobody else has. */
const REPLACEABLE_OTHERS = 2;

export interface RestOptions {
  readonly hosts: readonly SimHost[];
  readonly workflows: readonly SimWorkflow[];
  readonly raft: RaftChecker;
  readonly rows: RowChecker;
  /** What somebody has begun and not ended. */
  readonly busy: () => string | undefined;
}

export class Rest {
  readonly #options: RestOptions;

  constructor(options: RestOptions) {
    this.#options = options;
  }

  /** Whether there are workflows. */
  get hasBegun(): boolean {
    return this.#options.workflows.length > 0;
  }

  /** What is not yet as it must be when nothing happens any more. */
  unsettled(): string | undefined {
    const { workflows, rows, busy } = this.#options;
    const lagging = this.#lagging();
    if (lagging !== undefined) return lagging;
    for (const { name, group } of workflows) {
      const live = rows.liveCount(group);
      if (live > 0) return `${live} attempts of ${name} are in flight`;
      const leftover = rows.leftover(group);
      if (leftover !== undefined) return `${leftover} of ${name} is still there`;
    }
    return busy() ?? this.#unsettledMembership();
  }

  /**
   * Whether each group stands with all its voters on the stores that their hosts have, and nothing on any
   * host is rotten: then the loss of one leaves a majority with everything. And a change of membership is
   * only over when all voters have applied it: whoever still counts by the one before needs its majority.
   */
  mayLose(victim: SimHost): boolean {
    if (!this.hasBegun) return false;
    if (this.#present.some(({ storeId, rot }) => storeId === undefined || rot.isThere))
      return false;
    return this.#groups.every((group) => {
      const leader = this.#leaderOf(group);
      if (leader === undefined) return false;
      const { configuration, places } = leader.membership;
      const sound = places.every(({ node, storeId }) => this.#host(node)?.storeId === storeId);
      const isVoter = places.some(
        ({ replica, node }) => node === victim.id && configuration.voters.includes(replica),
      );
      const spared = configuration.votersOutgoing.length === 0 && configuration.voters.length >= 3;
      return sound && (!isVoter || (spared && this.#allFollow(group, leader)));
    });
  }

  /**
   * Whether the data of a machine may rot: as `mayLose`, and each group has three voters whoever they are. And
   * the machine knows two others: one that does not says what is wrong rather than set its store aside.
   */
  mayRot(victim: SimHost): boolean {
    const others = victim.knownMembers.filter((id) => id !== victim.id);
    return others.length >= REPLACEABLE_OTHERS && this.mayLose(victim) && this.hasThreeVoters;
  }

  /** Whether there are workflows, and each group has a leader and three voters. */
  get hasThreeVoters(): boolean {
    if (!this.hasBegun) return false;
    return this.#groups.every(
      (group) => (this.#leaderOf(group)?.membership.configuration.voters.length ?? 0) >= 3,
    );
  }

  /** Hosts of more than half of the voters of a group that chance picks; undefined while it has no leader. */
  majorityOfSome(chance: Chance): readonly SimHost[] | undefined {
    if (!this.hasBegun) return undefined;
    const membership = this.#leaderOf(chance.pick(this.#groups))?.membership;
    if (membership === undefined) return undefined;
    const { voters } = membership.configuration;
    const hosts = membership.places.flatMap(({ replica, node }) =>
      voters.includes(replica) ? (this.#host(node) ?? []) : [],
    );
    return chance.sample(hosts, Math.floor(voters.length / 2) + 1);
  }

  /**
   * Which group has a replica on a node, or in the system group a vote; as its leader says, where that has
   * applied all that is committed.
   */
  neededBy(node: string): string | undefined {
    for (const group of this.#groups) {
      const leader = this.#leaderOf(group);
      if (leader === undefined) continue;
      if (leader.appliedIndex < this.#options.raft.committedMax(group)) continue;
      const { configuration, places } = leader.membership;
      const counts = places.some(
        ({ replica, node: other }) =>
          other === node && (group !== SYSTEM_GROUP || isVoter(configuration, replica)),
      );
      if (counts) return `group ${group}`;
    }
    return undefined;
  }

  /** Whether all voters have applied the configuration that the leader has. */
  #allFollow(group: number, { membership: { configuration, places } }: AnyReplica): boolean {
    const text = (of: Configuration): string => `${[...of.voters].sort()}/${of.votersOutgoing}`;
    return places.every(({ replica, node }) => {
      if (!configuration.voters.includes(replica)) return true;
      const known = this.#host(node)?.node?.host.replica(group)?.membership.configuration;
      return known !== undefined && text(known) === text(configuration);
    });
  }

  get #present(): readonly SimHost[] {
    return this.#options.hosts.filter(({ isInService }) => isInService);
  }

  /** Also those of workflows whose making the operator has not heard of, and such as have no replica yet. */
  get #groups(): readonly number[] {
    const { workflows, raft } = this.#options;
    const known = this.#present.flatMap(({ node }) => node?.directory.workflows() ?? []);
    const named = [...workflows, ...known].map(({ group }) => group);
    return [...new Set([SYSTEM_GROUP, ...named, ...raft.groups()])];
  }

  #host(id: string): SimHost | undefined {
    return this.#options.hosts.find((host) => host.id === id);
  }

  /** Whoever leads in the newest term. */
  #leaderOf(group: number): AnyReplica | undefined {
    const replicas = this.#present.flatMap(({ node }) => node?.host.replica(group) ?? []);
    const newest = Math.max(...replicas.map(({ core }) => core.status().term));
    return replicas.find(({ core }) => {
      const { role, term } = core.status();
      return role === "leader" && term === newest;
    });
  }

  #lagging(): string | undefined {
    for (const { id, node } of this.#present) {
      const [stopped] = node?.stoppedReplicas.keys() ?? [];
      if (stopped !== undefined) return `the replica of group ${stopped} on ${id} has stopped`;
    }
    for (const group of this.#groups) {
      const committed = this.#options.raft.committedMax(group);
      for (const host of this.#present) {
        const replica = host.node?.host.replica(group);
        if (replica === undefined) {
          if (group === SYSTEM_GROUP) return `${host.id} has no replica of the system group`;
          continue;
        }
        if (replica.appliedIndex < committed) return `${host.id} lags behind in group ${group}`;
      }
    }
    return undefined;
  }

  #unsettledMembership(): string | undefined {
    for (const group of this.#groups) {
      const max = group === SYSTEM_GROUP ? VOTERS_MAX.system : VOTERS_MAX.workflow;
      const wanted = voterTarget(this.#present.length, max);
      const membership = this.#leaderOf(group)?.membership;
      const voters = membership?.configuration.voters.length ?? 0;
      // Of a node that was removed nothing exists.
      const stale = membership?.places.find(
        ({ node, storeId }) => this.#host(node)?.storeId !== storeId,
      );
      if (stale !== undefined)
        return `group ${group} keeps a replica on a store of ${stale.node} that is gone`;
      if (voters !== wanted) return `group ${group} has ${voters} voters instead of ${wanted}`;
    }
    return undefined;
  }
}

function isVoter({ voters, votersOutgoing }: Configuration, replica: ReplicaId): boolean {
  return voters.includes(replica) || votersOutgoing.includes(replica);
}
