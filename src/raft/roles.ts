/** Changes of role, and what is forgotten with them. Who sends what then is decided elsewhere. */
import { assert } from "../std/assert.ts";
import { type CoreState, drawElectionTimeout, newProgress } from "./core-state.ts";
import { giveWay } from "./leader-gone.ts";
import type { ReplicaId } from "./types.ts";

/** Follows `leader`, or nobody yet, in `term`. */
export function becomeFollower(
  state: CoreState,
  { term, leader }: { readonly term: number; readonly leader: ReplicaId | undefined },
): void {
  if (leader !== undefined) state.leaderGone = false;
  reset(state, term);
  state.role = "follower";
  state.leader = leader;
}

/** Asks around without touching the term or the vote (thesis 9.6). */
export function becomePreCandidate(state: CoreState): void {
  assert(state.role !== "leader", "a leader does not campaign");
  state.role = "pre-candidate";
  state.leader = undefined;
  state.votes = new Map();
}

/** Enters the next term and votes for itself; the vote counts when it is on disk (R1). */
export function becomeCandidate(state: CoreState): void {
  assert(state.role !== "leader", "a leader does not campaign");
  reset(state, state.term + 1);
  state.candidacyTicks *= 2;
  state.role = "candidate";
  state.vote = state.id;
}

/** Leads from here on. Its first entry is empty, so that it can commit in its own term (6.4, 5.4.2). */
export function becomeLeader(state: CoreState): void {
  assert(state.role === "candidate", "only a candidate becomes leader");
  state.leaderGone = false;
  reset(state, state.term);
  state.role = "leader";
  state.leader = state.id;
  const own = state.progress.get(state.id);
  assert(own !== undefined, "a leader is a member of its group");
  own.becomeReplicate();
  own.recentActive = true;
  const { log } = state;
  // There may be a membership change among what is not committed. Waiting for all of it is simpler
  // than finding out, and safe.
  state.pendingConfigIndex = log.lastIndex;
  log.appendOwn({ kind: "empty", index: log.lastIndex + 1, term: state.term });
  state.uncommittedBytes = log.bytesBetween(log.committed + 1, log.lastIndex);
}

function reset(state: CoreState, term: number): void {
  assert(term >= state.term, `the term would fall from ${state.term} to ${term}`);
  if (term !== state.term) {
    state.term = term;
    state.vote = undefined;
  }
  state.leader = undefined;
  state.electionElapsed = 0;
  state.heartbeatElapsed = 0;
  state.electionTimeout = drawElectionTimeout(state.options);
  giveWay(state);
  state.votes = new Map();
  state.transferee = undefined;
  state.pendingConfigIndex = 0;
  state.commitNews = false;
  state.quiet = undefined;
  state.quietAsked = undefined;
  state.idleTicks = 0;
  state.uncommittedBytes = 0;
  for (const read of state.reads.abandon())
    if (read.from === state.id) state.readResults.push({ kind: "lost", context: read.context });
  state.logReads = state.logReads.filter((read) => read.purpose.kind === "apply");
  state.snapshotsWanted = [];
  for (const member of state.progress.keys()) {
    const progress = newProgress(state, state.log.lastIndex + 1);
    // What this replica has in memory only does not count, not even for itself (R1).
    if (member === state.id) progress.match = state.log.synced;
    state.progress.set(member, progress);
  }
}
