/** Elections: standing, asking, answering, counting (paper 5.2, 5.4.1; thesis 4.2.3, 9.6). */
import { isVoter, membersOf } from "./configuration.ts";
import {
  type CoreState,
  isPromotable,
  isStorageStalled,
  send,
  sendAfterAppend,
} from "./core-state.ts";
import { giveWay, jumpLine } from "./leader-gone.ts";
import type {
  PreVoteMessage,
  PreVoteResponseMessage,
  VoteMessage,
  VoteResponseMessage,
} from "./messages.ts";
import { jointVote } from "./quorum.ts";
import { broadcastAppend } from "./replication.ts";
import { becomeCandidate, becomeFollower, becomeLeader, becomePreCandidate } from "./roles.ts";
import type { ReplicaId } from "./types.ts";

/** Whether this replica may start an election now. */
export function mayCampaign(state: CoreState): boolean {
  return (
    state.role !== "leader" &&
    isPromotable(state) &&
    !isStorageStalled(state) &&
    // With a committed membership change that is not applied yet, this replica would count the
    // wrong majority.
    !state.log.hasUnappliedConfig(state.apply.applied)
  );
}

/** Stands for election, with a round of pre-votes first where that is on. @returns whether it did. */
export function campaign(state: CoreState): boolean {
  if (!mayCampaign(state)) return false;
  if (state.options.preVote) askForPreVotes(state);
  else askForVotes(state, { transfer: false });
  return true;
}

/** Stands at once, because the leader asked for it (thesis 3.10). */
export function campaignForTransfer(state: CoreState): void {
  if (mayCampaign(state)) askForVotes(state, { transfer: true });
}

/** Answers a candidate, whose term is this replica's by now. */
export function onVote(state: CoreState, message: VoteMessage): void {
  const free = state.vote === undefined && state.leader === undefined;
  const granted =
    (state.vote === message.from || free || state.options.bugs.voteTwice === true) &&
    state.log.isCoveredBy(message.lastIndex, message.lastTerm);
  if (granted) {
    // Whoever votes gives the candidate the time to win.
    state.electionElapsed = 0;
    state.vote = message.from;
  }
  sendAfterAppend(state, {
    kind: "vote-response",
    from: state.id,
    to: message.from,
    term: state.term,
    granted,
  });
}

/** Answers whether it would vote; nothing is remembered of it. */
export function onPreVote(state: CoreState, message: PreVoteMessage): void {
  const free = state.vote === undefined && state.leader === undefined;
  const covered = state.log.isCoveredBy(message.lastIndex, message.lastTerm);
  const granted = covered && (message.term > state.term || state.vote === message.from || free);
  // Whoever helps another to stand does not stand in its way.
  if (granted) giveWay(state);
  else if (!covered) jumpLine(state);
  sendAfterAppend(state, {
    kind: "pre-vote-response",
    from: state.id,
    to: message.from,
    term: granted ? message.term : state.term,
    granted,
  });
}

/** Counts an answer to a vote. */
export function onVoteResponse(state: CoreState, message: VoteResponseMessage): void {
  if (state.role === "candidate") countVote(state, message.from, message.granted);
}

/** Counts an answer to a pre-vote. */
export function onPreVoteResponse(state: CoreState, message: PreVoteResponseMessage): void {
  if (state.role !== "pre-candidate") return;
  // A late answer from an earlier attempt is no answer to this one.
  if (message.granted && message.term !== state.term + 1) return;
  state.votes.set(message.from, state.votes.get(message.from) ?? message.granted);
  const result = jointVote(state.configuration, state.votes);
  if (result === "won") askForVotes(state, { transfer: false });
  else if (result === "lost") becomeFollower(state, { term: state.term, leader: undefined });
}

/** Counts a vote; the first answer of each replica stands. */
export function countVote(state: CoreState, from: ReplicaId, granted: boolean): void {
  state.votes.set(from, state.votes.get(from) ?? granted);
  const result = jointVote(state.configuration, state.votes);
  if (result === "won") {
    becomeLeader(state);
    broadcastAppend(state);
  } else if (result === "lost") {
    becomeFollower(state, { term: state.term, leader: undefined });
  }
}

function askForPreVotes(state: CoreState): void {
  becomePreCandidate(state);
  const { log } = state;
  for (const to of votersToAsk(state))
    send(state, {
      kind: "pre-vote",
      from: state.id,
      to,
      term: state.term + 1,
      lastIndex: log.lastIndex,
      lastTerm: log.lastTerm,
    });
  // Its own pre-vote promises nothing, so it need not wait for the disk.
  state.votes.set(state.id, true);
  if (jointVote(state.configuration, state.votes) === "won")
    askForVotes(state, { transfer: false });
}

function askForVotes(state: CoreState, { transfer }: { readonly transfer: boolean }): void {
  becomeCandidate(state);
  const { log } = state;
  // The requests wait for the own vote to be on disk, as answers do. Else a candidate that crashes
  // could forget its term, stand in it again with another log, and be elected twice in one term by
  // voters who remember that they voted for it.
  for (const to of votersToAsk(state))
    sendAfterAppend(state, {
      kind: "vote",
      from: state.id,
      to,
      term: state.term,
      lastIndex: log.lastIndex,
      lastTerm: log.lastTerm,
      transfer,
    });
}

function votersToAsk(state: CoreState): readonly ReplicaId[] {
  const { configuration, id } = state;
  return membersOf(configuration).filter(
    (member) => member !== id && isVoter(configuration, member),
  );
}
