/**
 * What an executor knows of one workflow's scheduler: who leads, in which term, what it lent there and
 * what it holds of it. Plain bookkeeping; the executor does the talking.
 */

import type { NodeId } from "../scheduler/dataset.ts";
import { tokenText } from "../scheduler/dispatcher.ts";
import type { Grant } from "../scheduler/protocol.ts";
import type { Token } from "../scheduler/unit.ts";
import type { Outcome } from "../scheduler/work.ts";
import { assert } from "../std/assert.ts";
import { WEIGHT_DEFAULT } from "../workflow/definition.ts";

/** How an attempt ended here. */
export interface PerformEnd {
  readonly outcome: Outcome;
  /** Time that it had a slot for itself; 0 when it never began. */
  readonly ranMs: number;
  /** Time after that until its output was on this node's disk and on another's (R25). */
  readonly securedMs: number;
  /** When it ran; undefined when no worker took it. */
  readonly run: LocalRun | undefined;
  /** Files that it wrote are seen with this end. */
  readonly hasFiles: boolean;
}

/** When an attempt ran, by this node's monotonic clock. */
export interface LocalRun {
  readonly tookMs: number;
  /** When its handlers were through. */
  readonly throughMs: number;
}

/** An attempt on this node. */
export interface LocalAttempt {
  readonly group: number;
  readonly grant: Grant;
  /** The workflow's, when the grant came. */
  readonly weight: number;
  readonly controller: AbortController;
  /** R20: it need not wait for a slot: it has the spare one. */
  readonly isSpare: boolean;
  /** When its grant came, by this node's clock. */
  readonly sinceMs: number;
  /** Set when it has ended; said again until the scheduler has settled it. */
  end: PerformEnd | undefined;
}

/** Weight of the newest unit in the measured times of a unit. */
const RUN_WEIGHT = 0.1;

/** What changed by more than this factor is told before the next look. */
const NEWS_FACTOR = 1.5;

export class ExecutorSession {
  readonly group: number;
  readonly attempts = new Map<string, LocalAttempt>();
  /** R16: words of a lower term are not listened to. */
  term = 0;
  /** Whom to ask next. */
  target: NodeId | undefined;
  heardMs: number;
  beatMs = Number.NEGATIVE_INFINITY;
  /** Units that the scheduler has ready, as it last said. */
  ready = 0;
  #sequence = 0;
  #slots = 0;
  #ahead = 0;
  #aheadMs = 0;
  /** What the newest beat said is lent. */
  #saidLimit = 0;
  #saidSlots = 0;
  /** The most that the scheduler may still believe it was lent, by beats that it may have heard. */
  #lentBefore = 0;
  #slotsBefore = 0;
  /** It was not heard of for a lease, and not since. */
  #isLapsed = false;
  /** Slots that it may have units in, of those that it was lent before. */
  #slotsHeld = 0;
  /** Attempts that have not ended. */
  #running = 0;
  /** What the scheduler holds to be granted here, as it last said; it may not have arrived. */
  #granted = 0;
  /** Some scheduler has answered the newest beat. */
  #confirmed = false;
  /** The capabilities that the newest beat said. */
  offered = "";
  /** Whom the newest beat went to. */
  asked: NodeId | undefined;
  /** R20: against the other sessions; as the scheduler last said. */
  weight = WEIGHT_DEFAULT;
  /** R20: who has least of it is served first; see `Credit`. */
  turnMs = 0;
  /** Time that its units take here of late; undefined before the first one. */
  runMs: number | undefined;
  /** R20: the slot that it is lent is the spare one, as of when slots were lent last. */
  isSpare = false;
  /** Its units that keep a slot for long, as last counted: nothing is to wait for those. */
  stuck = 0;
  /** The same as when units were lent ahead. */
  #lentRunMs: number | undefined;
  /** Since when it is short, as of when slots were lent last; undefined while it is not. */
  shortSinceMs: number | undefined;

  constructor(group: number, nowMs: number) {
    this.group = group;
    this.heardMs = nowMs;
  }

  /** R20: attempts that are lent to this scheduler, by what it knows or may believe. */
  get lent(): number {
    const before = this.#isLapsed ? 0 : this.#lentBefore;
    return Math.max(this.limit, before, this.attempts.size);
  }

  /** R20: slots that are lent to it, by what it knows or may believe, or that its units may still have. */
  get lentSlots(): number {
    const arriving = Math.max(0, this.#granted - this.attempts.size);
    const beyond = Math.max(0, this.#running + arriving - this.limit);
    return Math.max(
      this.#slots,
      this.#isLapsed ? 0 : this.#slotsBefore,
      Math.min(this.#slotsHeld, this.#slots + beyond),
    );
  }

  /** Attempts that it may have here: in its slots, and waiting for one. */
  get limit(): number {
    return this.#slots + this.#ahead;
  }

  get slots(): number {
    return this.#slots;
  }

  /** Work of its units that may wait here, milliseconds. */
  get aheadMs(): number {
    return this.#aheadMs;
  }

  /** Lends so many slots from the next beat on. */
  lend(slots: number): void {
    this.#slotsHeld = this.lentSlots;
    this.#slots = slots;
  }

  /** Beyond them it lends so many units that wait, and so much work. */
  lendAhead(units: number, aheadMs: number): void {
    this.#ahead = units;
    this.#aheadMs = aheadMs;
    this.#lentRunMs = this.runMs;
  }

  /** For a beat that says the present limit. */
  nextSequence(): number {
    this.#sequence += 1;
    this.#confirmed = false;
    this.#saidLimit = this.limit;
    this.#saidSlots = this.#slots;
    this.#lentBefore = Math.max(this.#lentBefore, this.limit);
    this.#slotsBefore = Math.max(this.#slotsBefore, this.#slots);
    return this.#sequence;
  }

  /**
   * The scheduler has heard a beat: if it was the newest it believes what that said, and nothing older.
   * `granted` counts what it has granted here, or is about to.
   */
  heardBeat(sequence: number, granted: number): void {
    this.#granted = granted;
    if (sequence !== this.#sequence) return;
    this.#lentBefore = this.#saidLimit;
    this.#slotsBefore = this.#saidSlots;
    this.#confirmed = true;
  }

  /** Nothing is lent, nothing is held, and nothing is on its way here. */
  get isOver(): boolean {
    return this.lent === 0 && this.#granted === 0;
  }

  /** Not heard of for a lease: it takes this node for dead, so it will grant nothing here. */
  lapse(): void {
    this.ready = 0;
    this.#granted = 0;
    this.#isLapsed = true;
  }

  /** A scheduler speaks. If it was silent for a lease, beats may have come late, and it believes them. */
  heard(nowMs: number): void {
    this.heardMs = nowMs;
    this.#isLapsed = false;
  }

  /** True when the newest beat said another limit than is lent now. */
  get limitIsNews(): boolean {
    return this.limit !== this.#saidLimit || this.#slots !== this.#saidSlots;
  }

  /** The same, but for some units more or less that wait: times of units change all the time. */
  get limitIsGreatNews(): boolean {
    if (this.#slots !== this.#saidSlots) return true;
    return isFarFrom(this.limit, this.#saidLimit);
  }

  /** True when its units take far longer, or shorter, than when units were lent ahead by their time. */
  get runTimeIsNews(): boolean {
    if (this.runMs === undefined) return false;
    return this.#lentRunMs === undefined || isFarFrom(this.runMs, this.#lentRunMs);
  }

  /** True when there is anything to do for this workflow, or to say of what its scheduler takes to be here. */
  get active(): boolean {
    return this.ready > 0 || this.attempts.size > 0 || this.#granted > 0;
  }

  /**
   * R7: nothing need be said until the scheduler asks. It knows of this run of the executor, has no
   * work, lends nothing here, and takes nothing to be here.
   */
  get isQuiet(): boolean {
    return this.#confirmed && !this.active && this.isOver && !this.limitIsNews;
  }

  /** True when units are ready and it has no slot for any of them. */
  get isStarved(): boolean {
    return this.ready > 0 && this.#slots === 0;
  }

  /** True when it has slots that it has no units for: others may want them. */
  get hasToSpare(): boolean {
    return this.wanted < this.#slots;
  }

  /** R20: how many attempts it would have here, as far as its scheduler has said; 0 when it is not active. */
  get wanted(): number {
    return this.ready + Math.max(this.attempts.size, this.#granted);
  }

  /** A unit had a slot for so long, of which so much counts: by the weight of this time. */
  served(ranMs: number, countedMs: number): void {
    this.turnMs += countedMs / this.weight;
    if (ranMs <= 0) return;
    const knownMs = this.runMs ?? ranMs;
    this.runMs = knownMs + RUN_WEIGHT * (ranMs - knownMs);
  }

  /** True when units are ready beyond the slots that are lent for them. */
  get isShort(): boolean {
    return this.ready > 0 && this.wanted > this.#slots;
  }

  /** True while attempts are here that have not ended. */
  get isRunning(): boolean {
    return this.#running > 0;
  }

  holding(): readonly Token[] {
    return [...this.attempts.values()].map((attempt) => attempt.grant.token);
  }

  ended(): readonly LocalAttempt[] {
    return [...this.attempts.values()].filter((attempt) => attempt.end !== undefined);
  }

  add(attempt: LocalAttempt): void {
    const text = tokenText(attempt.grant.token);
    assert(!this.attempts.has(text), "a token is granted once");
    this.attempts.set(text, attempt);
    this.#running += 1;
  }

  /** It needs no slot any more; it stays until that is settled. */
  over(attempt: LocalAttempt, end: PerformEnd): void {
    if (attempt.end === undefined && this.get(attempt.grant.token) === attempt) this.#running -= 1;
    attempt.end = end;
  }

  get(token: Token): LocalAttempt | undefined {
    return this.attempts.get(tokenText(token));
  }

  delete(token: Token): void {
    const attempt = this.get(token);
    if (attempt !== undefined && attempt.end === undefined) this.#running -= 1;
    this.attempts.delete(tokenText(token));
  }
}

function isFarFrom(value: number, known: number): boolean {
  if (value === 0 || known === 0) return value !== known;
  return value / known >= NEWS_FACTOR || known / value >= NEWS_FACTOR;
}
