/**
 * R20: divides what a node can run among the schedulers that have work for it, by the weights of their
 * workflows. Who has had least of the slots for its weight comes first, so that what does not divide
 * evenly, and a share below one slot, is had in turns instead of never.
 *
 * Had is reckoned in one virtual time that only rises (start-time fair queueing): that of the one that
 * is short and has had least. Who begins to be short begins at it, so what was used while nobody else
 * wanted it is no debt, and what was not used is no claim.
 */
import type { ExecutorSession } from "./executor-session.ts";

export class Credit {
  /** The virtual time: milliseconds of a slot for each weight of one. */
  #virtualMs = 0;
  /** Since when several sessions are short, by the node's clock. */
  #contendedMs = Number.POSITIVE_INFINITY;

  /**
   * Lends `capacity` to the sessions that are active; never more than there is, counting what schedulers
   * may still believe. What is taken from one is free for others when it has heard so.
   */
  lend(sessions: readonly ExecutorSession[], capacity: number, nowMs: number): void {
    this.#welcome(sessions, nowMs);
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

  /**
   * A unit had a slot for so long. It counts by the weight of that time, so that a change of weight is
   * no claim, nor a debt, for the time before it; and while others are short only since they are.
   */
  served(session: ExecutorSession, ranMs: number, nowMs: number): void {
    const countedMs = Math.min(ranMs, Math.max(0, nowMs - this.#contendedMs));
    const isContended = Number.isFinite(this.#contendedMs);
    session.served(isContended ? countedMs : ranMs);
  }

  /** Who is short from now on begins at the virtual time, or at what it still owes. */
  #welcome(sessions: readonly ExecutorSession[], nowMs: number): void {
    this.#advance(
      sessions.filter((session) => session.isShort && session.wasShort),
      sessions,
    );
    let short = 0;
    for (const session of sessions) {
      const { isShort } = session;
      if (isShort) short += 1;
      if (isShort && !session.wasShort) {
        session.turnMs = Math.max(session.turnMs, this.#virtualMs);
      }
      session.wasShort = isShort;
    }
    if (short < 2) this.#contendedMs = Number.POSITIVE_INFINITY;
    else this.#contendedMs = Math.min(this.#contendedMs, nowMs);
  }

  /** While nobody is short nobody owes anything: the virtual time is that of who has had most. */
  #advance(short: readonly ExecutorSession[], all: readonly ExecutorSession[]): void {
    const turns = (sessions: readonly ExecutorSession[]): readonly number[] =>
      sessions.map(({ turnMs }) => turnMs);
    const reached = short.length > 0 ? Math.min(...turns(short)) : Math.max(...turns(all));
    if (Number.isFinite(reached)) this.#virtualMs = Math.max(this.#virtualMs, reached);
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
