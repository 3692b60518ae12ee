/**
 * Worker processes that are kept warm: one serves many attempts of its language and its workflow, one
 * after the other, until it is idle for long, has served enough, has misbehaved, or makes room. What
 * handlers leave in a worker (globals, timers) so stays with their own workflow.
 */
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { threadId } from "node:worker_threads";
import type { ContainerSettings } from "../containers/settings.ts";
import { AssertionError } from "../std/assert.ts";
import type { Clock, Timer, Timers } from "../std/clock.ts";
import type { WorkerCodec } from "../wire/worker-protocol.ts";
import { HandlersError } from "./errors.ts";
import { type Machine, PLAIN_MACHINE } from "./limits/report.ts";
import { sweepLimits } from "./limits/sweep.ts";
import { type TreeEnforcer, TreeKeeper } from "./process-tree.ts";
import { ProgramStore } from "./program-store.ts";
import type { CageGround } from "./worker-cage.ts";
import { needsProgram, type WorkerNeed, workerKey } from "./worker-key.ts";
import { MEMORY_LOOK_MS } from "./worker-memory.ts";
import { WorkerProcess } from "./worker-process.ts";

/** Idle workers end after this time, milliseconds: memory back soon, yet no start in a busy minute. */
export const IDLE_MS = 60_000;

/** A worker ends after this many calls, so that what handlers leak does not grow for ever. */
export const CALLS_MAX = 10_000;

/** A worker ends when it has loaded so many versions: modules cannot be unloaded. */
export const VERSIONS_MAX = 200;

/** A worker ends when it hides more texts of secrets: they are looked for, for ever, in all that it prints. */
export const HIDDEN_TEXTS_MAX = 1_000;

/** Marks are unique among all pools of a process, of which each thread may have some. */
let marksMade = 0;

/** What a pool needs and may be told. */
export interface WorkerPoolOptions {
  /** Workers' own directories are made below it. Owned by this pool alone. */
  readonly directory: string;
  readonly clock: Clock;
  readonly timers: Timers;
  /** Most workers at once, of all languages. */
  readonly workersMax: number;
  /** What a handler may use that does not say, bytes; without it no limit. */
  readonly memoryBytes?: number | undefined;
  /** What containers are run with; without it none are. */
  readonly containers?: ContainerSettings | undefined;
  /** Codecs that are offered to workers, all by default. */
  readonly codecs?: readonly WorkerCodec[];
  /** Ways to kill workers with all that they have started that may be used, for tests. */
  readonly enforcers?: readonly TreeEnforcer[];
  /** What this machine can limit; nothing by default. */
  readonly machine?: Machine | undefined;
  /** Tells this pool's control groups from those of all others, also after a restart; else none is looked for. */
  readonly owner?: string | undefined;
  /** Directories that a sandbox hides. */
  readonly hidden?: readonly string[] | undefined;
  readonly idleMs?: number;
  readonly callsMax?: number;
}

interface Idle {
  readonly worker: WorkerProcess;
  readonly sinceMs: number;
}

/** Whom a worker serves for its whole life: a workflow, by its group, or the checks of sources. */
export type WorkerUser = number | "checks";

/** Who wants a worker. */
export interface WorkerUse {
  readonly user: WorkerUser;
  /** True: one that has not run anything. */
  readonly fresh?: boolean;
}

/** The source of the handler that a worker is wanted for. */
export type NeededSource = () => Promise<string>;

interface Waiter {
  readonly need: WorkerNeed;
  readonly source: NeededSource;
  readonly use: WorkerUse;
  readonly resolve: (worker: WorkerProcess) => void;
  readonly reject: (error: Error) => void;
}

/**
 * A bounded pool. `acquire` and `release` are in pairs. Who waits gets the place of an idle worker that
 * serves others; whoever holds at most `workersMax` together never waits for one another.
 */
export class WorkerPool {
  readonly #options: WorkerPoolOptions;
  readonly #idle: Idle[] = [];
  readonly #waiters: Waiter[] = [];
  /** Those that live, and whom each serves. */
  readonly #all = new Map<WorkerProcess, WorkerUser>();
  /** Those that are being killed: each makes a place for one who waits. */
  readonly #leaving = new Set<WorkerProcess>();
  #ground: Promise<CageGround> | undefined;
  readonly #programs: ProgramStore;
  /** Those that were started from their handler's files. */
  readonly #fromPrograms = new Map<WorkerProcess, WorkerNeed>();
  /** Workers that live, start or are being killed. */
  #count = 0;
  #made = 0;
  #sweeper: Timer | undefined;
  #watch: Timer | undefined;
  #closed = false;

  constructor(options: WorkerPoolOptions) {
    this.#options = options;
    this.#programs = new ProgramStore(join(options.directory, "programs"));
  }

  /** Clears what an earlier node has left, without waiting for the first who wants a worker. */
  prepare(): Promise<CageGround> {
    this.#ground ??= this.#prepare();
    // Who wants a worker is told.
    this.#ground.catch(() => undefined);
    return this.#ground;
  }

  /** Most workers at once. */
  get workersMax(): number {
    return this.#options.workersMax;
  }

  /** Process ids of the workers that are alive, for display. */
  get pids(): readonly number[] {
    return [...this.#all.keys()]
      .filter((worker) => worker.alive)
      .map((worker) => worker.pid)
      .filter((pid) => pid !== undefined);
  }

  /** Workers that live, start or are being killed. */
  get workers(): number {
    return this.#count;
  }

  /**
   * A worker for the caller alone that has served nobody but this user, one that has loaded the handler
   * if there is one. Waits in line when the pool is full. `source` is asked for when the worker has to be
   * started from the handler's own files; what it rejects with is passed on.
   * @throws {JobxError} `HANDLER_WORKER_UNAVAILABLE` when the language cannot be started here,
   * `HANDLER_POOL_CLOSED` after `close`.
   */
  async acquire(
    need: WorkerNeed,
    use: WorkerUse,
    source: NeededSource = noSource,
  ): Promise<WorkerProcess> {
    while (!this.#closed) {
      const worker = this.#takeIdle(need, use) ?? (await this.#wait(need, use, source));
      if (worker.holdMemory(this.#limitOf(need))) return worker;
      void this.#retire(worker);
    }
    throw closedError();
  }

  /** Whether a worker that a user has can serve this need of theirs too; it is held to its limit from then on. */
  reuse(worker: WorkerProcess, need: WorkerNeed): boolean {
    if (!worker.alive || !this.#suits(worker, need)) return false;
    return worker.holdMemory(this.#limitOf(need));
  }

  /** Gives a worker back. It is killed when it may not be used again. */
  release(worker: WorkerProcess): void {
    worker.prints.onOutput = undefined;
    worker.prints.onPrint = undefined;
    const { callsMax = CALLS_MAX } = this.#options;
    const usable =
      worker.alive &&
      worker.calls < callsMax &&
      worker.loaded.size < VERSIONS_MAX &&
      worker.prints.hiddenTexts <= HIDDEN_TEXTS_MAX &&
      !worker.memory.isGrown &&
      worker.others().length === 0;
    if (!usable || this.#closed) {
      void this.#retire(worker);
      return;
    }
    const waiting = this.#waiters.findIndex(({ need, use }) => this.#serves(worker, need, use));
    const [waiter] = waiting < 0 ? [] : this.#waiters.splice(waiting, 1);
    if (waiter !== undefined) {
      waiter.resolve(worker);
      return;
    }
    this.#idle.push({ worker, sinceMs: this.#options.clock.nowMs() });
    this.#sweepLater();
    this.#serve();
  }

  /** Kills all workers, also those that are in use. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#sweeper?.cancel();
    this.#watch?.cancel();
    for (const waiter of this.#waiters.splice(0)) waiter.reject(closedError());
    this.#idle.length = 0;
    await Promise.all([...this.#all.keys()].map((worker) => worker.kill()));
  }

  #wait(need: WorkerNeed, use: WorkerUse, source: NeededSource): Promise<WorkerProcess> {
    return new Promise((resolve, reject) => {
      this.#waiters.push({ need, use, source, resolve, reject });
      this.#serve();
    });
  }

  #limitOf(need: WorkerNeed): number | undefined {
    return need.memoryBytes ?? this.#options.memoryBytes;
  }

  #suits(worker: WorkerProcess, need: WorkerNeed): boolean {
    return worker.key === workerKey(need, this.#limitOf(need));
  }

  #serves(worker: WorkerProcess, need: WorkerNeed, { user, fresh }: WorkerUse): boolean {
    if (this.#all.get(worker) !== user || (fresh === true && worker.calls > 0)) return false;
    return this.#suits(worker, need);
  }

  #takeIdle(need: WorkerNeed, use: WorkerUse): WorkerProcess | undefined {
    let best = -1;
    for (let at = this.#idle.length - 1; at >= 0; at--) {
      const worker = this.#idle[at]?.worker;
      if (worker === undefined || !this.#serves(worker, need, use) || !worker.alive) continue;
      if (best < 0) best = at;
      if (worker.loaded.has(need)) {
        best = at;
        break;
      }
    }
    return best < 0 ? undefined : this.#idle.splice(best, 1)[0]?.worker;
  }

  /** Starts workers for those who wait, in the place of idle ones that serve others if need be. */
  #serve(): void {
    while (this.#count < this.#options.workersMax) {
      const waiter = this.#waiters.shift();
      if (waiter === undefined) return;
      void this.#startFor(waiter);
    }
    while (this.#waiters.length > this.#leaving.size) {
      const spare = this.#takeSpare();
      if (spare === undefined) return;
      void this.#retire(spare);
    }
  }

  /**
   * The idle worker that is missed least: a dead one, else the oldest of which there is another one
   * just like it, so that no workflow loses its last for that, else the oldest.
   */
  #takeSpare(): WorkerProcess | undefined {
    const spare = this.#idle.findIndex(
      ({ worker }, at) =>
        !worker.alive ||
        this.#idle.slice(at + 1).some((later) => this.#alike(worker, later.worker)),
    );
    return this.#idle.splice(Math.max(0, spare), 1)[0]?.worker;
  }

  #alike(one: WorkerProcess, other: WorkerProcess): boolean {
    return other.alive && one.key === other.key && this.#all.get(one) === this.#all.get(other);
  }

  async #startFor(waiter: Waiter): Promise<void> {
    this.#count++;
    const { need, source } = waiter;
    let isPlaced = false;
    try {
      const { directory, timers, codecs, containers } = this.#options;
      // Until then what is written below the directory may be removed with what an earlier node has left.
      const ground = await this.prepare();
      const number = this.#made++;
      const program = needsProgram(need) ? await this.#programs.take(need, source) : undefined;
      isPlaced = program !== undefined;
      const worker = await WorkerProcess.start({
        program,
        need,
        memoryBytes: this.#limitOf(waiter.need),
        directory: join(directory, `worker-${number}`),
        mark: `${process.pid}-${threadId}-${marksMade++}`,
        timers,
        codecs,
        containers,
        ground,
      });
      if (isPlaced) this.#fromPrograms.set(worker, need);
      isPlaced = false;
      this.#all.set(worker, waiter.use.user);
      this.#watchLater();
      if (this.#closed) {
        await this.#retire(worker);
        throw closedError();
      }
      waiter.resolve(worker);
    } catch (error) {
      if (isPlaced) this.#programs.leave(need);
      if (!(error instanceof HandlersError && error.code === "HANDLER_POOL_CLOSED")) this.#count--;
      waiter.reject(error instanceof Error ? error : new Error(String(error)));
      this.#serve();
    }
  }

  /** Clears what an earlier node has left, and finds out how trees are killed here. */
  async #prepare(): Promise<CageGround> {
    try {
      const { directory, timers, enforcers, owner, machine = PLAIN_MACHINE } = this.#options;
      await rm(directory, { recursive: true, force: true });
      await mkdir(directory, { recursive: true });
      const trees = await TreeKeeper.probe({ timers, owner, allowed: enforcers });
      if (owner !== undefined)
        await sweepLimits(machine.bases, { owner, names: trees.names, timers });
      return { trees, machine, timers, hidden: this.#options.hidden ?? [] };
    } catch (error) {
      this.#ground = undefined;
      throw error;
    }
  }

  async #retire(worker: WorkerProcess): Promise<void> {
    this.#leaving.add(worker);
    await worker.kill();
    this.#leaving.delete(worker);
    const need = this.#fromPrograms.get(worker);
    if (need !== undefined && this.#fromPrograms.delete(worker)) this.#programs.leave(need);
    if (!this.#all.delete(worker)) return;
    this.#count--;
    this.#serve();
  }

  #watchLater(): void {
    this.#watch ??= this.#options.timers.after(MEMORY_LOOK_MS, () => void this.#look());
  }

  /** Finds workers that use too much, and idle ones that are of no use any more. */
  async #look(): Promise<void> {
    await Promise.all([...this.#all.keys()].map((worker) => worker.lookAtUse()));
    const useless = this.#idle.filter(
      ({ worker }) => !worker.alive || worker.memory.isGrown || worker.others().length > 0,
    );
    for (const idle of useless) this.#drop(idle);
    this.#watch = undefined;
    if (this.#all.size > 0 && !this.#closed) this.#watchLater();
  }

  #drop(idle: Idle): void {
    this.#idle.splice(this.#idle.indexOf(idle), 1);
    void this.#retire(idle.worker);
  }

  #sweepLater(): void {
    const { idleMs = IDLE_MS, timers } = this.#options;
    this.#sweeper ??= timers.after(idleMs, () => {
      this.#sweeper = undefined;
      const limitMs = this.#options.clock.nowMs() - idleMs;
      const old = this.#idle.filter((idle) => idle.sinceMs <= limitMs || !idle.worker.alive);
      for (const idle of old) this.#drop(idle);
      if (this.#idle.length > 0) this.#sweepLater();
    });
  }
}

/** Nobody who has none asks for a worker of a handler's own. */
function noSource(): Promise<string> {
  return Promise.reject(new AssertionError("a worker is started from files that nobody has"));
}

function closedError(): HandlersError {
  return new HandlersError({ code: "HANDLER_POOL_CLOSED" }, "the pool of workers is closed");
}
