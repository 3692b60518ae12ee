/** The replicas of this node, with hashes that tell whether replicas of a group are the same. */
import type { ReplicaStateView } from "../api/admin-port.ts";
import type { Role } from "../raft/core-state.ts";

/** A replica of this node, as far as it is looked at. */
export interface OpenReplica {
  readonly group: number;
  readonly id: number;
  readonly core: { status(): { readonly role: Role; readonly term: number } };
  readonly appliedIndex: number;
}

export interface ReplicaStatesDeps {
  readonly replicas: Iterable<OpenReplica>;
  /** Replicas that take no part here, with the reason. */
  readonly stopped: ReadonlyMap<number, string>;
  /** Hash of a group's rows and the index that they are of; undefined where no state is open. */
  readonly stateHash: (
    group: number,
  ) => { readonly index: number; readonly hash: string } | undefined;
  readonly nameOf: (group: number) => string;
}

const ROLES = {
  leader: "leader",
  follower: "follower",
  candidate: "candidate",
  "pre-candidate": "candidate",
} as const satisfies Record<Role, ReplicaStateView["role"]>;

/** All of them, by their groups' numbers. */
export function replicaStates(deps: ReplicaStatesDeps): readonly ReplicaStateView[] {
  const { stopped, stateHash, nameOf } = deps;
  const views = new Map<number, ReplicaStateView>();
  for (const { group, id, core, appliedIndex } of deps.replicas) {
    const { role, term } = core.status();
    // The index that comes with the hash: rows of newer entries may be under way.
    const { index = appliedIndex, hash = null } = stateHash(group) ?? {};
    views.set(group, {
      ...{ group, name: nameOf(group), replica: id, role: ROLES[role], reason: null, term },
      ...{ appliedIndex: index, stateHash: hash },
    });
  }
  for (const [group, reason] of stopped) {
    const known = views.get(group);
    const { index = 0, hash = null } = stateHash(group) ?? {};
    views.set(group, {
      ...{ group, name: nameOf(group), replica: known?.replica ?? null, role: "stopped", reason },
      ...{ term: known?.term ?? 0, appliedIndex: index, stateHash: hash },
    });
  }
  return [...views.values()].sort((one, other) => one.group - other.group);
}
