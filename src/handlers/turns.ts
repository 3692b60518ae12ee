/**
 * Whose unit begins next where those of several workflows wait for a slot (R20): that of who has had
 * least slot time for its weight, in one virtual time that only rises. So a few short units do not wait
 * behind all long ones that came before, nor do many short ones keep a long one waiting.
 */

/** Weight of the newest unit in the time that units of a user take. */
const RUN_WEIGHT = 0.1;

/** Users that are remembered; beyond that those who have nothing here are forgotten. */
const USERS_MAX = 1_000;

interface User {
  /** Slot time that it has had for each weight of one, milliseconds. */
  turnMs: number;
  waiting: number;
  running: number;
  /** Time that its units take of late; 0 before the first one. */
  runMs: number;
  weight: number;
}

export class Turns {
  readonly #users = new Map<number, User>();
  #virtualMs = 0;
  #waiting = 0;

  /** A unit of the user waits from now on. `weight` is a whole number from 1 on. */
  came(group: number, weight: number): void {
    // While nobody waits nobody owes anything.
    if (this.#waiting === 0) {
      for (const { turnMs } of this.#users.values()) this.#reach(turnMs);
    }
    if (this.#users.size >= USERS_MAX) this.#forget();
    const fresh: User = { turnMs: 0, waiting: 0, running: 0, runMs: 0, weight };
    const user = this.#users.get(group) ?? fresh;
    this.#users.set(group, user);
    if (user.waiting === 0) user.turnMs = Math.max(user.turnMs, this.#virtualMs);
    user.weight = weight;
    user.waiting += 1;
    this.#waiting += 1;
  }

  /** A unit of the user waits no more. */
  went(group: number): void {
    const user = this.#users.get(group);
    if (user === undefined) return;
    user.waiting -= 1;
    this.#waiting -= 1;
  }

  /** A slot is the user's from now on. */
  began(group: number): void {
    const user = this.#users.get(group);
    if (user !== undefined) user.running += 1;
  }

  /** It was, for so long, and `units` of them shared it. */
  ended(group: number, heldMs: number, units: number): void {
    const user = this.#users.get(group);
    if (user === undefined) return;
    user.running -= 1;
    user.turnMs += heldMs / user.weight;
    const each = heldMs / units;
    user.runMs = user.runMs === 0 ? each : user.runMs + RUN_WEIGHT * (each - user.runMs);
  }

  /** Whose turn it is; of those who are equal the first. Undefined when nobody waits. */
  next(): number | undefined {
    let next: number | undefined;
    let least = Number.POSITIVE_INFINITY;
    let fewest = Number.POSITIVE_INFINITY;
    let reached = Number.POSITIVE_INFINITY;
    for (const [group, user] of this.#users) {
      if (user.waiting === 0) continue;
      reached = Math.min(reached, user.turnMs);
      // What runs is reckoned to take as long as its like.
      const turnMs = user.turnMs + (user.running * user.runMs) / user.weight;
      const running = user.running / user.weight;
      if (turnMs > least || (turnMs === least && running >= fewest)) continue;
      next = group;
      least = turnMs;
      fewest = running;
    }
    if (next !== undefined) this.#reach(reached);
    return next;
  }

  #reach(turnMs: number): void {
    this.#virtualMs = Math.max(this.#virtualMs, turnMs);
  }

  #forget(): void {
    for (const [group, { waiting, running }] of this.#users) {
      if (waiting === 0 && running === 0) this.#users.delete(group);
    }
  }
}
