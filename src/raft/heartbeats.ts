/** Heartbeats, and the read rounds that travel with them (thesis 6.4). */
import type { CoreState } from "./core-state.ts";
import { hasCommittedInTerm, send } from "./core-state.ts";
import type { HeartbeatResponseMessage } from "./messages.ts";
import type { Progress } from "./progress.ts";
import { jointIndex } from "./quorum.ts";
import type { ReadRequest } from "./read-rounds.ts";

/** Tells every member that the leader lives, with the newest read round. */
export function broadcastHeartbeat(state: CoreState): void {
  for (const [to, progress] of state.progress) {
    if (to === state.id) continue;
    send(state, {
      kind: "heartbeat",
      from: state.id,
      to,
      term: state.term,
      // Not beyond the match: the member may have something else there that will be cut.
      commit: Math.min(progress.match, state.log.committed),
      round: state.reads.lastRound,
    });
  }
}

/** Notes that a member lives and still follows, and for which round it says so. */
export function noteHeartbeatResponse(
  state: CoreState,
  progress: Progress,
  message: HeartbeatResponseMessage,
): void {
  progress.recentActive = true;
  // Whatever was lost, the next append may be tried now.
  progress.flowPaused = false;
  if (message.round <= progress.ackedRound) return;
  progress.ackedRound = message.round;
  confirmReads(state);
}

/** Takes in a read at the leader. */
export function takeRead(state: CoreState, read: ReadRequest): void {
  // Before it has committed in its term, a leader may not know the newest commit index (6.4).
  if (hasCommittedInTerm(state)) state.reads.gather(read);
  else state.reads.park(read);
}

/** Begins a round for all reads that have come since the last ready. */
export function beginReadRound(state: CoreState): void {
  if (state.role !== "leader" || !state.reads.gathering) return;
  const round = state.reads.begin(state.log.committed);
  const own = state.progress.get(state.id);
  if (own !== undefined) own.ackedRound = round;
  broadcastHeartbeat(state);
  confirmReads(state);
}

function confirmReads(state: CoreState): void {
  const { progress, reads } = state;
  const unasked = state.options.bugs.readWithoutRound === true ? reads.lastRound : 0;
  const round = jointIndex(state.configuration, (replica) =>
    Math.max(progress.get(replica)?.ackedRound ?? 0, unasked),
  );
  for (const { from, context, index } of reads.confirm(Math.min(round, reads.lastRound))) {
    if (from === state.id) state.readResults.push({ kind: "confirmed", context, index });
    else
      send(state, {
        kind: "read-index-response",
        from: state.id,
        to: from,
        term: state.term,
        context,
        index,
      });
  }
}
