/** One handler's calls for several leaves, sent ahead to one worker. */
import type { Timer, Timers } from "../std/clock.ts";
import type { HandlerRef } from "../wire/dataset.ts";
import { isName } from "../wire/handler-metadata.ts";
import { abortReason, CANCEL_GRACE_MS, DELAY_MS_MAX } from "./attempt.ts";
import { describeEnd } from "./end-text.ts";
import { HandlerFault } from "./errors.ts";
import { groupFramesOf, pairFramesOf, pairsOf, pairsOfLists } from "./frames.ts";
import type { Leaf } from "./leaf-unit.ts";
import {
  type CallEnd,
  type CallMessage,
  type CallOptions,
  isStray,
  toldHandler,
} from "./worker-call.ts";
import type { WorkerProcess } from "./worker-process.ts";

/** A call that takes longer lets the others go on without it, milliseconds. */
export const STUCK_MS = 100;

export interface LeafSweepOptions {
  readonly worker: WorkerProcess;
  readonly handler: HandlerRef;
  readonly timers: Timers;
  readonly nowMs: () => number;
}

/** What a sweep has come to: those that go on now, and one whose call takes long. */
export interface Swept {
  readonly ready: readonly Leaf[];
  readonly late: Promise<readonly Leaf[]> | undefined;
  /** The one that takes long: from now on nobody else's call is with the worker. */
  readonly slow?: Leaf | undefined;
}

/** Use: `run` once. The worker is free when nobody is late, or when the late one is through. */
export class LeafSweep {
  readonly #options: LeafSweepOptions;
  /** Leaves whose calls are with the worker and have not begun. */
  readonly #ahead = new Map<Leaf, CallOptions>();
  #running: { readonly leaf: Leaf; readonly sinceMs: number } | undefined;
  #watch: Timer | undefined;
  #timedOut = false;
  #stuck: () => void = () => undefined;

  constructor(options: LeafSweepOptions) {
    this.#options = options;
  }

  async run(leaves: readonly Leaf[]): Promise<Swept> {
    const { worker, handler } = this.#options;
    worker.prints.reset();
    if (worker.loaded.has(handler)) return this.#calls(leaves, leaves);
    // The first call brings the source; should that not load, the others need not fail for it too.
    const first = await this.#calls(leaves.slice(0, 1), leaves.slice(0, 1));
    const rest = leaves.slice(1);
    if (first.late === undefined && worker.loaded.has(handler)) {
      return this.#calls(rest, leaves);
    }
    for (const leaf of rest) leaf.alone();
    return first;
  }

  /** Makes some of the calls; those of `leaves` that are through go on. */
  async #calls(some: readonly Leaf[], leaves: readonly Leaf[]): Promise<Swept> {
    const { worker } = this.#options;
    const stuck = new Promise<"stuck">((resolve) => {
      this.#stuck = () => resolve("stuck");
    });
    const all = Promise.all(some.map((leaf) => this.#call(leaf)));
    if ((await Promise.race([all, stuck])) !== "stuck") {
      return { ready: goOn(leaves), late: undefined };
    }
    const slow = this.#running?.leaf;
    for (const [leaf, call] of this.#ahead) {
      worker.skip(call);
      leaf.alone();
    }
    const late = all.then(() => goOn(slow === undefined ? [] : [slow]));
    return { ready: goOn(leaves.filter((leaf) => leaf !== slow)), late, slow };
  }

  async #call(leaf: Leaf): Promise<void> {
    if (leaf.over) return;
    const { signal } = leaf.input;
    const call = await this.#callOf(leaf);
    if (call === undefined) return leaf.alone();
    const give = (): void => this.#give(leaf);
    signal.addEventListener("abort", give);
    this.#ahead.set(leaf, call);
    if (signal.aborted) give();
    const end = await this.#options.worker.call(call);
    signal.removeEventListener("abort", give);
    this.#ahead.delete(leaf);
    if (this.#running?.leaf === leaf) {
      leaf.throughMs = this.#options.nowMs();
      leaf.usedMs += leaf.throughMs - this.#running.sinceMs;
    }
    await this.#ended(leaf, end);
  }

  /** Undefined for input that does not fit into frames: that is told best by the leaf's own attempt. */
  async #callOf(leaf: Leaf): Promise<CallOptions | undefined> {
    const { worker, handler } = this.#options;
    const { version, type } = handler;
    const { names, volume, source } = leaf.input;
    try {
      const pairs = leaf.pairs;
      const input = type === "mapper" ? pairFramesOf(pairs) : groupFramesOf(pairs);
      const session = type === "reducer" ? leaf.session.pairs() : [];
      const text = worker.loaded.has(handler) ? null : await source(version);
      return {
        start: {
          handler: toldHandler(handler, worker.program),
          source: text,
          directory: null,
          logs: "told",
          session,
          names,
          volume,
        },
        input,
        onBegin: () => this.#begun(leaf),
        onBatch: (records) => {
          leaf.add(type === "combiner" ? pairsOfLists(records) : pairsOf(records));
          return undefined;
        },
        onMessage: (message) => take(leaf, message),
      };
    } catch (error) {
      if (error instanceof HandlerFault) return undefined;
      throw error;
    }
  }

  #begun(leaf: Leaf): void {
    const { timers, nowMs } = this.#options;
    this.#ahead.delete(leaf);
    const sinceMs = nowMs();
    this.#running = { leaf, sinceMs };
    leaf.begunMs ??= sinceMs;
    this.#watch?.cancel();
    const leftMs = leaf.input.timeoutMs - leaf.usedMs;
    this.#watch = timers.after(Math.max(0, Math.min(STUCK_MS, leftMs)), () => {
      this.#stuck();
      if (leftMs > DELAY_MS_MAX) return;
      const moreMs = Math.max(0, leftMs - STUCK_MS);
      this.#watch = timers.after(moreMs, () => this.#timeOut(leaf));
    });
  }

  /** An end that this thread was too busy to read is not a timeout: what is in the pipe comes first. */
  #timeOut(leaf: Leaf): void {
    setImmediate(() => {
      if (this.#running?.leaf !== leaf) return;
      this.#timedOut = true;
      void this.#options.worker.kill();
    });
  }

  /** The leaf is not wanted any more. Who runs is told so, and killed when that does not help. */
  #give(leaf: Leaf): void {
    const { worker, timers } = this.#options;
    const ahead = this.#ahead.get(leaf);
    if (ahead !== undefined) {
      worker.skip(ahead);
      leaf.finish({ kind: "released", reason: abortReason(leaf.input.signal) });
      return;
    }
    worker.cancel();
    timers.after(CANCEL_GRACE_MS, () => {
      if (this.#running?.leaf === leaf) void worker.kill();
    });
  }

  async #ended(leaf: Leaf, end: CallEnd): Promise<void> {
    const ran = this.#running?.leaf === leaf;
    if (ran) {
      this.#running = undefined;
      this.#watch?.cancel();
    }
    const { signal, timeoutMs } = leaf.input;
    // Only the one that ran went with the worker.
    const exit = ran ? this.#options.worker.exit : undefined;
    if (signal.aborted) leaf.finish({ kind: "released", reason: abortReason(signal), exit });
    else if (end.kind === "done") leaf.handlerDone();
    else if (!ran || leaf.over || (await this.#hasPrinted())) leaf.alone();
    else if (end.kind === "killed" && !this.#timedOut) leaf.alone();
    // Others may have filled the worker before it, or left what threw.
    else if (end.kind === "memory" || isStray(end)) leaf.alone();
    else if (end.kind === "broken" && !(end.error instanceof HandlerFault)) leaf.alone();
    else {
      const late = { code: "HANDLER_TIMEOUT", message: `not finished after ${timeoutMs} ms` };
      const why = this.#timedOut ? { ...late, traceback: "" } : describeEnd(end);
      leaf.finish({ kind: "failed", error: { ...why, stdout: leaf.logged(), stderr: "" }, exit });
    }
  }

  async #hasPrinted(): Promise<boolean> {
    const { worker } = this.#options;
    if (worker.alive) await worker.settleOutput();
    return worker.printedBytes > 0;
  }
}

function goOn(leaves: readonly Leaf[]): readonly Leaf[] {
  return leaves.filter((leaf) => !leaf.over);
}

/** A word that its own attempt would not take makes a leaf run in one, which says what is wrong. */
function take(leaf: Leaf, message: CallMessage): void {
  switch (message.kind) {
    case "log":
      leaf.log(message.level, message.text);
      return;
    case "session-set":
      leaf.session.set(message.key, message.value);
      return;
    case "direction": {
      const { step } = message;
      if (leaf.direction !== undefined || (step !== null && !isName(step))) leaf.unfit();
      leaf.direction = { step };
    }
  }
}
