/**
 * Runs units on this node for all workflows. It dials the schedulers (R20): beats to each, takes the
 * grants that its credit allows, runs them through the handler runner, and says how they ended until
 * that is settled.
 */

import { ENDS_MAX } from "../scheduler/commands.ts";
import type { NodeId } from "../scheduler/dataset.ts";
import { singleGrants } from "../scheduler/grants.ts";
import { stuckMs } from "../scheduler/loads.ts";
import type { Demand, SchedulerMessage } from "../scheduler/protocol.ts";
import type { Token } from "../scheduler/unit.ts";
import { unreachable } from "../std/assert.ts";
import type { Clock, Timer, Timers } from "../std/clock.ts";
import type { Log } from "../std/log.ts";
import type { PlantedBugs } from "../std/planted-bugs.ts";
import { Credit } from "./credit.ts";
import { ExecutorSession, type LocalAttempt, type PerformEnd } from "./executor-session.ts";
import type { MeshPort } from "./ports.ts";
import { SpareSlot } from "./spare-slot.ts";
import { endsToTell } from "./told-ends.ts";
import { SLOW_WRITE_MS, STALLED_WRITE_MS } from "./write-stall.ts";

export interface ExecutorOptions {
  readonly slots: number;
  /** Read anew for each beat: they come and go. */
  readonly capabilities: readonly string[];
  /** Between two beats to a scheduler that has work for us, or might lose us. */
  readonly beatMs: number;
  /** Between two beats to one that has not, and has not answered yet either. */
  readonly idleBeatMs: number;
  /** R16: without word from the scheduler for so long, its units here are killed. */
  readonly leaseMs: number;
  /** R20: units that wait here beyond those that run hold up to this much work. */
  readonly prefetchMs: number;
}

export interface ExecutorDeps {
  readonly options: ExecutorOptions;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly log: Log;
  readonly mesh: MeshPort;
  /** Names this run of the node, so that a restarted one is told from it. */
  readonly run: string;
  /** Workflows there may be work of, with the nodes that may lead each, the likeliest first. */
  readonly workflows: () => readonly {
    readonly group: number;
    readonly candidates: readonly NodeId[];
  }[];
  /**
   * Runs one attempt to its end, at once or as soon as a slot is free; never rejects. All that are
   * held are with it: their input is brought here while others run.
   */
  readonly perform: (attempt: LocalAttempt) => Promise<PerformEnd>;
  /** From now on no unit begins: those that wait for a slot, and all that still come, are given back. */
  readonly beginNoMore: () => void;
  readonly bugs: PlantedBugs;
  /** How long the oldest write to this node's disk takes already. */
  readonly writeMs: () => number;
}

/** Weight of the newest unit in the measured time of securing. */
const SECURED_WEIGHT = 0.1;

/** Prefetch is never for longer than this, milliseconds, however slow disks and other nodes are. */
const PREFETCH_MS_MAX = 1_000;

/**
 * Ends are gathered for so long while other units of the workflow are here, milliseconds: they share a
 * message and a command, and nobody waits for a slot meanwhile. The last one leaves at once.
 */
const GATHER_MS = 4;

/** So many ends leave at once. */
const GATHER_MAX = ENDS_MAX;

/**
 * Attempts that are here at once, of all schedulers together: far more than slots and prefetch of the
 * largest node come to, and a beat still names all of them. Grants beyond it were lent by nobody: they
 * are not taken, and who granted them has them back.
 */
export const HELD_MAX = 16_384;

/** Between two looks of a drain. */
const DRAIN_LOOK_MS = 50;

/** How long a drain waits for ends to be settled: an election and some; less when it is to hurry. */
const SETTLE_MS = 5_000;
const HURRIED_SETTLE_MS = 1_500;

/** Ends that were not settled are said again after so long: the scheduler may be a new one. */
const SAY_AGAIN_MS = 200;

export class Executor {
  readonly #deps: ExecutorDeps;
  readonly #sessions = new Map<number, ExecutorSession>();
  readonly #credit: Credit;
  readonly #spare: SpareSlot;
  #performing = 0;
  #lookTimer: Timer | undefined;
  #sendTimer: Timer | undefined;
  readonly #toSay = new Set<LocalAttempt>();
  /** The timer gives more ends time to come. */
  #gathering = false;
  #draining = false;
  /** What still runs has been given up: the schedulers have it back. */
  #leaving = false;
  #paused = false;
  #stopped = false;
  /** Time that units are held here of late after they ran, while their outputs are secured. */
  #securedMs = 0;

  constructor(deps: ExecutorDeps) {
    this.#deps = deps;
    this.#credit = new Credit(deps.bugs);
    this.#spare = new SpareSlot(deps.clock.nowMs());
  }

  start(): void {
    this.#look();
  }

  /**
   * Takes no more work and lets what runs end for `timeoutMs`, or until `hurry` is aborted; what still
   * runs then is given back, which is no failure of the unit. Resolves when the schedulers have
   * settled all ends and send no more, or after a bound: one that is away finds this node gone.
   */
  async drain(options: { readonly timeoutMs: number; readonly hurry: AbortSignal }): Promise<void> {
    const { timeoutMs, hurry } = options;
    this.#draining = true;
    this.#deps.beginNoMore();
    this.#look();
    await this.#until(timeoutMs, () => this.#performing === 0 || hurry.aborted);
    for (const session of this.#sessions.values()) {
      for (const attempt of session.attempts.values()) attempt.controller.abort();
    }
    // The schedulers take back what is not held, whether its worker is gone already or not.
    this.#leaving = true;
    for (const session of this.#sessions.values()) this.#beat(session);
    let saidMs = this.#deps.clock.nowMs();
    await this.#until(hurry.aborted ? HURRIED_SETTLE_MS : SETTLE_MS, () => {
      const open = [...this.#sessions.values()].filter((session) => !session.isOver);
      const nowMs = this.#deps.clock.nowMs();
      if (nowMs - saidMs >= SAY_AGAIN_MS) {
        saidMs = nowMs;
        for (const session of open) this.#beat(session);
        this.#sayEnds(open.flatMap((session) => session.ended()));
      }
      return open.length === 0;
    });
  }

  /** Waits until `isDone` says so, or for `timeoutMs`. */
  async #until(timeoutMs: number, isDone: () => boolean): Promise<void> {
    const { clock, timers } = this.#deps;
    const endMs = clock.nowMs() + timeoutMs;
    while (!isDone() && clock.nowMs() < endMs) {
      await new Promise<void>((resolve) => timers.after(DRAIN_LOOK_MS, resolve));
    }
  }

  /** While paused it lends nothing, so that it gets no new work; what it has, it does. */
  pause(paused: boolean): void {
    if (this.#paused === paused) return;
    this.#paused = paused;
    this.#look();
  }

  stop(): void {
    this.#stopped = true;
    this.#lookTimer?.cancel();
    this.#sendTimer?.cancel();
    for (const session of this.#sessions.values()) {
      for (const attempt of session.attempts.values()) attempt.controller.abort();
    }
  }

  /** A scheduler, or a node that is none, says something. */
  schedulerSaid(from: NodeId, message: SchedulerMessage): void {
    const session = this.#sessions.get(message.group);
    if (session === undefined) return;
    if (message.kind === "not-scheduler") {
      if (session.target !== from) return;
      session.target = message.leader;
      // Ask the one who was named at once; without a name the next look tries another.
      if (message.leader !== undefined) session.beatMs = Number.NEGATIVE_INFINITY;
      return;
    }
    if (message.term < session.term && this.#deps.bugs.obeyOldTerm !== true) return;
    session.term = message.term;
    session.target = from;
    session.heard(this.#deps.clock.nowMs());
    switch (message.kind) {
      case "demand":
        this.#demandSaid(session, message);
        return;
      case "grants":
        if (message.executor === this.#deps.run) this.#granted(session, message);
        return;
      case "settled":
        this.#demandSaid(session, message, message.tokens);
        return;
      case "cancel":
        for (const token of message.tokens) this.#cancel(session, token);
        return;
      default:
        unreachable(message);
    }
  }

  /** A node died: whoever it scheduled for has another scheduler soon. */
  nodeDown(node: NodeId): void {
    for (const session of this.#sessions.values()) {
      if (session.target === node) session.target = undefined;
    }
  }

  /** Whether an attempt of that request is here and has not ended. */
  isHeld(of: { readonly group: number; readonly request: string; readonly token: Token }): boolean {
    const attempt = this.#sessions.get(of.group)?.get(of.token);
    return attempt?.end === undefined && attempt?.grant.request === of.request;
  }

  /** Units that run here or wait to. */
  get busyCount(): number {
    return this.#performing;
  }

  /** What a scheduler has for this node, and which attempts are over. */
  #demandSaid(session: ExecutorSession, said: Demand, over: readonly Token[] = []): void {
    const { weight, isShort: wasShort, lentSlots } = session;
    for (const token of over) this.#settled(session, token);
    session.heardBeat(said.heard, said.held);
    session.ready = said.ready;
    if (this.#deps.bugs.ignoreWeight !== true) session.weight = said.weight;
    // What others have beyond their share was lent to them only while nobody else wanted it.
    const isNews = weight !== said.weight || (session.isShort && !wasShort);
    const isFree = session.lentSlots < lentSlots || session.hasToSpare;
    const mayHelp = session.isStarved || (isFree && this.#isAny(({ isShort }) => isShort));
    if ((isNews || mayHelp) && !this.#draining && !this.#paused) this.#tellShares();
  }

  #isAny(what: (session: ExecutorSession) => boolean): boolean {
    return [...this.#sessions.values()].some(what);
  }

  /**
   * Divides anew and says at once what that changed, and nothing else: a scheduler that gets nothing
   * would answer a beat with its demand, and that with another beat, for ever.
   */
  #tellShares(): void {
    this.#share();
    for (const session of this.#sessions.values())
      if (session.limitIsGreatNews) this.#beat(session);
  }

  #granted(session: ExecutorSession, message: Extract<SchedulerMessage, { kind: "grants" }>): void {
    const { group, weight, isSpare } = session;
    let room = HELD_MAX - this.#heldCount();
    const sinceMs = this.#deps.clock.nowMs();
    for (const grant of message.grants.flatMap(singleGrants)) {
      if (session.get(grant.token) !== undefined || room <= 0) continue;
      room -= 1;
      const controller = new AbortController();
      const about = { group, grant, weight, controller, isSpare, sinceMs };
      const attempt: LocalAttempt = { ...about, end: undefined };
      session.add(attempt);
      void this.#perform(session, attempt);
    }
  }

  #heldCount(): number {
    let count = 0;
    for (const { attempts } of this.#sessions.values()) count += attempts.size;
    return count;
  }

  #settled(session: ExecutorSession, token: Token): void {
    const attempt = session.get(token);
    if (attempt === undefined) return;
    session.delete(token);
    this.#toSay.delete(attempt);
    // Settled without having ended here: it was taken back.
    if (attempt.end === undefined) attempt.controller.abort();
  }

  #cancel(session: ExecutorSession, token: Token): void {
    session.get(token)?.controller.abort();
  }

  async #perform(session: ExecutorSession, attempt: LocalAttempt): Promise<void> {
    this.#performing += 1;
    const end = await this.#deps.perform(attempt);
    this.#performing -= 1;
    if (this.#stopped) return;
    session.over(attempt, end);
    const nowMs = this.#deps.clock.nowMs();
    this.#credit.served(session, end.ranMs, nowMs);
    if (attempt.isSpare) this.#spare.used(end.ranMs, nowMs);
    if (end.ranMs > 0) this.#securedMs += SECURED_WEIGHT * (end.securedMs - this.#securedMs);
    this.#toSay.add(attempt);
    this.#sayEndsSoon(session);
  }

  #sayEndsSoon(session: ExecutorSession): void {
    const now = !session.isRunning || this.#toSay.size >= GATHER_MAX;
    if (now && this.#gathering) {
      this.#sendTimer?.cancel();
      this.#sendTimer = undefined;
    }
    if (this.#sendTimer !== undefined) return;
    this.#gathering = !now;
    this.#sendTimer = this.#deps.timers.after(now ? 0 : GATHER_MS, () => {
      this.#sendTimer = undefined;
      this.#tellNews();
      this.#sayEnds(this.#toSay);
      this.#toSay.clear();
    });
  }

  /**
   * Before a scheduler hears of ends, and may grant anew in their slots, it hears whose these are now. And
   * one that learned only at the next look how short its units are would send too few until then.
   */
  #tellNews(): void {
    if (this.#stopped || this.#draining || this.#paused) return;
    if (this.#isAny(({ isShort, runTimeIsNews }) => isShort || runTimeIsNews)) this.#tellShares();
  }

  #sayEnds(attempts: Iterable<LocalAttempt>): void {
    for (const { group, ends } of endsToTell(attempts, this.#deps.clock.nowMs())) {
      const target = this.#sessions.get(group)?.target;
      if (target === undefined) continue;
      const executor = this.#deps.run;
      this.#deps.mesh.send(target, {
        kind: "executor",
        message: { kind: "ended", group, executor, ends },
      });
    }
  }

  /** Looks after all workflows: beats, leases, credit. */
  #look(): void {
    if (this.#stopped) return;
    const { clock, timers, options } = this.#deps;
    const nowMs = clock.nowMs();
    this.#lookTimer?.cancel();
    this.#lookTimer = timers.after(options.beatMs, () => this.#look());
    const workflows = this.#deps.workflows();
    const present = new Set(workflows.map(({ group }) => group));
    for (const { group } of workflows) {
      if (!this.#sessions.has(group)) {
        this.#sessions.set(group, new ExecutorSession(group, nowMs));
      }
    }
    for (const session of [...this.#sessions.values()]) {
      if (!present.has(session.group)) this.#forget(session);
    }
    this.#share();
    for (const { group, candidates } of workflows) {
      const session = this.#sessions.get(group);
      if (session !== undefined) this.#tend(session, { candidates, nowMs });
    }
  }

  #tend(
    session: ExecutorSession,
    about: { readonly candidates: readonly NodeId[]; readonly nowMs: number },
  ): void {
    const { options, log } = this.#deps;
    const { candidates, nowMs } = about;
    const silentMs = nowMs - session.heardMs;
    if (silentMs >= options.leaseMs) session.lapse();
    if (silentMs >= options.leaseMs) {
      // A unit that was given up may take some beats to end: that is said once.
      const kept = [...session.attempts.values()].filter(
        ({ end, controller }) => end === undefined && !controller.signal.aborted,
      );
      for (const attempt of kept) attempt.controller.abort();
      if (kept.length > 0) {
        log.warn("lost touch with a scheduler and gave up its units", { group: session.group });
      }
    }
    // Work may wait for what this node offers since a moment.
    const offerIsNews = session.offered !== options.capabilities.join(",");
    if (session.isQuiet && !offerIsNews) return;
    const everyMs = session.active ? options.beatMs : options.idleBeatMs;
    // A scheduler that does not know what was taken from it keeps that from the others.
    if (nowMs - session.beatMs < everyMs && !session.limitIsNews && !offerIsNews) return;
    // Two beats without an answer: perhaps another one leads. One who was only named is asked first,
    // else those who name it and those who follow it in line would be asked in turn for ever.
    const unanswered = session.asked === session.target && silentMs > 2 * everyMs + options.beatMs;
    if (session.target === undefined || unanswered) {
      session.target = nextCandidate(candidates, session.target ?? session.asked);
    }
    this.#beat(session);
    if (session.ended().length > 0) this.#sayEnds(session.ended());
  }

  #beat(session: ExecutorSession): void {
    const { target } = session;
    if (target === undefined) return;
    const { mesh, run, options, clock } = this.#deps;
    const { capabilities } = options;
    session.beatMs = clock.nowMs();
    session.asked = target;
    session.offered = capabilities.join(",");
    mesh.send(target, {
      kind: "executor",
      message: {
        kind: "beat",
        group: session.group,
        executor: run,
        sequence: session.nextSequence(),
        capabilities,
        slots: session.slots,
        prefetchMs: Math.ceil(this.#prefetchMs()),
        aheadMs: session.aheadMs,
        limit: session.limit,
        holding: this.#leaving ? [] : session.holding(),
        leaving: this.#leaving,
      },
    });
  }

  #forget(session: ExecutorSession): void {
    this.#sessions.delete(session.group);
    for (const attempt of session.attempts.values()) attempt.controller.abort();
  }

  /** R20: never lends more slots than there are, counting what others still believe. */
  #share(): void {
    this.#countStuck();
    const nowMs = this.#deps.clock.nowMs();
    const node = {
      slots: this.#slots(),
      prefetchMs: this.#isSlow() ? 0 : this.#prefetchMs(),
      maySpare: ({ runMs }: ExecutorSession) => this.#spare.isFor(runMs, nowMs),
    };
    this.#credit.lend([...this.#sessions.values()], node, nowMs);
  }

  /** R20: what hides the way through the log and back, and the securing of what has run. */
  #prefetchMs(): number {
    return Math.min(PREFETCH_MS_MAX, this.#deps.options.prefetchMs + this.#securedMs);
  }

  #countStuck(): void {
    const beforeMs = this.#deps.clock.nowMs() - stuckMs(this.#prefetchMs());
    for (const session of this.#sessions.values()) {
      session.stuck = 0;
      for (const { end, sinceMs } of session.attempts.values()) {
        if (end === undefined && sinceMs < beforeMs) session.stuck += 1;
      }
    }
  }

  #slots(): number {
    const isShut = this.#draining || this.#paused || this.#deps.writeMs() >= STALLED_WRITE_MS;
    return isShut ? 0 : this.#deps.options.slots;
  }

  #isSlow(): boolean {
    return this.#deps.writeMs() >= SLOW_WRITE_MS;
  }
}

function nextCandidate(
  candidates: readonly NodeId[],
  tried: NodeId | undefined,
): NodeId | undefined {
  const at = tried === undefined ? -1 : candidates.indexOf(tried);
  return candidates[(at + 1) % Math.max(1, candidates.length)];
}
