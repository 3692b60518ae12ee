/** What happens when a configuration comes into force. */
import { isVoter } from "./configuration.ts";
import { type CoreState, trackMembers } from "./core-state.ts";
import { maybeCommit, sendAppend } from "./replication.ts";
import { becomeFollower } from "./roles.ts";
import type { Configuration } from "./types.ts";

/** Puts `configuration` into force. */
export function switchConfiguration(state: CoreState, configuration: Configuration): void {
  state.configuration = configuration;
  trackMembers(state);
  if (state.role !== "leader") return;
  if (!isVoter(configuration, state.id) && state.options.stepDownOnRemoval) {
    // It had to lead until here: the change counted as committed without it (thesis 4.2.2).
    becomeFollower(state, { term: state.term, leader: undefined });
    return;
  }
  // A smaller majority may have everything already; a newcomer has nothing.
  maybeCommit(state);
  for (const [id, progress] of state.progress)
    if (id !== state.id) sendAppend(state, { id, progress }, { evenIfEmpty: false });
  if (state.transferee !== undefined && !isVoter(configuration, state.transferee))
    state.transferee = undefined;
}
