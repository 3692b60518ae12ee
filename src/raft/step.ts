/** What a message does: first to the term, then by its kind. */
import { unreachable } from "../std/assert.ts";
import { type FalseClaim, falseClaim } from "./claims.ts";
import { type CoreState, sendAfterAppend } from "./core-state.ts";
import {
  campaignForTransfer,
  onPreVote,
  onPreVoteResponse,
  onVote,
  onVoteResponse,
} from "./elections.ts";
import { onAppend, onCommit, onHeartbeat, onSnapshot } from "./following.ts";
import { noteHeartbeatResponse, takeRead } from "./heartbeats.ts";
import type { Message, ReadIndexMessage } from "./messages.ts";
import { onQuiet, onQuietResponse, wake } from "./quiet.ts";
import { onAppendResponse, sendAppend } from "./replication.ts";
import { becomeFollower } from "./roles.ts";
import { finishTransfer } from "./transfer.ts";
import type { ReplicaId } from "./types.ts";

/**
 * Takes a message. One that was meant for another replica changes nothing (R2).
 * @returns what is false about it, and then it has changed nothing either.
 */
export function step(state: CoreState, message: Message): FalseClaim | undefined {
  if (message.to !== state.id || message.from === state.id) return undefined;
  const claim = falseClaim(state, message);
  if (claim === undefined) take(state, message);
  return claim;
}

function take(state: CoreState, message: Message): void {
  // Whatever comes wakes, but for the talk about being quiet.
  const wakes = message.kind !== "quiet" && message.kind !== "quiet-response";
  if (wakes && state.quiet !== undefined) wake(state);
  if (message.term > state.term) {
    if (!acceptsHigherTerm(state, message)) return;
  } else if (message.term < state.term) {
    answerLowerTerm(state, message);
    return;
  }
  dispatch(state, message);
}

/** Moves to the message's term where it calls for that. @returns whether the message is to be taken. */
function acceptsHigherTerm(state: CoreState, message: Message): boolean {
  switch (message.kind) {
    case "vote":
      if (!message.transfer && trustsLeader(state, message.from)) return false;
      break;
    case "pre-vote":
      // Asking for a future term does not bring it about.
      return !trustsLeader(state, message.from);
    case "pre-vote-response":
      // A grant carries the term that was asked for, which nobody has entered yet.
      if (message.granted) return true;
      break;
    case "append":
    case "commit":
    case "heartbeat":
    case "quiet":
    case "snapshot":
      becomeFollower(state, { term: message.term, leader: message.from });
      return true;
    case "append-response":
    case "heartbeat-response":
    case "quiet-response":
    case "vote-response":
    case "timeout-now":
    case "read-index":
    case "read-index-response":
      break;
  }
  becomeFollower(state, { term: message.term, leader: undefined });
  return true;
}

/**
 * Whether a leader was heard so lately that no other is to be elected (thesis 4.2.3). One that stands
 * itself does not lead any more: it has started anew.
 */
function trustsLeader(state: CoreState, candidate: ReplicaId): boolean {
  return (
    state.options.checkQuorum &&
    state.leader !== undefined &&
    state.leader !== candidate &&
    !state.leaderGone &&
    state.electionElapsed < state.options.electionTicks
  );
}

function answerLowerTerm(state: CoreState, message: Message): void {
  const { checkQuorum, preVote } = state.options;
  const leads =
    message.kind === "append" || message.kind === "heartbeat" || message.kind === "quiet";
  if (leads && (checkQuorum || preVote)) {
    // A leader of an old term that others will not elect away must learn of the newer one, or this
    // replica, which cannot win an election either, would never be let in again.
    sendAfterAppend(state, {
      kind: "append-response",
      from: state.id,
      to: message.from,
      term: state.term,
      index: 0,
      rejection: undefined,
    });
  } else if (message.kind === "pre-vote") {
    // Its term is behind: told so, it catches up and its next attempt can succeed.
    sendAfterAppend(state, {
      kind: "pre-vote-response",
      from: state.id,
      to: message.from,
      term: state.term,
      granted: false,
    });
  }
}

function dispatch(state: CoreState, message: Message): void {
  switch (message.kind) {
    case "vote":
      onVote(state, message);
      return;
    case "pre-vote":
      onPreVote(state, message);
      return;
    case "vote-response":
      onVoteResponse(state, message);
      return;
    case "pre-vote-response":
      onPreVoteResponse(state, message);
      return;
    case "append":
    case "commit":
    case "heartbeat":
    case "quiet":
    case "snapshot":
      fromLeader(state, message);
      return;
    case "append-response":
    case "heartbeat-response":
    case "quiet-response":
      toLeader(state, message);
      return;
    case "timeout-now":
      if (state.role === "follower") campaignForTransfer(state);
      return;
    case "read-index":
      onReadIndex(state, message);
      return;
    case "read-index-response":
      state.readResults.push({
        kind: "confirmed",
        context: message.context,
        index: message.index,
      });
      return;
    default:
      unreachable(message);
  }
}

function fromLeader(
  state: CoreState,
  message: Extract<Message, { kind: "append" | "commit" | "heartbeat" | "quiet" | "snapshot" }>,
): void {
  // A term has one leader: another message of its kind in this term cannot be (5.2).
  if (state.role === "leader") return;
  if (state.role !== "follower") becomeFollower(state, { term: state.term, leader: message.from });
  state.electionElapsed = 0;
  state.leader = message.from;
  state.leaderGone = false;
  state.leaderGoneCountdown = undefined;
  if (message.kind === "append") onAppend(state, message);
  else if (message.kind === "commit") onCommit(state, message);
  else if (message.kind === "heartbeat") onHeartbeat(state, message);
  else if (message.kind === "quiet") onQuiet(state, message);
  else onSnapshot(state, message);
}

function toLeader(
  state: CoreState,
  message: Extract<Message, { kind: "append-response" | "heartbeat-response" | "quiet-response" }>,
): void {
  const progress = state.progress.get(message.from);
  if (state.role !== "leader" || progress === undefined) return;
  const member = { id: message.from, progress };
  if (message.kind === "append-response") {
    onAppendResponse(state, member, message);
    finishTransfer(state, member);
    return;
  }
  if (message.kind === "quiet-response") {
    onQuietResponse(state, progress, message);
    return;
  }
  noteHeartbeatResponse(state, progress, message);
  if (progress.match < state.log.lastIndex || progress.state === "probe")
    sendAppend(state, member, { evenIfEmpty: true });
}

function onReadIndex(state: CoreState, { from, context }: ReadIndexMessage): void {
  // Dropped reads are asked for again: only the asker knows how long it can wait.
  if (state.role === "leader" && !state.reads.full) takeRead(state, { from, context });
}
