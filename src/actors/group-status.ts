/** What a group's leader tells of its group, for operators and for what crosses groups. */
import type { RaftStatus } from "../raft/status.ts";
import type { NodeId } from "../scheduler/dataset.ts";
import { membersOf } from "./membership.ts";
import type { GroupStatus, Membership } from "./ports.ts";

/** As the leader sees it; of a quiet group (R7) nobody is counted, so a member is there while its node is. */
export function groupStatusOf(
  group: number,
  from: {
    readonly status: RaftStatus;
    readonly membership: Membership;
    readonly isUp: (node: NodeId) => boolean;
  },
): GroupStatus {
  const { status, membership, isUp } = from;
  const { configuration, places } = membership;
  const voters = new Set([...configuration.voters, ...configuration.votersOutgoing]);
  const known = new Map(status.members.map((member) => [member.id, member]));
  return {
    group,
    term: status.term,
    leader: status.id,
    lastIndex: status.lastIndex,
    commitIndex: status.committed,
    members: membersOf(configuration).map((replica) => {
      const node = places.find((place) => place.replica === replica)?.node ?? "";
      const isHeard = known.get(replica)?.recentActive === true && (!status.quiet || isUp(node));
      return {
        replica,
        node,
        votes: voters.has(replica),
        match: replica === status.id ? status.synced : (known.get(replica)?.match ?? 0),
        active: replica === status.id || isHeard,
      };
    }),
  };
}
