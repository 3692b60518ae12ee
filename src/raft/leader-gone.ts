/**
 * When to stand because the leader's node is gone (R6). The survivors notice at about the same time,
 * and who stands against another loses more time than either can gain: votes wait for disks. So they
 * take turns by their ids; whoever stands is left alone for a while, also by itself; and whoever knows
 * that another cannot win stands at once. Pre-votes harm nobody and are repeated quickly: a survivor
 * that has not noticed yet does not answer them.
 */
import { isVoter, membersOf } from "./configuration.ts";
import type { CoreState } from "./core-state.ts";

/** Rounds of pre-votes of one turn. */
const TRIES_MAX = 4;

/** Ticks between them: time for an answer. */
const TRY_TICKS = 2;

/** A candidacy may take so many turns: two writes to disks that may be slow, and a round trip. */
const CANDIDACY_TURNS = 4;

/** The leader's node is gone: takes a place in the line. */
export function beginLeaderGone(state: CoreState): void {
  const { leaderGoneTicks } = state.options;
  state.leaderGone = true;
  state.leaderGoneTries = TRIES_MAX;
  state.candidacyTicks = CANDIDACY_TURNS * leaderGoneTicks;
  const before = membersOf(state.configuration).filter(
    (id) => id < state.id && id !== state.leader && isVoter(state.configuration, id),
  );
  state.leaderGoneCountdown = 1 + before.length * leaderGoneTicks;
}

/** The countdown has ended and the campaign begins: when to try again. */
export function nextLeaderGoneTry(state: CoreState): void {
  state.leaderGoneTries -= 1;
  if (state.leaderGoneTries > 0) state.leaderGoneCountdown = TRY_TICKS;
  else giveWay(state);
}

/** Somebody stands, perhaps this replica: time to win. In the end the usual timeouts take over. */
export function giveWay(state: CoreState): void {
  const { candidacyTicks, leaderGone, options } = state;
  state.leaderGoneTries = 1;
  state.leaderGoneCountdown =
    leaderGone && candidacyTicks < options.electionTicks
      ? candidacyTicks + Math.floor(options.random.next() * candidacyTicks)
      : undefined;
}

/** Whoever asked for votes cannot win, since this replica has more: it need not wait for its turn. */
export function jumpLine(state: CoreState): void {
  if (state.leaderGoneCountdown !== undefined) state.leaderGoneCountdown = 1;
}
