/** Schedulers around one executor, in virtual time. */
import { Executor } from "../../src/actors/executor.ts";
import type { LocalAttempt, PerformEnd } from "../../src/actors/executor-session.ts";
import type { MeshPort } from "../../src/actors/ports.ts";
import type { Grant, ToldEnd } from "../../src/scheduler/protocol.ts";
import type { Token } from "../../src/scheduler/unit.ts";
import type { Log } from "../../src/std/log.ts";
import { NO_BUGS } from "../../src/std/planted-bugs.ts";
import { FakeTimers } from "./fake-timers.ts";

/** Of the executor, unless a test says more. */
export const SLOTS = 2;
export const BEAT_MS = 500;
/** A loop that never ends shows as more than this; the few beats of a second are far below. */
const BEATS_MAX = 200;
export const LEASE_MS = 8_000;
/** How units end that take no time of their own. */
export const END: PerformEnd = {
  outcome: { kind: "released", reason: "test" },
  ranMs: 1_000,
  securedMs: 0,
  hasFiles: false,
  run: undefined,
};

/**
 * One executor, and schedulers on the same node: each answers a beat at once, in a microtask, with its
 * demand, and grants as many units as it was lent.
 */
export class Schedulers {
  readonly timers = new FakeTimers();
  readonly demand = new Map<number, number>();
  /** Of a workflow that says anything but 1. */
  readonly weights = new Map<number, number>();
  readonly running = new Map<LocalAttempt, (end: PerformEnd) => void>();
  readonly begun = new Map<number, number>();
  /** Attempts in flight of each scheduler, which it keeps within what it was lent. */
  readonly held = new Map<number, number>();
  /** When ended attempts ran, each time that they were told. */
  readonly told: ToldEnd["run"][] = [];
  /** What the node offers now, and what each scheduler was told of it last. */
  readonly capabilities: string[] = [];
  readonly offered = new Map<number, readonly string[]>();
  /** What each was lent by the newest beat. */
  readonly limits = new Map<number, number>();
  readonly slots = new Map<number, number>();
  /** Ends are not settled. */
  isDeaf = false;
  /** Nobody answers a beat. */
  isGone = false;
  readonly warnings: string[] = [];
  /** Of what all of them say. */
  term = 1;
  beats = 0;
  /** How long a write to the disk takes already. */
  writeMs = 0;
  #tokens = 0;
  /** What each was lent by the newest beat that it has heard. */
  readonly #heard = new Map<number, number>();
  readonly #believed = new Map<number, number>();
  readonly executor: Executor;

  /** Time that units of a workflow have a slot for; of others they end when they are told to. */
  readonly unitMs = new Map<number, number>();
  /** Slot time of each workflow. */
  readonly usedMs = new Map<number, number>();
  readonly #waiting: LocalAttempt[] = [];
  #free: number;

  constructor(groups: readonly number[], prefetchMs = 0, slots = SLOTS) {
    this.#free = slots;
    for (const group of groups) this.demand.set(group, 0);
    this.executor = new Executor({
      options: {
        slots,
        capabilities: this.capabilities,
        beatMs: BEAT_MS,
        idleBeatMs: BEAT_MS,
        leaseMs: LEASE_MS,
        prefetchMs,
      },
      clock: this.timers,
      timers: this.timers,
      log: this.#log(),
      mesh: this.#mesh(),
      run: "run",
      workflows: () => groups.map((group) => ({ group, candidates: ["here"] })),
      perform: (attempt) =>
        new Promise((resolve) => {
          this.running.set(attempt, resolve);
          this.begun.set(attempt.group, (this.begun.get(attempt.group) ?? 0) + 1);
          if (!this.unitMs.has(attempt.group)) return;
          this.#waiting.push(attempt);
          this.#pump();
        }),
      bugs: NO_BUGS,
      beginNoMore() {},
      writeMs: () => this.writeMs,
    });
  }

  /** A scheduler tells of its demand by itself, and has heard no beat. */
  ask(group: number): void {
    this.executor.schedulerSaid("here", { ...this.#demandOf(group), kind: "demand" });
  }

  /** Ends all that runs but for the first ones, as units that end together. */
  async endAll(end = END, but = 0): Promise<void> {
    for (const [attempt, resolve] of [...this.running].slice(but)) {
      this.running.delete(attempt);
      resolve(end);
    }
    await this.timers.advance(BEAT_MS);
  }

  /** Slots are given out in the order in which units came. */
  #pump(): void {
    while (this.#free > 0) {
      const attempt = this.#waiting.shift();
      if (attempt === undefined) return;
      this.#free -= 1;
      const ranMs = this.unitMs.get(attempt.group) ?? 0;
      this.timers.after(ranMs, () => {
        this.#free += 1;
        this.usedMs.set(attempt.group, (this.usedMs.get(attempt.group) ?? 0) + ranMs);
        this.running.get(attempt)?.({ ...END, ranMs });
        this.running.delete(attempt);
        this.#pump();
      });
    }
  }

  #log(): Log {
    const warn = (text: string): void => void this.warnings.push(text);
    const log: Log = { debug() {}, info() {}, warn, error() {}, child: () => log };
    return log;
  }

  #mesh(): MeshPort {
    return {
      self: "here",
      listen() {},
      isUp: () => true,
      isDialable: () => true,
      setMembers() {},
      send: (_to, message) => {
        if (message.kind !== "executor") return true;
        const said = message.message;
        if (said.kind === "beat") {
          this.beats += 1;
          this.offered.set(said.group, [...said.capabilities]);
          this.limits.set(said.group, said.limit);
          this.slots.set(said.group, said.slots);
          if (this.beats > BEATS_MAX) throw new Error("beats without end");
          if (this.isGone) return true;
          queueMicrotask(() => this.#answer(said.group, said));
        } else {
          const tokens = said.ends.map(({ token }) => token);
          this.told.push(...said.ends.map(({ run }) => run));
          if (this.isDeaf) return true;
          this.held.set(said.group, (this.held.get(said.group) ?? 0) - tokens.length);
          queueMicrotask(() => {
            const { group } = said;
            const demand = this.#demandOf(group, this.#heard.get(group));
            this.executor.schedulerSaid("here", { ...demand, kind: "settled", tokens });
            // Of units that end when they are told to, the next ones come with the next beat.
            if (this.unitMs.has(group)) this.#grant(group, this.#grants(group));
          });
        }
        return true;
      },
    };
  }

  #answer(group: number, beat: { readonly sequence: number; readonly limit: number }): void {
    this.#believed.set(group, beat.limit);
    this.#heard.set(group, beat.sequence);
    // What it is about to grant is still ready when it answers.
    const said = { ...this.#demandOf(group, beat.sequence), kind: "demand" } as const;
    this.executor.schedulerSaid("here", said);
    this.#grant(group, this.#grants(group));
  }

  #demandOf(group: number, heard = 0) {
    const held = this.held.get(group) ?? 0;
    const ready = this.demand.get(group) ?? 0;
    const weight = this.weights.get(group) ?? 1;
    return { group, term: this.term, ready, weight, heard, held };
  }

  #grants(group: number): readonly Grant[] {
    const held = this.held.get(group) ?? 0;
    const grants: Grant[] = [];
    const limit = this.#believed.get(group) ?? 0;
    while (held + grants.length < limit && (this.demand.get(group) ?? 0) > 0) {
      this.demand.set(group, (this.demand.get(group) ?? 0) - 1);
      this.#tokens += 1;
      grants.push(grantOf({ index: this.#tokens, ordinal: 0 }));
    }
    this.held.set(group, held + grants.length);
    return grants;
  }

  #grant(group: number, grants: readonly Grant[]): void {
    const said = { kind: "grants", group, term: this.term, executor: "run", grants } as const;
    if (grants.length > 0) this.executor.schedulerSaid("here", said);
  }
}

/** A grant of one unit. */
export function grantOf(token: Token): Grant {
  return {
    token,
    count: 1,
    request: "w-1-1",
    invocation: "w-1-1.0",
    step: "words",
    inputs: { kind: "none" },
    work: {
      kind: "reduce",
      reducer: {
        name: "sum",
        version: "v",
        language: "javascript",
        type: "reducer",
        argumentType: null,
        memoryBytes: undefined,
      },
      session: [],
      parts: 1,
      inlineBytes: 4096,
      keepYieldOrder: false,
      timeoutMs: 1_000,
    },
  };
}
