/**
 * One worker process: started in its own session with a minimal environment, spoken to in frames,
 * killed with everything that it has started. One call at a time; many calls in its life.
 *
 * Both directions stream at once. Input waits when the pipe is full; output is read only as fast as
 * its consumer takes it; neither waits for the other, so a handler may read and yield as it likes.
 */
import type { ChildProcess } from "node:child_process";
import { mkdir, rm } from "node:fs/promises";
import type { Socket } from "node:net";
import { join } from "node:path";
import { assert } from "../std/assert.ts";
import type { Timer, Timers } from "../std/clock.ts";
import type { Language, Printed, WorkerExit } from "../wire/dataset.ts";
import {
  encodeMessage,
  FrameReader,
  type FromWorker,
  parseBody,
  type ToWorker,
  WORKER_CODECS,
  WORKER_PROTOCOL_VERSION,
  type WorkerCodec,
} from "../wire/worker-protocol.ts";
import { parseFromWorker } from "../wire/worker-protocol-parse.ts";
import { HandlersError, isReportedCode } from "./errors.ts";
import { FrameGatherer } from "./frame-gatherer.ts";
import { LoadedHandlers } from "./loaded-handlers.ts";
import type { ProcessTree } from "./process-tree.ts";
import type { PlacedProgram } from "./program-store.ts";
import { WorkerCage } from "./worker-cage.ts";
import { type CallEnd, type CallOptions, type CheckEnd, isWhole } from "./worker-call.ts";
import { exitedBy, heapFull, reasonOf, useOf } from "./worker-excess.ts";
import { workerKey } from "./worker-key.ts";
import { PROCESSORS, type WorkerCommand } from "./worker-languages.ts";
import { WorkerMemory } from "./worker-memory.ts";
import type { WorkerOptions } from "./worker-options.ts";
import { WorkerPrints } from "./worker-prints.ts";
import { pipeOf, spawnWorker, workerExit } from "./worker-spawn.ts";
import { isAhead, isHarmless, type WorkerTask } from "./worker-task.ts";

/** Longest time until a worker's hello, milliseconds: a slow start takes a tenth of a second. */
export const HELLO_TIMEOUT_MS = 20_000;

/** Output that may wait for its consumer before reading stops, bytes: some batches. */
const WAITING_BYTES_MAX = 1024 * 1024;

const INPUT_END = encodeMessage({ kind: "input-end" });

/** Longest wait for the last output of a dead process, milliseconds: it is in the pipe already. */
const LAST_OUTPUT_MS = 500;

/** A running worker. */
export class WorkerProcess {
  readonly language: Language;
  /** Sources, temporary files, and its handlers' current directory; removed with the worker. */
  readonly directory: string;
  readonly prints = new WorkerPrints();
  readonly stdout = this.prints.stdout;
  readonly stderr = this.prints.stderr;
  readonly loaded = new LoadedHandlers();
  readonly memory = new WorkerMemory();
  readonly cage: WorkerCage;
  readonly program: PlacedProgram | undefined;
  /** What it was started by (`worker-key.ts`). */
  readonly key: string;
  /** Whether there were others when it ended. */
  endedWithOthers = false;
  /** How its process has ended; undefined while it runs. */
  exit: WorkerExit | undefined;
  readonly #child: ChildProcess;
  readonly #timers: Timers;
  readonly #codecs: readonly WorkerCodec[];
  readonly #toWorker: Socket;
  readonly #fromWorker: Socket;
  readonly #reader = new FrameReader();
  readonly #exited: Promise<void>;
  #tree: ProcessTree | undefined;
  /** The first one runs, the others are sent ahead. */
  readonly #tasks: WorkerTask[] = [];
  readonly #out: FrameGatherer;
  #calls = 0;
  #draining = false;
  #helloed: (() => void) | undefined;
  #ended = false;
  #killing: Promise<void> | undefined;

  constructor(
    options: Omit<WorkerOptions, "ground" | "containers"> & {
      readonly command: WorkerCommand;
      readonly cage: WorkerCage;
    },
  ) {
    this.cage = options.cage;
    this.language = options.need.language;
    this.key = workerKey(options.need, options.memoryBytes);
    this.memory.limitBytes = options.memoryBytes;
    this.program = options.program;
    // It has its handler's files already.
    if (options.program !== undefined) this.loaded.add(options.need);
    this.directory = options.directory;
    this.#timers = options.timers;
    this.#codecs = options.codecs ?? WORKER_CODECS;
    this.#child = spawnWorker(options);
    this.#exited = new Promise((resolve) => {
      this.#child.once("exit", (exitCode, signal) => {
        this.#ended = true;
        this.exit = this.cage.exitOf(workerExit(exitCode, signal));
        resolve();
        void this.#onExit(exitedBy(this.exit));
      });
      this.#child.once("error", () => resolve());
    });
    this.#toWorker = pipeOf(this.#child, 3);
    this.#fromWorker = pipeOf(this.#child, 4);
    this.#out = new FrameGatherer(this.#toWorker);
    this.#listen();
  }

  /**
   * Starts a worker and waits for its hello. `directory` must not exist yet.
   * @throws {JobxError} `HANDLER_WORKER_UNAVAILABLE` when it does not start or answer,
   * `HANDLER_SANDBOX_UNAVAILABLE`, `HANDLER_LIMIT_UNAVAILABLE` when this machine lacks what is asked for.
   */
  static async start(options: WorkerOptions): Promise<WorkerProcess> {
    await mkdir(join(options.directory, "tmp"), { recursive: true });
    const { language } = options.need;
    let cage: WorkerCage | undefined;
    let worker: WorkerProcess | undefined;
    try {
      cage = await WorkerCage.make(options.need, options.memoryBytes, options.ground);
      const { memoryBytes, containers, program, need } = options;
      const own = need.runtime?.protocol === "frames" ? program?.main : undefined;
      const start = { memoryBytes, program: own, containers };
      const plain = PROCESSORS[language].command(start);
      const readable = program === undefined ? [] : [program.directory];
      const command = await cage.command(plain, { directory: options.directory, readable });
      worker = new WorkerProcess({ ...options, command, cage });
      await worker.#greet(options);
      return worker;
    } catch (cause) {
      if (worker === undefined) {
        await cage?.release();
        await rm(options.directory, { recursive: true, force: true }).catch(() => undefined);
      } else await worker.kill();
      if (cause instanceof HandlersError) throw cause;
      throw new HandlersError(
        { code: "HANDLER_WORKER_UNAVAILABLE", language },
        `a worker for ${language} does not start: ${worker?.stderr.text().trim() ?? ""}`,
        { cause },
      );
    }
  }

  /** Whether it can take a call, now or after the one that is running. */
  get alive(): boolean {
    return this.#killing === undefined && !this.#ended;
  }

  /** How it writes its batches. */
  get codec(): WorkerCodec {
    return this.#reader.codec;
  }

  /** Calls that it has taken. */
  get calls(): number {
    return this.#calls;
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** What runs besides it and belongs to it. Costs a look into the system. */
  others(): readonly number[] {
    return this.alive ? (this.#tree?.others() ?? []) : [];
  }

  /** Holds it to an attempt's limit of memory; false where it has kept more than that of what it ran before. */
  holdMemory(limitBytes: number | undefined): boolean {
    // A new one has kept nothing: there the kernel takes no limit, and what it uses is looked at.
    if (!this.cage.groups.holdMemory(limitBytes) && this.#calls > 0) return false;
    // What was refused before is nothing that this attempt is told.
    this.cage.groups.refused();
    this.memory.limitBytes = limitBytes;
    return true;
  }

  /** Ends what runs, and the worker, if all its processes together use more than they may. */
  async lookAtUse(): Promise<void> {
    const excess = await useOf(this, () => this.#tree?.processes() ?? []);
    // Between calls nobody would be told; the next one is told if nothing was freed by then.
    if (excess !== undefined && this.alive && this.#tasks.length > 0) this.#end(excess);
  }

  /** Bytes that were printed since the tails were reset. */
  get printedBytes(): number {
    return this.prints.totalBytes;
  }

  /** The last of what was printed since then; undefined when that is nothing. */
  printed(): Printed | undefined {
    return this.prints.printed();
  }

  /**
   * Runs one handler call, after those that were sent ahead of it: all of them have their whole input.
   * Never rejects. After anything but done and failed the worker is dead.
   */
  call(options: CallOptions): Promise<CallEnd> {
    return new Promise((resolve) => {
      const last = this.#tasks.at(-1);
      assert(
        last === undefined || (isWhole(options.input) && isAhead(last)),
        "a stream is called alone",
      );
      if (!this.alive) return resolve({ kind: "unbegun" });
      this.#calls++;
      this.prints.hide(Object.values(options.start.secrets ?? {}));
      const task: WorkerTask = { kind: "call", number: this.#calls, options, resolve };
      this.#tasks.push(task);
      if (last === undefined) options.onBegin?.();
      void this.#feed(task);
    });
  }

  /** Skips a call that was sent ahead, unless it has begun. Its end is told as that of any other. */
  skip(call: Pick<CallOptions, "input">): void {
    const ahead = this.#tasks.slice(1);
    const task = ahead.find((one) => one.kind === "call" && one.options === call);
    if (this.alive && task !== undefined) this.#send({ kind: "cancel", call: task.number });
  }

  /** Has a source checked, without running it. */
  check(source: {
    readonly file: string;
    readonly type: string;
    readonly source: string;
    readonly isBundle?: boolean;
  }): Promise<CheckEnd | CallEnd> {
    return new Promise((resolve) => {
      assert(this.#tasks.length === 0, "a check is made alone");
      if (!this.alive) return resolve({ kind: "killed" });
      this.#calls++;
      this.#tasks.push({ kind: "check", number: this.#calls, resolve });
      this.#send({ kind: "check", call: this.#calls, ...source });
    });
  }

  /** Tells the handler that its attempt is given up. The caller kills the worker soon after. */
  cancel(): void {
    const [running] = this.#tasks;
    if (this.alive && running !== undefined) this.#send({ kind: "cancel", call: running.number });
  }

  /** Kills the worker and all that it has started; resolves when nothing of it is left. */
  kill(): Promise<void> {
    this.#killing ??= this.#kill();
    return this.#killing;
  }

  /** Resolves when all that was printed before the call's end is in the tails. */
  settleOutput(): Promise<void> {
    // What was written before the last frame is readable in the same turn of the loop.
    return new Promise((resolve) => {
      setImmediate(() => {
        this.prints.settle();
        resolve();
      });
    });
  }

  async #greet({ mark, directory }: { readonly mark: string; readonly directory: string }) {
    const pid = this.#child.pid;
    if (pid === undefined) throw new Error("the program cannot be run");
    this.#tree = this.cage.take({ pid, mark, directory });
    let timer: Timer | undefined;
    const hello = new Promise<void>((resolve, reject) => {
      this.#helloed = resolve;
      timer = this.#timers.after(HELLO_TIMEOUT_MS, () => reject(new Error("no hello in time")));
      void this.#exited.then(() => reject(new Error("it ended before its hello")));
    });
    this.#send({ kind: "hello", versions: [WORKER_PROTOCOL_VERSION], codecs: this.#codecs });
    await hello.finally(() => timer?.cancel());
    // Nothing of a handler has run yet.
    this.#tree.settle();
  }

  #listen(): void {
    const { stdout, stderr } = this.#child;
    stdout?.on("data", (chunk: Buffer) => this.prints.push("stdout", chunk));
    stderr?.on("data", (chunk: Buffer) => this.prints.push("stderr", chunk));
    for (const stream of [stdout, stderr, this.#toWorker, this.#fromWorker]) {
      // A broken pipe is noticed by the process's exit.
      stream?.on("error", () => undefined);
    }
    this.#fromWorker.on("data", (chunk: Buffer) => {
      this.#reader.push(chunk);
      if (!this.#draining) void this.#drain();
      else if (this.#reader.bufferedBytes > WAITING_BYTES_MAX) this.#fromWorker.pause();
    });
  }

  /** Goes after the frames that have gathered. */
  #send(message: ToWorker): void {
    this.#out.add(encodeMessage(message));
    this.#out.flush();
  }

  /** Start, input and its end leave in one write when the input is at hand. */
  async #feed(task: Extract<WorkerTask, { kind: "call" }>): Promise<void> {
    const { options, number } = task;
    const out = this.#out;
    try {
      out.add(encodeMessage({ kind: "start", call: number, ...options.start }));
      const { input } = options;
      if (isWhole(input)) {
        for (const frame of input) out.add(frame);
        // What gathers in this turn of the loop leaves in one write.
        out.add(INPUT_END);
        return;
      }
      for await (const frame of input) {
        if (this.#tasks[0] !== task) return;
        out.add(frame);
        const waiting = out.room();
        if (waiting !== undefined) await waiting;
      }
      if (this.#tasks[0] !== task) return;
      out.add(INPUT_END);
      out.flush();
    } catch (error) {
      if (this.#tasks[0] === task) this.#end({ kind: "broken", error });
    }
  }

  /** Handles whole frames one after the other; its waiting is the back-pressure. */
  async #drain(): Promise<void> {
    this.#draining = true;
    try {
      for (;;) {
        const body = this.#reader.next();
        if (body === undefined) break;
        const waiting = this.#take(body);
        if (waiting !== undefined) await waiting;
        if (this.#fromWorker.isPaused() && this.#reader.bufferedBytes < WAITING_BYTES_MAX) {
          this.#fromWorker.resume();
        }
      }
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      this.#end({ kind: "protocol", reason });
    } finally {
      this.#draining = false;
      if (this.#fromWorker.isPaused()) this.#fromWorker.resume();
    }
  }

  /** One frame. Throws for what does not follow the protocol. */
  #take(body: Uint8Array): Promise<void> | undefined {
    const parsed = parseBody(body);
    const [task] = this.#tasks;
    if (parsed.kind === "batch") {
      if (task?.kind !== "call") throw new Error("a batch outside of a call");
      return this.#takeBatch(task, { records: parsed.records, body });
    }
    const message = parseFromWorker(parsed.fields);
    if (message.kind === "hello") {
      if (this.#helloed === undefined) throw new Error("a hello that nobody asked for");
      if (!this.#codecs.includes(message.codec)) throw new Error("a codec that was not offered");
      this.#reader.codec = message.codec;
      this.#helloed();
      this.#helloed = undefined;
      return undefined;
    }
    if (task === undefined) throw new Error(`${message.kind} outside of a call`);
    if ("call" in message && message.call !== task.number) throw new Error("a wrong call");
    if (task.kind === "check") this.#takeChecked(message, task);
    else this.#takeOfCall(message, task.options);
    return undefined;
  }

  #takeBatch(
    task: Extract<WorkerTask, { kind: "call" }>,
    batch: { readonly records: readonly unknown[]; readonly body: Uint8Array },
  ): Promise<void> | undefined {
    const broken = (error: unknown): void => {
      if (this.#tasks[0] === task) this.#end({ kind: "broken", error });
    };
    try {
      return task.options.onBatch(batch.records, batch.body)?.catch(broken);
    } catch (error) {
      broken(error);
      return undefined;
    }
  }

  #takeChecked(message: FromWorker, task: Extract<WorkerTask, { kind: "check" }>): void {
    if (message.kind !== "checked" && message.kind !== "refused") {
      throw new Error(`${message.kind} in a check`);
    }
    this.#tasks.shift();
    task.resolve(message);
  }

  #takeOfCall(message: FromWorker, options: CallOptions): void {
    switch (message.kind) {
      case "direction":
      case "session-set":
      case "log":
        try {
          options.onMessage(message);
        } catch (error) {
          this.#end({ kind: "broken", error });
        }
        return;
      case "done":
        this.loaded.add(options.start.handler);
        this.#end({ kind: "done", loggedBytes: message.logged });
        return;
      case "failed": {
        if (!isReportedCode(message.code)) throw new Error("an unknown code of failure");
        const { code, message: text, traceback } = message;
        const { prints } = this;
        const told = { message: prints.hidden(text), traceback: prints.hidden(traceback) };
        const end = { kind: "failed", code, ...told } as const;
        this.#end(reasonOf(end, this) ?? end);
        return;
      }
      case "hello":
      case "checked":
      case "refused":
        throw new Error(`${message.kind} in a call`);
    }
  }

  /** Ends the running task; all but done and failed leave no worker behind. */
  #end(end: CallEnd): void {
    const task = this.#tasks.shift();
    // Input that is left of a stream would end up in the next call.
    if (task?.kind === "call" && !isWhole(task.options.input)) this.#out.drop();
    const healthy = end.kind === "done" || (end.kind === "failed" && isHarmless(end.code));
    if (!healthy) {
      const ahead = this.#tasks.splice(0);
      void this.kill().then(() => {
        task?.resolve(end);
        for (const one of ahead) one.resolve({ kind: "unbegun" });
      });
      return;
    }
    task?.resolve(end);
    const [next] = this.#tasks;
    if (next?.kind === "call") next.options.onBegin?.();
  }

  async #onExit(end: Extract<CallEnd, { kind: "exited" }>): Promise<void> {
    if (this.#killing !== undefined) return;
    const closed = new Promise<void>((resolve) => {
      this.#child.once("close", () => resolve());
      this.#timers.after(LAST_OUTPUT_MS, resolve);
    });
    this.endedWithOthers = (this.#tree?.others() ?? []).length > 0;
    const reason = reasonOf(end, this);
    // What it has started holds the pipes open; it goes with it.
    await this.#tree?.kill();
    await closed;
    this.prints.settle();
    this.#end(reason ?? heapFull(end, this) ?? end);
  }

  async #kill(): Promise<void> {
    const [task, ...ahead] = this.#tasks.splice(0);
    if (!this.#ended) this.endedWithOthers = (this.#tree?.others() ?? []).length > 0;
    this.#child.kill("SIGKILL");
    await this.#tree?.kill();
    await this.#exited;
    this.prints.settle();
    this.#toWorker.destroy();
    this.#fromWorker.destroy();
    this.#child.stdout?.destroy();
    this.#child.stderr?.destroy();
    await this.cage.release();
    await rm(this.directory, { recursive: true, force: true }).catch(() => undefined);
    task?.resolve({ kind: "killed" });
    for (const one of ahead) one.resolve({ kind: "unbegun" });
  }
}
