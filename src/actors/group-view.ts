/** What a group's leader tells of it. */
import type { ReplicaId } from "../raft/types.ts";
import type { NodeId } from "../scheduler/dataset.ts";

/** A member of a group, as its leader sees it. */
export interface GroupMember {
  readonly replica: ReplicaId;
  readonly node: NodeId;
  /** In the configuration that is in force or, while it changes, in either. */
  readonly votes: boolean;
  /** Highest index known to be on its disk. */
  readonly match: number;
  /** Heard since the last quorum check. */
  readonly active: boolean;
}

/** A group, as its leader sees it. */
export interface GroupStatus {
  readonly group: number;
  readonly term: number;
  readonly leader: ReplicaId;
  readonly lastIndex: number;
  readonly commitIndex: number;
  readonly members: readonly GroupMember[];
}
