/**
 * Runs units on this node for all workflows. It dials the schedulers (R20): beats to each, takes the
 * grants that its credit allows, runs them through the handler runner, and says how they ended until
 * that is settled.
 */

import type { NodeId } from "../scheduler/dataset.ts";
import type { SchedulerMessage } from "../scheduler/protocol.ts";
import type { Token } from "../scheduler/unit.ts";
import type { Outcome } from "../scheduler/work.ts";
import { unreachable } from "../std/assert.ts";
import type { Clock, Timer, Timers } from "../std/clock.ts";
import type { Log } from "../std/log.ts";
import { ExecutorSession, type LocalAttempt, shareCapacity } from "./executor-session.ts";
import type { MeshPort } from "./ports.ts";

export interface ExecutorOptions {
  readonly slots: number;
  readonly capabilities: readonly string[];
  /** Between two beats to a scheduler that has work for us, or might lose us. */
  readonly beatMs: number;
  /** Between two beats to one that has not. */
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
  /** Runs one attempt to its end; never rejects. */
  readonly perform: (attempt: LocalAttempt) => Promise<Outcome>;
}

/** Waiting units beyond which more would only sit here. */
const PREFETCH_MAX = 256;

/** Weight of the newest interval in the measured rate. */
const RATE_WEIGHT = 0.3;

export class Executor {
  readonly #deps: ExecutorDeps;
  readonly #sessions = new Map<number, ExecutorSession>();
  readonly #waiting: LocalAttempt[] = [];
  #runningCount: number = 0;
  #lookTimer: Timer | undefined;
  #sendTimer: Timer | undefined;
  readonly #toSay = new Set<LocalAttempt>();
  #draining = false;
  #stopped = false;
  #endedCount = 0;
  #rateMs = 0;
  #endedPerMs = 0;

  constructor(deps: ExecutorDeps) {
    this.#deps = deps;
  }

  start(): void {
    this.#rateMs = this.#deps.clock.nowMs();
    this.#look();
  }

  /** Takes no more work; resolves when what runs has ended, or after `timeoutMs` by killing it. */
  async drain(timeoutMs: number): Promise<void> {
    this.#draining = true;
    const { clock, timers } = this.#deps;
    const endMs = clock.nowMs() + timeoutMs;
    for (const attempt of this.#waiting.splice(0)) {
      this.#end(attempt, { kind: "released", reason: "the node is stopping" });
    }
    this.#look();
    while (this.#isBusy() && clock.nowMs() < endMs) {
      await new Promise<void>((resolve) => timers.after(50, resolve));
    }
    for (const session of this.#sessions.values()) {
      for (const attempt of session.attempts.values()) attempt.controller.abort();
    }
    // One more turn, so that the ends are said; who does not hear them finds the node gone.
    await new Promise<void>((resolve) => timers.after(100, resolve));
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
    if (message.term < session.term) return;
    session.term = message.term;
    session.target = from;
    session.heardMs = this.#deps.clock.nowMs();
    switch (message.kind) {
      case "demand":
        session.heardBeat(message.heard);
        this.#demandSaid(session, message.ready);
        return;
      case "grants":
        if (message.executor === this.#deps.run) this.#granted(session, message);
        return;
      case "settled":
        for (const token of message.tokens) this.#settled(session, token);
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

  /** Units that run here or wait to. */
  get busyCount(): number {
    return this.#runningCount + this.#waiting.length;
  }

  #isBusy(): boolean {
    return this.#runningCount > 0;
  }

  #demandSaid(session: ExecutorSession, ready: number): void {
    const rose = ready > 0 && session.limit === 0;
    session.ready = ready;
    if (!rose || this.#draining) return;
    this.#share();
    this.#beat(session);
  }

  #granted(session: ExecutorSession, message: Extract<SchedulerMessage, { kind: "grants" }>): void {
    for (const grant of message.grants) {
      if (session.get(grant.token) !== undefined) continue;
      const attempt: LocalAttempt = {
        group: session.group,
        grant,
        controller: new AbortController(),
        state: "waiting",
        outcome: undefined,
      };
      session.add(attempt);
      if (this.#draining) this.#end(attempt, { kind: "released", reason: "the node is stopping" });
      else this.#waiting.push(attempt);
    }
    this.#runMore();
  }

  #settled(session: ExecutorSession, token: Token): void {
    const attempt = session.get(token);
    if (attempt === undefined) return;
    session.delete(token);
    this.#toSay.delete(attempt);
    // Settled without having ended here: it was taken back.
    if (attempt.state !== "ended") this.#abandon(attempt);
  }

  #cancel(session: ExecutorSession, token: Token): void {
    const attempt = session.get(token);
    if (attempt === undefined || attempt.state === "ended") return;
    if (attempt.state === "waiting") {
      this.#abandon(attempt);
      this.#end(attempt, { kind: "released", reason: "cancelled" });
    } else attempt.controller.abort();
  }

  #abandon(attempt: LocalAttempt): void {
    attempt.controller.abort();
    const at = this.#waiting.indexOf(attempt);
    if (at >= 0) this.#waiting.splice(at, 1);
  }

  #runMore(): void {
    while (this.#runningCount < this.#deps.options.slots) {
      const attempt = this.#waiting.shift();
      if (attempt === undefined) return;
      void this.#run(attempt);
    }
  }

  async #run(attempt: LocalAttempt): Promise<void> {
    attempt.state = "running";
    this.#runningCount += 1;
    const outcome = await this.#deps.perform(attempt);
    this.#runningCount -= 1;
    this.#endedCount += 1;
    if (!this.#stopped) {
      this.#end(attempt, outcome);
      this.#runMore();
    }
  }

  #end(attempt: LocalAttempt, outcome: Outcome): void {
    attempt.state = "ended";
    attempt.outcome = outcome;
    this.#toSay.add(attempt);
    this.#sendTimer ??= this.#deps.timers.after(0, () => {
      this.#sendTimer = undefined;
      this.#sayEnds(this.#toSay);
      this.#toSay.clear();
    });
  }

  #sayEnds(attempts: Iterable<LocalAttempt>): void {
    const byGroup = new Map<number, { token: Token; outcome: Outcome }[]>();
    for (const { group, grant, outcome } of attempts) {
      if (outcome === undefined) continue;
      const ends = byGroup.get(group) ?? [];
      ends.push({ token: grant.token, outcome });
      byGroup.set(group, ends);
    }
    for (const [group, ends] of byGroup) {
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
    this.#measure(nowMs);
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
    if (silentMs >= options.leaseMs && session.attempts.size > session.ended().length) {
      log.warn("lost touch with a scheduler and gave up its units", { group: session.group });
      for (const attempt of [...session.attempts.values()]) {
        if (attempt.state === "waiting") this.#cancel(session, attempt.grant.token);
        else attempt.controller.abort();
      }
    }
    const everyMs = session.active ? options.beatMs : options.idleBeatMs;
    // A scheduler that does not know what was taken from it keeps that from the others.
    if (nowMs - session.beatMs < everyMs && !session.limitIsNews) return;
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
    session.beatMs = clock.nowMs();
    session.asked = target;
    mesh.send(target, {
      kind: "executor",
      message: {
        kind: "beat",
        group: session.group,
        executor: run,
        sequence: session.nextSequence(),
        capabilities: options.capabilities,
        limit: session.limit,
        holding: session.holding(),
      },
    });
  }

  #forget(session: ExecutorSession): void {
    this.#sessions.delete(session.group);
    for (const attempt of session.attempts.values()) this.#abandon(attempt);
  }

  /** R20: never lends more than slots and prefetch together, counting what others still believe. */
  #share(): void {
    const capacity = this.#draining ? 0 : this.#deps.options.slots + this.#prefetch();
    const sessions = [...this.#sessions.values()];
    const wants = sessions.map((session) => (session.active ? capacity : 0));
    const shares = shareCapacity(capacity, wants);
    // First what is taken away; it is free when the one who had it has heard so.
    sessions.forEach((session, at) => {
      const share = shares[at] ?? 0;
      if (share < session.limit) session.lend(share);
    });
    let free = capacity - sessions.reduce((sum, session) => sum + session.lent, 0);
    sessions.forEach((session, at) => {
      const more = Math.min((shares[at] ?? 0) - session.limit, session.lent - session.limit + free);
      if (more <= 0) return;
      const before = session.lent;
      session.lend(session.limit + more);
      free -= session.lent - before;
    });
  }

  #prefetch(): number {
    const { slots, prefetchMs } = this.#deps.options;
    const wanted = Math.ceil(this.#endedPerMs * prefetchMs);
    return Math.min(PREFETCH_MAX, Math.max(slots, wanted));
  }

  #measure(nowMs: number): void {
    const passedMs = nowMs - this.#rateMs;
    if (passedMs <= 0) return;
    const rate = this.#endedCount / passedMs;
    this.#endedPerMs = (1 - RATE_WEIGHT) * this.#endedPerMs + RATE_WEIGHT * rate;
    this.#endedCount = 0;
    this.#rateMs = nowMs;
  }
}

function nextCandidate(
  candidates: readonly NodeId[],
  tried: NodeId | undefined,
): NodeId | undefined {
  const at = tried === undefined ? -1 : candidates.indexOf(tried);
  return candidates[(at + 1) % Math.max(1, candidates.length)];
}
