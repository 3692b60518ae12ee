import type { ReplicaId } from "./types.ts";

/** A read that is answered with an index from which on any state may serve it. */
export interface ReadRequest {
  /** Who asked: this replica or a follower. */
  readonly from: ReplicaId;
  /** The asker's own number. */
  readonly context: number;
}

/** A read and the index that it got. */
export interface AnsweredRead extends ReadRequest {
  readonly index: number;
}

interface Round {
  readonly round: number;
  readonly index: number;
  readonly reads: readonly ReadRequest[];
}

/**
 * Reads that wait for the leader to learn that it still is one (thesis 6.4). All reads of one ready
 * share a round: its number goes out with heartbeats, and a majority that has answered it, or a later
 * one, confirms it. Reads that come before the leader has committed in its term are parked.
 */
export class ReadRounds {
  readonly #pendingMax: number;
  #parked: ReadRequest[] = [];
  #gathering: ReadRequest[] = [];
  #rounds: Round[] = [];
  #lastRound = 0;
  #pending = 0;

  constructor(pendingMax: number) {
    this.#pendingMax = pendingMax;
  }

  /** Reads that wait, in any stage. */
  get pending(): number {
    return this.#pending;
  }

  /** Whether no more reads may wait. */
  get full(): boolean {
    return this.#pending >= this.#pendingMax;
  }

  /** Whether reads wait for a round to begin. */
  get gathering(): boolean {
    return this.#gathering.length > 0;
  }

  /** The newest round begun; 0 before the first. */
  get lastRound(): number {
    return this.#lastRound;
  }

  /** Keeps a read until the leader has committed in its term. */
  park(read: ReadRequest): void {
    this.#parked.push(read);
    this.#pending += 1;
  }

  /** Adds a read to the round that begins with the next ready. */
  gather(read: ReadRequest): void {
    this.#gathering.push(read);
    this.#pending += 1;
  }

  /** The leader has committed in its term: parked reads join the next round. */
  unpark(): void {
    if (this.#parked.length === 0) return;
    this.#gathering.push(...this.#parked);
    this.#parked = [];
  }

  /** Begins a round for what has gathered. `index` is the leader's commit index. @returns its number. */
  begin(index: number): number {
    this.#lastRound += 1;
    this.#rounds.push({ round: this.#lastRound, index, reads: this.#gathering });
    this.#gathering = [];
    return this.#lastRound;
  }

  /** A majority has answered `round`: its reads, and those of all before it, have their index. */
  confirm(round: number): readonly AnsweredRead[] {
    const answered: AnsweredRead[] = [];
    for (;;) {
      const oldest = this.#rounds[0];
      if (oldest === undefined || oldest.round > round) break;
      this.#rounds.shift();
      for (const read of oldest.reads) answered.push({ ...read, index: oldest.index });
    }
    this.#pending -= answered.length;
    return answered;
  }

  /** The term is over: nothing that waits can be answered. @returns what waited. */
  abandon(): readonly ReadRequest[] {
    const lost = [...this.#parked, ...this.#gathering, ...this.#rounds.flatMap((r) => r.reads)];
    this.#parked = [];
    this.#gathering = [];
    this.#rounds = [];
    this.#pending = 0;
    return lost;
  }
}
