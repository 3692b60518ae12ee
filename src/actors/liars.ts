/** Members that say what no honest one says: named in the log, and remembered for who looks. */
import type { FalseClaim } from "../raft/claims.ts";
import type { NodeId } from "../scheduler/dataset.ts";
import type { Clock } from "../std/clock.ts";
import type { Log, LogFields } from "../std/log.ts";
import { LogOnce } from "../std/log-once.ts";

/** False claims that are remembered: whoever looks after each message misses none. */
const FALSE_CLAIMS_MAX = 16;

/** A claim that was not taken. */
export interface Lie {
  readonly group: number;
  readonly from: NodeId;
  readonly claim: FalseClaim;
}

export class Liars {
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #named = new LogOnce();
  readonly #lies: Lie[] = [];

  constructor({ clock, log }: { readonly clock: Clock; readonly log: Log }) {
    this.#clock = clock;
    this.#log = log;
  }

  /** The last ones, oldest first. */
  get lies(): readonly Lie[] {
    return this.#lies;
  }

  /** A replica's message holds a claim that cannot be true. `said`: the message's kind. */
  lied(lie: Lie, said: string): void {
    this.#lies.push(lie);
    if (this.#lies.length > FALSE_CLAIMS_MAX) this.#lies.shift();
    const { group, from, claim } = lie;
    this.name(from, "a node says what cannot be", { group, said, claim });
  }

  /** Names a node, once in an hour. */
  name(node: NodeId, what: string, more: LogFields): void {
    if (this.#named.due(node, this.#clock.nowMs())) this.#log.warn(what, { node, ...more });
  }
}
