/**
 * What no honest peer says. Raft is built for peers that fail, not for ones that lie; but what would be
 * this program's own fault, had it been true, must not be brought about by a message. So claims are
 * looked at before they are stepped. Two things make words honest that look false: messages are late, so
 * what is known of one term is held against words of that term only; and answers are given before a
 * write and leave after it, so they speak of the log as it was then, which in one term only grows.
 */
import { unreachable } from "../std/assert.ts";
import type { CoreState } from "./core-state.ts";
import { lacksSnapshot } from "./following.ts";
import type { AppendMessage, AppendResponseMessage, Message, SnapshotMessage } from "./messages.ts";

/** Why a message is taken for a lie, as what its sender does. */
export type FalseClaim =
  /** 5.2: a term has one leader. */
  | "leads a term that another leads"
  /** 5.3: indexes have no gaps, terms never fall, and none is above the leader's own. */
  | "sends entries that do not follow each other"
  /** Leader completeness: what it acknowledges in the leader's term, the leader sent. */
  | "acknowledges entries that its leader lacks"
  | "refuses entries that were never sent"
  /** A leader says this of what the receiver acknowledged. True only if this replica lost entries (R4). */
  | "tells of committed entries that were never acknowledged"
  | "answers a read round that never began"
  /** Nothing is committed in a term above the leader's, in falling terms, or without a leader to know it. */
  | "announces a snapshot that cannot be";

/** What is false about a message; undefined for what an honest peer may say. Changes nothing. */
export function falseClaim(state: CoreState, message: Message): FalseClaim | undefined {
  // Late words are answered or dropped; what they said may have been true.
  if (message.term < state.term && message.kind !== "snapshot") return undefined;
  switch (message.kind) {
    case "append":
      return rivalry(state, message) ?? entriesClaim(message);
    case "commit":
    case "heartbeat":
      return rivalry(state, message) ?? commitClaim(state, message.commit);
    case "snapshot":
      return rivalry(state, message) ?? snapshotClaim(state, message);
    case "quiet":
    case "timeout-now":
    case "read-index-response":
      return rivalry(state, message);
    case "append-response":
      return isForLeader(state, message) ? acknowledgeClaim(state, message) : undefined;
    case "heartbeat-response":
      return isForLeader(state, message) && message.round > state.reads.lastRound
        ? "answers a read round that never began"
        : undefined;
    // What they ask or grant is counted by the configuration, and takes no more than it says.
    case "quiet-response":
    case "vote":
    case "vote-response":
    case "pre-vote":
    case "pre-vote-response":
    case "read-index":
      return undefined;
    default:
      return unreachable(message);
  }
}

function isForLeader(state: CoreState, message: Message): boolean {
  return state.role === "leader" && message.term === state.term;
}

/** Only a leader says such things, and this replica knows who that is, perhaps itself. */
function rivalry(state: CoreState, { from, term }: Message): FalseClaim | undefined {
  const { bugs } = state.options;
  // With this bug there are two, and the checkers of histories are to find them.
  if (bugs.voteTwice === true || state.leader === undefined) return undefined;
  return term === state.term && state.leader !== from
    ? "leads a term that another leads"
    : undefined;
}

function entriesClaim(message: AppendMessage): FalseClaim | undefined {
  let { previousIndex: index, previousTerm: term } = message;
  for (const entry of message.entries) {
    if (entry.index !== index + 1 || entry.term < term)
      return "sends entries that do not follow each other";
    ({ index, term } = entry);
  }
  return term > message.term ? "sends entries that do not follow each other" : undefined;
}

/**
 * A commit index without entries never goes beyond what the receiver has acknowledged in this term, so
 * its log reaches there; the term and the entries were on disk before the answer left (R1).
 */
function commitClaim({ log }: CoreState, commit: number): FalseClaim | undefined {
  return commit > log.lastIndex
    ? "tells of committed entries that were never acknowledged"
    : undefined;
}

function acknowledgeClaim(
  { log }: CoreState,
  { index, rejection }: AppendResponseMessage,
): FalseClaim | undefined {
  if (rejection === undefined)
    return index > log.lastIndex ? "acknowledges entries that its leader lacks" : undefined;
  return index > log.lastIndex || rejection.hintIndex > index
    ? "refuses entries that were never sent"
    : undefined;
}

function snapshotClaim(
  state: CoreState,
  { term, snapshot }: SnapshotMessage,
): FalseClaim | undefined {
  const { log } = state;
  // Late ones stay true, whoever leads by now; but they say nothing about later terms.
  const isOfLater = snapshot.term > term;
  const falls = snapshot.index > log.committed && snapshot.term < (log.termAt(log.committed) ?? 0);
  // A leader has all that was committed before its term, and commits itself what is of its term.
  const lacks = state.role === "leader" && term <= state.term && lacksSnapshot(state, snapshot);
  return isOfLater || falls || lacks ? "announces a snapshot that cannot be" : undefined;
}
