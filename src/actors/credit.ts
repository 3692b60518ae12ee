/**
 * R20: divides what a node can run among the schedulers that have work for it, by the weights of their
 * workflows. Who has had least of the slots for its weight comes first, so that what does not divide
 * evenly, and a share below one slot, is had in turns instead of never.
 *
 * Had is reckoned in one virtual time that only rises (start-time fair queueing): that of the one that
 * is short and has had least. Who begins to be short begins at it, so what was used while nobody else
 * wanted it is no debt, and what was not used is no claim.
 */
import { NO_BUGS, type PlantedBugs } from "../std/planted-bugs.ts";
import type { ExecutorSession } from "./executor-session.ts";

/** Waiting units beyond which more would only sit here. */
const PREFETCH_MAX = 256;

/** Slot time that one may have had more than another before a slot goes from it to that one, milliseconds. */
const KEPT_MS = 50;

/** Parts of slots are no whole numbers for the error of sums and quotients only. */
const ROUNDING = 1e-9;

/** What an executor has to lend. */
export interface Lendable {
  readonly slots: number;
  /** R20: work that waits for each slot, milliseconds. */
  readonly prefetchMs: number;
  /** Whether a unit of the session may begin beyond the slots; see `SpareSlot`. */
  readonly maySpare: (session: ExecutorSession) => boolean;
}

export class Credit {
  readonly #bugs: PlantedBugs;
  /** The virtual time: milliseconds of a slot for each weight of one. */
  #virtualMs = 0;
  /** Who was short when slots were lent last. */
  #short: readonly ExecutorSession[] = [];

  constructor(bugs: PlantedBugs = NO_BUGS) {
    this.#bugs = bugs;
  }

  /**
   * Lends the slots to the sessions that are active; never more than there are, counting what schedulers
   * may still believe, but for the spare one: what is taken from one is free for others when it has heard
   * so and its units have ended. Beyond slots each is lent units that wait for one, by its own part and the
   * time of its own units.
   */
  lend(sessions: readonly ExecutorSession[], node: Lendable, nowMs: number): void {
    this.#welcome(sessions, nowMs);
    const lent = sessions.filter((session) => session.active || session.lent > 0);
    const parts = partsOf(lent, node.slots);
    const inTurn = lent
      .map((session, at) => ({ session, part: parts[at] ?? 0 }))
      .map((one) => ({ ...one, turnMs: turnOf(one.session, one.part) }))
      .sort((a, b) => a.turnMs - b.turnMs || a.session.group - b.session.group);
    const shares = wholeShares(
      node.slots,
      inTurn.map(({ part }) => part),
    );
    // First what is taken away, the spare slot when it has been in use for long enough.
    inTurn.forEach(({ session }, at) => {
      const share = session.isSpare && !node.maySpare(session) ? 0 : (shares[at] ?? 0);
      if (share < session.slots) session.lend(share);
    });
    const lentOf = ({ slots, lentSlots }: ExecutorSession): number =>
      this.#bugs.lendTwice === true ? slots : lentSlots;
    let free = node.slots - inTurn.reduce((sum, { session }) => sum + lentOf(session), 0);
    inTurn.forEach(({ session }, at) => {
      const { slots } = session;
      const before = lentOf(session);
      const missing = (shares[at] ?? 0) - slots;
      const more = Math.min(missing, before - slots + free);
      const spare = more <= 0 && missing > 0 && before === 0 && free === 0;
      if (more <= 0 && !(spare && node.maySpare(session))) return;
      session.lend(spare ? 1 : slots + more);
      session.isSpare = spare;
      free -= lentOf(session) - before;
    });
    for (const { session } of inTurn) session.isSpare &&= free < 0 && session.slots > 0;
    const stuck = inTurn.reduce((sum, { session }) => sum + session.stuck, 0);
    for (const { session, part } of inTurn) {
      const busy = Math.max(0, Math.min(part - session.stuck, node.slots - stuck));
      const unitsMax = Math.floor((PREFETCH_MAX * part) / Math.max(1, node.slots));
      const units =
        session.runMs === undefined ? 0 : Math.floor((busy * node.prefetchMs) / session.runMs);
      session.lendAhead(Math.min(units, unitsMax), Math.ceil(part * node.prefetchMs));
    }
  }

  /**
   * A unit had a slot for so long. It counts by the weight of that time, so that a change of weight is
   * no claim, nor a debt, for the time before it; and where others are short only since they are.
   */
  served(session: ExecutorSession, ranMs: number, nowMs: number): void {
    const others = this.#short.filter((other) => other !== session);
    const sinceMs = Math.min(...others.map(({ shortSinceMs = nowMs }) => shortSinceMs));
    if (others.length > 0) session.served(ranMs, Math.min(ranMs, Math.max(0, nowMs - sinceMs)));
    else {
      session.served(ranMs, ranMs);
      this.#reach(session.turnMs);
    }
  }

  /** Who is not short, or only from now on, is at the virtual time, or at what it still owes. */
  #welcome(sessions: readonly ExecutorSession[], nowMs: number): void {
    const still = sessions.filter((one) => one.isShort && one.shortSinceMs !== undefined);
    // While nobody is short nobody owes anything: the time is that of who has had most.
    if (still.length > 0) this.#reach(Math.min(...still.map(({ turnMs }) => turnMs)));
    else for (const { turnMs } of sessions) this.#reach(turnMs);
    for (const session of sessions) {
      if (session.isShort && session.shortSinceMs !== undefined) continue;
      session.turnMs = Math.max(session.turnMs, this.#virtualMs);
      session.shortSinceMs = session.isShort ? nowMs : undefined;
    }
    this.#short = sessions.filter(({ isShort }) => isShort);
  }

  #reach(turnMs: number): void {
    this.#virtualMs = Math.max(this.#virtualMs, turnMs);
  }
}

/** Who has a slot beyond its whole ones keeps it until others have had so much less, or the slot would go to and fro. */
function turnOf(session: ExecutorSession, part: number): number {
  const hasMore = session.slots > wholeOf(part);
  return session.turnMs - (hasMore ? KEPT_MS / session.weight : 0);
}

/**
 * All of the slots as long as anybody is active: a heavy workflow with little to do leaves its slots to
 * others, and what nobody wants is lent ahead, so that new work begins without another word.
 */
function partsOf(sessions: readonly ExecutorSession[], slots: number): readonly number[] {
  const wanted = fairParts(
    slots,
    sessions.map(({ weight, wanted: want }) => ({ weight, want })),
  );
  const spare = Math.max(0, slots - wanted.reduce((sum, part) => sum + part, 0));
  if (spare < ROUNDING) return wanted;
  const ahead = fairParts(
    spare,
    sessions.map(({ weight, active }) => ({ weight, want: active ? spare : 0 })),
  );
  return wanted.map((part, at) => part + (ahead[at] ?? 0));
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
  return wholeShares(capacity, fairParts(capacity, claims));
}

/** The same in parts of slots: nobody has more than its part while another wants more than it has. */
function fairParts(capacity: number, claims: readonly Claim[]): readonly number[] {
  const parts = claims.map(() => 0);
  let left = capacity;
  let open = claims.map((claim, at) => ({ ...claim, at })).filter(({ want }) => want > 0);
  for (;;) {
    const pool = left;
    const total = open.reduce((sum, { weight }) => sum + weight, 0);
    // Products of whole numbers, so that what divides evenly is seen to.
    const content = open.filter(({ weight, want }) => want * total <= pool * weight);
    if (content.length === 0) {
      for (const { weight, at } of open) parts[at] = (pool * weight) / total;
      return parts;
    }
    for (const { want, at } of content) {
      parts[at] = want;
      left -= want;
    }
    open = open.filter((claim) => !content.includes(claim));
  }
}

/** Whole slots for parts of them: of those whose part is none the first have one more. */
function wholeShares(capacity: number, parts: readonly number[]): readonly number[] {
  let left = Math.min(capacity, Math.round(parts.reduce((sum, part) => sum + part, 0)));
  left -= parts.reduce((sum, part) => sum + wholeOf(part), 0);
  return parts.map((part) => {
    const whole = wholeOf(part);
    if (left <= 0 || part - whole < ROUNDING) return whole;
    left -= 1;
    return whole + 1;
  });
}

function wholeOf(part: number): number {
  return Math.floor(part + ROUNDING);
}
