/**
 * Quiet groups (R7). A leader whose log has stood still for a while, with every member having all of
 * it, asks them to go quiet with it. Whoever agrees is not ticked any more and sends nothing; the
 * leader goes quiet when all have agreed. Anything that comes wakes: a proposal, a read, a message.
 *
 * Q1. Only a member that has stored, committed and applied all that the leader has goes quiet, and the
 *     leader goes last. So while all are quiet, nothing is lost if they stay so.
 * Q2. Quiet proves nothing about who leads. A read in a woken group makes a real round, and who was
 *     elected meanwhile has a higher term.
 */
import { isJoint } from "./configuration.ts";
import { type CoreState, send } from "./core-state.ts";
import type { QuietMessage, QuietResponseMessage } from "./messages.ts";
import type { Progress } from "./progress.ts";

/** What the group's owner allows with a tick: to stay awake, or to go quiet without or with a due time. */
export type QuietPermit = "awake" | "quiet" | "quiet-due";

/** Counts the ticks in which nothing happened; for a leader. */
export function countIdleTick(state: CoreState): void {
  const still = state.idleIndex === state.log.lastIndex && state.reads.pending === 0;
  state.idleTicks = still ? state.idleTicks + 1 : 0;
  state.idleIndex = state.log.lastIndex;
}

/** Asks all members to go quiet, in the place of a heartbeat. @returns false where it is not the time. */
export function askQuiet(state: CoreState, permit: QuietPermit): boolean {
  if (permit === "awake" || state.idleTicks < state.options.quietTicks || !isSettled(state)) {
    state.quietAsked = undefined;
    return false;
  }
  const due = permit === "quiet-due";
  state.quietAsked = { due };
  for (const to of state.progress.keys()) {
    if (to === state.id) continue;
    const index = state.log.lastIndex;
    send(state, { kind: "quiet", from: state.id, to, term: state.term, index, due });
  }
  goQuietLast(state);
  return true;
}

/** The leader asks: agrees if this replica has everything. */
export function onQuiet(state: CoreState, message: QuietMessage): void {
  const { index, due } = message;
  const { log } = state;
  // All members had acknowledged it when this was sent, so it is committed; but it may have been
  // overtaken by entries of the same leader.
  if (index <= log.lastIndex) log.commitTo(index);
  const agrees = log.lastIndex === index && isApplied(state);
  if (agrees) state.quiet = { due };
  send(state, {
    kind: "quiet-response",
    from: state.id,
    to: message.from,
    term: state.term,
    index: agrees ? index : 0,
  });
}

/** A member has agreed, or not yet. */
export function onQuietResponse(
  state: CoreState,
  progress: Progress,
  message: QuietResponseMessage,
): void {
  progress.recentActive = true;
  progress.quietIndex = message.index;
  goQuietLast(state);
}

/** Something has come up: the replica is ticked again, and a leader says that it lives. */
export function wake(state: CoreState): void {
  state.idleTicks = 0;
  state.quietAsked = undefined;
  if (state.quiet === undefined) return;
  state.quiet = undefined;
  // While it was quiet nobody counted, so nothing is late.
  state.electionElapsed = 0;
  state.heartbeatElapsed = state.options.heartbeatTicks;
  for (const progress of state.progress.values()) progress.quietIndex = 0;
}

function goQuietLast(state: CoreState): void {
  if (state.quietAsked === undefined || !isSettled(state)) return;
  for (const [id, progress] of state.progress)
    if (id !== state.id && progress.quietIndex !== state.log.lastIndex) return;
  state.quiet = state.quietAsked;
  // All have agreed since they were asked. Nobody is counted from now on, so that stands until it wakes.
  for (const progress of state.progress.values()) progress.recentActive = true;
}

/** Whether every member has the whole log and nothing is under way. */
function isSettled(state: CoreState): boolean {
  const { log, progress, reads } = state;
  if (!isApplied(state) || reads.pending > 0 || state.commitNews) return false;
  if (state.transferee !== undefined || isJoint(state.configuration)) return false;
  for (const member of progress.values()) if (member.match !== log.lastIndex) return false;
  return true;
}

function isApplied({ log, apply }: CoreState): boolean {
  const { lastIndex } = log;
  return log.synced === lastIndex && log.committed === lastIndex && apply.applied === lastIndex;
}
