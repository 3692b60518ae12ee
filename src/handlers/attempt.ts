/**
 * One attempt at a unit of work: its workers, its deadline, and the first thing that went wrong.
 * Whatever that is, all its calls end with it and every process that was busy for it is gone when
 * `close` resolves.
 */
import type { Timer, Timers } from "../std/clock.ts";
import type { HandlerRef, Printed, WorkError, WorkerExit } from "../wire/dataset.ts";
import type { Secrets, StartMessage } from "../wire/worker-protocol.ts";
import { AttemptLimits } from "./attempt-limits.ts";
import { type AttemptEnd, describeEnd } from "./end-text.ts";
import { HandlerFault, HandlersError } from "./errors.ts";
import { type LeftBehind, leftBehind } from "./left-processes.ts";
import type { LiveOutput } from "./live-output.ts";
import type { WorkerPool, WorkerUse } from "./pool.ts";
import { secretsOf } from "./secrets-of.ts";
import { SilenceWatch } from "./silence-watch.ts";
import {
  type CallEnd,
  type CallMessage,
  type CallOptions,
  isStray,
  toldHandler,
} from "./worker-call.ts";
import type { WorkerProcess } from "./worker-process.ts";

/** Time that a given-up JavaScript handler has to notice `ctx.signal`, milliseconds. */
export const CANCEL_GRACE_MS = 100;

/** Workers of one attempt: attempts that each have as many never wait for one another's. */
const WORKERS_MAX = 2;

/** Longest delay that a timer of the machine takes, milliseconds; longer means no deadline. */
export const DELAY_MS_MAX = 2 ** 31 - 1;

/** What prints, with the lines of the log among them, are reported to. Must not throw. */
export interface AttemptListeners {
  /** For those who look while it runs. */
  readonly output?: LiveOutput | undefined;
  readonly onOutput?: (stream: "stdout" | "stderr", chunk: Uint8Array) => void;
}

/** What an attempt is given by its executor. */
export interface AttemptOptions {
  readonly pool: WorkerPool;
  readonly use: WorkerUse;
  readonly timers: Timers;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  /** Source of a version; asked only when a worker has not loaded it. */
  readonly source: (version: string) => Promise<string>;
  readonly directory: string | undefined;
  readonly names: StartMessage["names"];
  readonly volume?: StartMessage["volume"];
  /** Of all its handlers. */
  readonly secrets?: Secrets | undefined;
  readonly listeners: AttemptListeners;
  /** A worker has taken it; told for each of its workers. */
  readonly onBegin?: (() => void) | undefined;
}

/** The attempt failed by a fault of its handler. */
export class AttemptFailed extends Error {
  readonly failure: WorkError;

  constructor(failure: WorkError) {
    super(failure.message);
    this.failure = failure;
  }
}

/** The attempt was given back by its executor. */
export class AttemptReleased extends Error {}

/**
 * The attempt's worker ended by a stray error, or for a process that was left in it, and had served others
 * before: it may be one of theirs. That is known of fresh workers only.
 */
export class AttemptStrayed extends Error {}

/** A call of the attempt. */
export interface AttemptCall extends Pick<CallOptions, "input" | "onBatch"> {
  readonly session: StartMessage["session"];
  /** What throws a `HandlerFault` fails the attempt. */
  readonly onMessage: (message: Exclude<CallMessage, { kind: "log" }>) => void;
}

/** The state of one attempt. Calls may run side by side. */
export class Attempt {
  readonly #options: AttemptOptions;
  readonly #timer: Timer | undefined;
  readonly #busy = new Set<WorkerProcess>();
  readonly #free: WorkerProcess[] = [];
  readonly #calls = new Set<Promise<void>>();
  readonly #kills: Promise<void>[] = [];
  /** Workers that had served others before. */
  readonly #shared = new WeakSet<WorkerProcess>();
  /** Of workers that it has given back. */
  readonly #printed: Printed[] = [];
  /** Of what was printed, and of the lines of the log in it. */
  #printedBytes = 0;
  #loggedBytes = 0;
  readonly #onAbort = () => this.#give(abortReason(this.#options.signal));
  /** The first thing that went wrong; thrown by all calls from then on. */
  #ended: Error | undefined;
  /** What its time was up for; undefined while it is not. */
  #overdue: Overdue | undefined;
  #exit: WorkerExit | undefined;
  readonly #limits = new AttemptLimits();

  constructor(options: AttemptOptions) {
    this.#options = options;
    if (options.timeoutMs <= DELAY_MS_MAX) {
      this.#timer = options.timers.after(options.timeoutMs, () => {
        this.#end("HANDLER_TIMEOUT", `not finished after ${options.timeoutMs} ms`);
      });
    }
    if (options.signal.aborted) this.#onAbort();
    else options.signal.addEventListener("abort", this.#onAbort);
  }

  /** Runs a handler to its end. Rejects with what ended the attempt, for all of its calls alike. */
  call(handler: HandlerRef, options: AttemptCall): Promise<void> {
    const call = this.#call(handler, options);
    this.#calls.add(call);
    const settle = () => this.#calls.delete(call);
    // Whoever started it may be waiting for another call; `close` waits for all.
    call.then(settle, settle);
    return call;
  }

  /** Nobody sees these texts in what its running handlers print. */
  hide(texts: readonly string[]): void {
    for (const worker of this.#busy) worker.prints.hide(texts);
  }

  /** Ends the attempt; resolves when its workers are given back or dead. */
  async close(): Promise<void> {
    this.#timer?.cancel();
    this.#options.signal.removeEventListener("abort", this.#onAbort);
    while (this.#calls.size > 0) {
      // A call may also be waiting for a worker, or between two steps: then it ends by itself.
      this.#first(new AttemptReleased("the attempt was closed"));
      this.#killBusy();
      await Promise.allSettled(this.#calls);
    }
    await Promise.all(this.#kills);
    for (const worker of this.#free.splice(0)) await this.#giveBack(worker);
  }

  /** How the worker ended that ended it, or was killed to end it; undefined where that lives on. */
  get exit(): WorkerExit | undefined {
    return this.#exit;
  }

  /** What its handlers have been held to. */
  get limits(): AttemptLimits {
    return this.#limits;
  }

  /** What its handlers have printed, when it is closed; undefined for nothing. */
  get printed(): Printed | undefined {
    const [first, ...more] = this.#printed;
    if (first === undefined || more.length === 0) return first;
    return {
      stdout: this.#printed.map(({ stdout }) => stdout).join(""),
      stderr: this.#printed.map(({ stderr }) => stderr).join(""),
    };
  }

  /** Whether they have printed anything besides what they logged; known when it is closed. */
  get hasPrinted(): boolean {
    return this.#printedBytes > this.#loggedBytes;
  }

  async #giveBack(worker: WorkerProcess): Promise<void> {
    if (worker.alive) await worker.settleOutput();
    this.#printedBytes += worker.printedBytes;
    const printed = worker.printed();
    if (printed !== undefined) this.#printed.push(printed);
    this.#options.pool.release(worker);
  }

  async #call(handler: HandlerRef, options: AttemptCall): Promise<void> {
    const worker = await this.#worker(handler);
    this.#limits.add(handler, worker.cage.enforced(worker.memory.limitBytes));
    const watch = this.#watch(handler, worker);
    let end: CallEnd | LeftBehind;
    try {
      const { directory, names, volume, secrets } = this.#options;
      const known = worker.loaded.has(handler);
      const source = known ? null : await this.#options.source(handler.version);
      this.#check();
      end = await worker.call({
        start: {
          handler: toldHandler(handler, worker.program),
          source,
          directory: directory ?? null,
          logs: "printed",
          session: options.session,
          names,
          volume,
          secrets: secretsOf(handler, secrets),
        },
        input: watch?.watched(options.input) ?? options.input,
        onBatch: (records, body) => {
          const waiting = options.onBatch(records, body);
          watch?.hear();
          return waiting === undefined ? undefined : (watch?.during(waiting) ?? waiting);
        },
        onMessage: (message) => {
          watch?.hear();
          // What it logs is printed.
          if (message.kind !== "log") options.onMessage(message);
        },
      });
      if (end.kind === "done") {
        this.#loggedBytes += end.loggedBytes;
        end = (await leftBehind(worker, this.#options.timers)) ?? end;
      }
    } finally {
      watch?.stop();
      this.#busy.delete(worker);
      this.#free.push(worker);
    }
    if (end.kind !== "done") await this.#fail(end, worker);
    this.#check();
  }

  async #worker(handler: HandlerRef): Promise<WorkerProcess> {
    this.#check();
    const { pool } = this.#options;
    const at = this.#free.findIndex((free) => free.language === handler.language);
    const [free] = at < 0 ? [] : this.#free.splice(at, 1);
    const held = free !== undefined && pool.reuse(free, handler) ? free : undefined;
    // An attempt keeps at most one of each language, or attempts could wait for each other's workers.
    if (free !== undefined && held === undefined) await this.#giveBack(free);
    if (held === undefined) await this.#makeRoom();
    const worker = held ?? (await this.#acquire(handler));
    this.#busy.add(worker);
    this.#options.onBegin?.();
    if (held === undefined) {
      if (worker.calls > 0) this.#shared.add(worker);
      worker.prints.reset();
      this.#listen(worker, undefined);
    }
    return worker;
  }

  #listen(worker: WorkerProcess, watch: SilenceWatch | undefined): void {
    const { output, onOutput } = this.#options.listeners;
    worker.prints.onPrint = () => watch?.hear();
    worker.prints.onOutput = (stream, chunk) => {
      output?.push(stream, chunk);
      onOutput?.(stream, chunk);
    };
  }

  /** Of a handler that says how long it may be silent. */
  #watch({ runtime }: HandlerRef, worker: WorkerProcess): SilenceWatch | undefined {
    const silenceMs = runtime?.silenceMs;
    if (silenceMs === undefined) return undefined;
    const onSilent = (): void => this.#end("HANDLER_SILENT", `no sign of it for ${silenceMs} ms`);
    const watch = new SilenceWatch(this.#options.timers, { silenceMs, onSilent });
    this.#listen(worker, watch);
    return watch;
  }

  /** Its time is up: all its workers are killed. */
  #end(code: Overdue["code"], message: string): void {
    this.#overdue ??= { code, message };
    this.#killBusy();
  }

  /** Keeps at most one beside the next: a pool has two workers for each attempt. */
  async #makeRoom(): Promise<void> {
    while (this.#free.length > 0 && this.#free.length + this.#busy.size >= WORKERS_MAX) {
      const [oldest] = this.#free.splice(0, 1);
      if (oldest !== undefined) await this.#giveBack(oldest);
    }
  }

  async #acquire(handler: HandlerRef): Promise<WorkerProcess> {
    try {
      return await this.#options.pool.acquire(handler, this.#options.use, () =>
        this.#options.source(handler.version),
      );
    } catch (error) {
      if (error instanceof HandlersError) {
        throw this.#first(new AttemptReleased(`${error.code}: ${error.message}`));
      }
      throw error;
    }
  }

  /** Throws what has ended the attempt, if anything has. */
  #check(): void {
    if (this.#overdue !== undefined) this.#ended ??= overdueFailure(this.#overdue, "", "");
    if (this.#ended !== undefined) throw this.#ended;
  }

  #first(error: Error): Error {
    this.#ended ??= error;
    return this.#ended;
  }

  /** Ends the attempt because of how a call ended; the other calls' workers are killed. */
  async #fail(end: AttemptEnd, worker: WorkerProcess): Promise<never> {
    if (worker.alive) await worker.settleOutput();
    const stdout = worker.stdout.text();
    const stderr = worker.stderr.text();
    // Of the workers that are killed because of another one's end nothing is to be told.
    if (this.#ended === undefined || this.#ended instanceof AttemptReleased) {
      this.#exit ??= worker.exit;
    }
    let error: unknown;
    if (end.kind === "broken" && !(end.error instanceof HandlerFault)) error = end.error;
    else if (this.#overdue !== undefined) error = overdueFailure(this.#overdue, stdout, stderr);
    else if (this.#shared.has(worker) && mayBeOfOthers(end)) {
      error = new AttemptStrayed("the worker was ended by what others left in it");
    } else error = new AttemptFailed({ ...describeEnd(end), stdout, stderr });
    const first = this.#first(error instanceof Error ? error : new Error(String(error)));
    this.#killBusy();
    throw first;
  }

  #killBusy(): void {
    for (const worker of this.#busy) this.#kills.push(worker.kill());
  }

  /** Gives the unit back: the handler is told, then killed. */
  #give(reason: string): void {
    this.#first(new AttemptReleased(reason));
    for (const worker of this.#busy) worker.cancel();
    if (this.#busy.size === 0) return;
    this.#kills.push(
      new Promise((resolve) => {
        this.#options.timers.after(CANCEL_GRACE_MS, () => {
          this.#killBusy();
          resolve();
        });
      }),
    );
  }
}

/** Why time was up. */
interface Overdue {
  readonly code: "HANDLER_TIMEOUT" | "HANDLER_SILENT";
  readonly message: string;
}

function overdueFailure(overdue: Overdue, stdout: string, stderr: string): AttemptFailed {
  return new AttemptFailed({ ...overdue, traceback: "", stdout, stderr });
}

/** What others have left in a worker, such as a timer, may throw or start processes during this one's call. */
function mayBeOfOthers(end: AttemptEnd): boolean {
  return end.kind === "left" || end.kind === "unbegun" || isStray(end);
}

/** Why somebody gave it up. */
export function abortReason(signal: AbortSignal): string {
  const reason: unknown = signal.reason;
  return reason instanceof Error ? reason.message : String(reason);
}
