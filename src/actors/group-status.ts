/** What a group's leader tells of its group, for operators and for what crosses groups. */
import type { RaftStatus } from "../raft/status.ts";
import { membersOf } from "./membership.ts";
import type { GroupStatus, Membership } from "./ports.ts";

/** As the leader sees it. */
export function groupStatusOf(
  group: number,
  { status, membership }: { readonly status: RaftStatus; readonly membership: Membership },
): GroupStatus {
  const { configuration, places } = membership;
  const voters = new Set([...configuration.voters, ...configuration.votersOutgoing]);
  const known = new Map(status.members.map((member) => [member.id, member]));
  return {
    group,
    term: status.term,
    leader: status.id,
    lastIndex: status.lastIndex,
    commitIndex: status.committed,
    members: membersOf(configuration).map((replica) => ({
      replica,
      node: places.find((place) => place.replica === replica)?.node ?? "",
      votes: voters.has(replica),
      match: replica === status.id ? status.synced : (known.get(replica)?.match ?? 0),
      active: replica === status.id || known.get(replica)?.recentActive === true,
    })),
  };
}
