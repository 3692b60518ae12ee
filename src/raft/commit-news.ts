/**
 * Telling followers what is committed. The news rides on the next append if there is one: under load
 * the leader applies, its callers propose, and what they propose carries it. Only when applying
 * brought nothing new does it travel alone, as a message that nobody answers.
 */
import { type CoreState, send } from "./core-state.ts";
import { broadcastAppend } from "./replication.ts";

/** Whether the next ready would carry the news. */
export function commitNewsDue(state: CoreState): boolean {
  if (!state.commitNews || state.role !== "leader") return false;
  return state.apply.applied >= state.log.committed || changesMembers(state);
}

/** Tells every follower that has more committed than it was told. */
export function tellCommit(state: CoreState): void {
  if (!commitNewsDue(state)) return;
  state.commitNews = false;
  if (changesMembers(state)) {
    // Who leaves the group when this is applied tells, or hears, nothing afterwards. Appends let
    // those commit as well whose acknowledgement is still on its way.
    broadcastAppend(state);
    return;
  }
  for (const [to, progress] of state.progress) {
    if (to === state.id) continue;
    // Not beyond the match: the member may have something else there that will be cut.
    const commit = Math.min(progress.match, state.log.committed);
    if (commit <= progress.sentCommit) continue;
    progress.sentCommit = commit;
    send(state, { kind: "commit", from: state.id, to, term: state.term, commit });
  }
}

function changesMembers(state: CoreState): boolean {
  return state.log.hasUnappliedConfig(state.apply.applied);
}
