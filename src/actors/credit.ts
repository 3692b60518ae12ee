/**
 * R20: divides what a node can run among the schedulers that have work for it. Who has had least of
 * the slots comes first, so that more schedulers than slots take turns instead of some waiting for ever.
 */
import type { ExecutorSession } from "./executor-session.ts";

/**
 * Lends `capacity` to the sessions that are active; never more than there is, counting what schedulers
 * may still believe. What is taken from one is free for others when it has heard so.
 */
export function lendCapacity(sessions: readonly ExecutorSession[], capacity: number): void {
  welcome(sessions);
  const inTurn = [...sessions].sort((a, b) => a.servedMs - b.servedMs || a.group - b.group);
  const shares = shareCapacity(
    capacity,
    inTurn.map((session) => (session.active ? capacity : 0)),
  );
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
    (least, { servedMs }) => Math.min(least, servedMs),
    Number.POSITIVE_INFINITY,
  );
  for (const session of sessions) {
    if (session.active && !session.wasActive && Number.isFinite(leastMs)) {
      session.servedMs = Math.max(session.servedMs, leastMs);
    }
    session.wasActive = session.active;
  }
}

/** Shares capacity among those who want some: equally, the rest to the first; nobody else gets any. */
export function shareCapacity(capacity: number, wants: readonly number[]): readonly number[] {
  const shares = wants.map(() => 0);
  let left = capacity;
  while (left > 0) {
    const hungry = wants.flatMap((want, at) => ((shares[at] ?? 0) < want ? [at] : []));
    if (hungry.length === 0) break;
    const each = Math.max(1, Math.floor(left / hungry.length));
    for (const at of hungry) {
      const give = Math.min(each, left, (wants[at] ?? 0) - (shares[at] ?? 0));
      shares[at] = (shares[at] ?? 0) + give;
      left -= give;
    }
  }
  return shares;
}
