/** What time does to a replica. */
import { type CoreState, isPromotable, isStorageStalled } from "./core-state.ts";
import { campaign } from "./elections.ts";
import { broadcastHeartbeat } from "./heartbeats.ts";
import { nextLeaderGoneTry } from "./leader-gone.ts";
import { maybeAutoLeave } from "./proposals.ts";
import { askQuiet, countIdleTick, type QuietPermit } from "./quiet.ts";
import { jointVote } from "./quorum.ts";
import { becomeFollower } from "./roles.ts";

/** Lets one tick pass. */
export function tick(state: CoreState, permit: QuietPermit): void {
  state.storageElapsed = state.log.tasksOpen > 0 ? state.storageElapsed + 1 : 0;
  // Whoever ticks a quiet replica has lost count; it stays as it is.
  if (state.quiet !== undefined) return;
  if (state.role === "leader") tickLeader(state, permit);
  else tickOther(state);
}

function tickLeader(state: CoreState, permit: QuietPermit): void {
  if (isStorageStalled(state)) {
    // Its own disk is stuck: others may do better, and reads and heartbeats must not hide that (R1).
    becomeFollower(state, { term: state.term, leader: undefined });
    return;
  }
  countIdleTick(state);
  state.heartbeatElapsed += 1;
  state.electionElapsed += 1;
  if (state.electionElapsed >= state.options.electionTicks) {
    state.electionElapsed = 0;
    if (state.options.checkQuorum && !hearsQuorum(state)) {
      becomeFollower(state, { term: state.term, leader: undefined });
      return;
    }
    // The transferee had its time; proposals are taken again.
    state.transferee = undefined;
  }
  if (state.heartbeatElapsed < state.options.heartbeatTicks) return;
  state.heartbeatElapsed = 0;
  maybeAutoLeave(state);
  if (!askQuiet(state, permit)) broadcastHeartbeat(state);
}

function tickOther(state: CoreState): void {
  state.electionElapsed += 1;
  // Who may not stand only counts how long nobody has led it.
  if (!isPromotable(state)) return;
  if (state.leaderGoneCountdown !== undefined) {
    state.leaderGoneCountdown -= 1;
    if (state.leaderGoneCountdown > 0) return;
    nextLeaderGoneTry(state);
  } else if (state.electionElapsed < state.electionTimeout) {
    return;
  }
  state.electionElapsed = 0;
  campaign(state);
}

/** Whether a majority was heard since the last time this was asked; starts the next count (6.2). */
function hearsQuorum(state: CoreState): boolean {
  const heard = new Map<number, boolean>();
  for (const [id, progress] of state.progress) {
    heard.set(id, id === state.id || progress.recentActive);
    progress.recentActive = id === state.id;
  }
  return jointVote(state.configuration, heard) === "won";
}
