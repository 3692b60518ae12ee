/**
 * R20: divides what a node can run among the schedulers that have work for it, by the weights of their
 * workflows. Who has had least of the slots for its weight comes first, so that what does not divide
 * evenly, and a share below one slot, is had in turns instead of never.
 */
import type { ExecutorSession } from "./executor-session.ts";

/**
 * Lends `capacity` to the sessions that are active; never more than there is, counting what schedulers
 * may still believe. What is taken from one is free for others when it has heard so.
 */
export function lendCapacity(sessions: readonly ExecutorSession[], capacity: number): void {
  welcome(sessions);
  const inTurn = [...sessions].sort((a, b) => a.turnMs - b.turnMs || a.group - b.group);
  const shares = sharesOf(inTurn, capacity);
  // First what is taken away.
  inTurn.forEach((session, at) => {
    const share = shares[at] ?? 0;
    if (share < session.limit) session.lend(share);
  });
  let free = capacity - inTurn.reduce((sum, session) => sum + session.lent, 0);
  inTurn.forEach((session, at) => {
    const more = Math.min((shares[at] ?? 0) - session.limit, session.lent - session.limit + free);
    if (more <= 0) return;
    const before = session.lent;
    session.lend(session.limit + more);
    free -= session.lent - before;
  });
}

/** Who has work again begins beside the others: what it did not use is no claim on the future. */
function welcome(sessions: readonly ExecutorSession[]): void {
  const present = sessions.filter(({ active, wasActive }) => active && wasActive);
  const leastMs = present.reduce(
    (least, { turnMs }) => Math.min(least, turnMs),
    Number.POSITIVE_INFINITY,
  );
  for (const session of sessions) {
    if (session.active && !session.wasActive && Number.isFinite(leastMs)) {
      session.turnMs = Math.max(session.turnMs, leastMs);
    }
    session.wasActive = session.active;
  }
}

/**
 * All of the capacity as long as anybody is active: a heavy workflow with little to do leaves its slots to
 * others, and what nobody wants is lent ahead, so that new work begins without another word.
 */
function sharesOf(inTurn: readonly ExecutorSession[], capacity: number): readonly number[] {
  const wanted = shareCapacity(
    capacity,
    inTurn.map(({ weight, wanted: want }) => ({ weight, want })),
  );
  const spare = capacity - wanted.reduce((sum, share) => sum + share, 0);
  const ahead = shareCapacity(
    spare,
    inTurn.map(({ weight, active }) => ({ weight, want: active ? spare : 0 })),
  );
  return wanted.map((share, at) => share + (ahead[at] ?? 0));
}

/** What one of several would have, and how much it weighs: a whole number from 1 on. */
export interface Claim {
  readonly weight: number;
  readonly want: number;
}

/**
 * Shares capacity by weight among those who want some; what one does not want is the others'. Nobody who
 * gets less than it wants is a whole slot away from its part by weight: of the slots that do not divide
 * evenly the first in the list have one each. Whole numbers, like the answer.
 */
export function shareCapacity(capacity: number, claims: readonly Claim[]): readonly number[] {
  const shares = claims.map(() => 0);
  let left = capacity;
  let open = claims.map((claim, at) => ({ ...claim, at })).filter(({ want }) => want > 0);
  for (;;) {
    const pool = left;
    const total = open.reduce((sum, { weight }) => sum + weight, 0);
    // Products of whole numbers, so that what divides evenly is seen to.
    const content = open.filter(({ weight, want }) => want * total <= pool * weight);
    if (content.length === 0) break;
    for (const { want, at } of content) {
      shares[at] = want;
      left -= want;
    }
    open = open.filter((claim) => !content.includes(claim));
  }
  const pool = left;
  const total = open.reduce((sum, { weight }) => sum + weight, 0);
  for (const { weight, at } of open) {
    const whole = Math.floor((pool * weight) / total);
    shares[at] = whole;
    left -= whole;
  }
  for (const { weight, at } of open) {
    if (left === 0) break;
    if ((pool * weight) % total === 0) continue;
    shares[at] = (shares[at] ?? 0) + 1;
    left -= 1;
  }
  return shares;
}
