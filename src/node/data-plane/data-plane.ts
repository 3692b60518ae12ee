/**
 * The data plane as the control thread sees it: a thread in which blocks, runs, sorting, hashing and
 * the handlers' processes are. Here are only small messages and buffers that change hands.
 */
import type { BlocksVerified, RunnerPort, RunsPort } from "../../actors/work-ports.ts";
import type { HandlerFile } from "../../api/ports.ts";
import type { OutputSoFar, OutputWanted } from "../../scheduler/output-so-far.ts";
import { assert } from "../../std/assert.ts";
import { isJobxError } from "../../std/errors.ts";
import {
  type Cid,
  type Dataset,
  type NodeId,
  type Outcome,
  type PieceSlice,
  type RunPiece,
  type Work,
  type WorkEnd,
  wholeSlices,
} from "../../wire/dataset.ts";
import { checkAll, type HandlersCheck } from "./check-all.ts";
import { CodedCalls } from "./coded-calls.ts";
import { CollectingCalls } from "./collecting-calls.ts";
import { compactDataset, compactSlices, compactWork } from "./compact.ts";
import { Contents } from "./contents.ts";
import { CrashCounts } from "./crash-counts.ts";
import { closed, coded, type DataPlaneError, unserved } from "./errors.ts";
import { errorOf, faultOf } from "./faults.ts";
import type {
  CallRequest,
  DataPlaneAnswer,
  DataPlaneRequest,
  FromDataPlane,
  UnitToRun,
} from "./messages.ts";
import { type DataPlaneOptions, threadOpening } from "./options.ts";
import { type JsonPair, pairSlices, pairsOfPage } from "./pair-batches.ts";
import { RunFetches } from "./run-fetches.ts";
import { SliceStreams } from "./slice-streams.ts";
import { ThreadKeeper } from "./thread-keeper.ts";

export type { DataPlaneOptions } from "./options.ts";

/** Crashes of the thread that one unit may be around for before it is taken for their reason. */
const CRASHES_PER_UNIT_MAX = 3;

const STOPPING = "the node is stopping";

type RunContext = Parameters<RunnerPort["run"]>[1];

interface Unit {
  readonly context: RunContext;
  readonly resolve: (end: WorkEnd) => void;
}

interface Call {
  readonly resolve: (answer: DataPlaneAnswer) => void;
  readonly reject: (error: Error) => void;
}

/** All methods may be called at the same time. */
export class DataPlane implements RunsPort, RunnerPort {
  readonly contents: Contents;
  readonly #options: DataPlaneOptions;
  readonly #thread: ThreadKeeper;
  readonly #streams: SliceStreams;
  readonly #units = new Map<number, Unit>();
  readonly #calls = new Map<number, Call>();
  readonly #fetches = new RunFetches();
  readonly #crashes = new CrashCounts();
  readonly #collecting = new CollectingCalls({
    nextId: () => this.#nextId(),
    call: (request) => this.#call(request),
    abort: (id) => this.#abort(id, "nobody waits for it"),
  });
  readonly coded = new CodedCalls({
    nextId: () => this.#nextId(),
    call: (request) => this.#call(request),
  });
  readonly blockFacts: RunsPort["blockFacts"] = (cids) => this.#collecting.blockFacts(cids);
  readonly condemnBlocks: RunsPort["condemnBlocks"] = (cids) => this.#collecting.condemn(cids);
  readonly deleteCondemned: RunsPort["deleteCondemned"] = (cids) => this.#collecting.delete(cids);
  readonly runBlocks: RunsPort["runBlocks"] = (...of) => this.#collecting.runBlocks(...of);
  /** Units of this turn of the loop that the thread does not have yet. */
  readonly #toRun: UnitToRun[] = [];
  #postSoon: NodeJS.Immediate | undefined;
  #lastId = -1;
  #draining = false;
  #closed = false;
  #drained: (() => void) | undefined;

  /** Does not start anything: use `start`. */
  constructor(options: DataPlaneOptions) {
    this.#options = options;
    this.#thread = new ThreadKeeper({
      open: threadOpening(options),
      log: options.log,
      listener: {
        message: (message) => this.#message(message),
        crashed: (error) => this.#crashed(error),
      },
    });
    this.#streams = new SliceStreams((message, transfer) => {
      // Once it is closed nobody waits for a stream any more.
      if (!this.#closed) this.#thread.post(message, transfer);
    });
    this.contents = new Contents({
      streams: this.#streams,
      nextId: () => this.#nextId(),
      post: (request) => {
        if (this.#closed) throw closed();
        this.#thread.post(request);
      },
    });
  }

  /** @throws {JobxError} `FS_DISK_FULL`, `FS_IO` when the directory cannot be made ready. */
  static async start(options: DataPlaneOptions): Promise<DataPlane> {
    options.signal?.throwIfAborted();
    const plane = new DataPlane(options);
    await plane.#thread.start();
    options.signal?.addEventListener("abort", () => void plane.close(false), { once: true });
    return plane;
  }

  /** See the port. A thread that starts anew after this runs nothing either: nothing comes to it. */
  beginNoMore(): void {
    this.#draining = true;
    if (!this.#closed) this.#thread.post({ kind: "begin-no-more" });
  }

  /** See the port. What goes wrong with this node gives the unit back. */
  run(work: Work, context: RunContext): Promise<WorkEnd> {
    const { signal, group, weight, isSpare, request, invocation, step } = context;
    const { token, volume, secrets, unsealKey } = context;
    if (this.#draining) return Promise.resolve(released(STOPPING));
    if (signal.aborted) return Promise.resolve(released(reasonOf(signal)));
    const id = this.#nextId();
    return new Promise((resolve) => {
      const abort = () => this.#abort(id, reasonOf(signal));
      signal.addEventListener("abort", abort);
      this.#units.set(id, {
        context,
        resolve: (end) => {
          signal.removeEventListener("abort", abort);
          resolve(end);
        },
      });
      const names = { request, invocation, step };
      try {
        const unit = { id, group, weight, isSpare, names, token, volume, secrets, unsealKey };
        this.#toRun.push({ ...unit, work: compactWork(work) });
        this.#postSoon ??= setImmediate(() => this.#postUnits());
      } catch (error) {
        this.#endUnit(id, released(String(error)));
      }
    });
  }

  /** One message for all units of a turn: what they share travels once. */
  #postUnits(): void {
    this.#postSoon = undefined;
    // Some may have been given up, or lost to a crash of the thread, in the same turn.
    const units = this.#toRun.splice(0).filter(({ id }) => this.#units.has(id));
    if (units.length === 0 || this.#closed) return;
    try {
      this.#thread.post({ kind: "run", units });
    } catch (error) {
      for (const { id } of units) this.#endUnit(id, released(String(error)));
    }
  }

  /**
   * See the port; the nodes are asked in their order. Those who want the same run at the same time
   * share one fetch, which asks the nodes that the first of them named.
   * @throws {JobxError} `FS_BLOCK_MISSING` when nobody else is named and the run is not here; what
   * the last node ended with; `FS_DISK_FULL`, `FS_IO`, `FS_STOPPED`, `DATA_PLANE_CRASHED`,
   * `DATA_PLANE_CLOSED`.
   */
  async ensure(run: RunPiece, from: readonly NodeId[], signal: AbortSignal): Promise<void> {
    await this.#fetches.join(run.cid, {
      signal,
      fetch: async (given) => {
        const request = { kind: "ensure-run", id: this.#nextId(), run, from } as const;
        const answer = await this.#callUntil(given, request);
        assert(answer.kind === "ensured", "a fetch is answered by its end");
      },
    });
  }

  /** See the port. */
  async listBlocks(after: string, limit: number): Promise<readonly Cid[]> {
    const answer = await this.#call({ kind: "list-blocks", id: this.#nextId(), after, limit });
    assert(answer.kind === "listed", "a list is answered by ids");
    return answer.cids;
  }

  /** See the port. @throws {JobxError} `DATA_PLANE_CRASHED`, `DATA_PLANE_CLOSED`. */
  async output(wanted: OutputWanted): Promise<OutputSoFar | undefined> {
    const answer = await this.#call({ kind: "read-output", id: this.#nextId(), wanted });
    assert(answer.kind === "output", "a question for output is answered by it");
    return answer.output;
  }

  /** For figures: workers' processes, and bytes of objects that mappers were given, by where they came from. */
  async counts(): Promise<Omit<Extract<DataPlaneAnswer, { kind: "counted" }>, "kind" | "id">> {
    const answer = await this.#call({ kind: "count-workers", id: this.#nextId() });
    assert(answer.kind === "counted", "a count is answered by numbers");
    return answer;
  }

  /** See the port. */
  async haveBlocks(cids: readonly Cid[]): Promise<readonly boolean[]> {
    const answer = await this.#call({ kind: "have-blocks", id: this.#nextId(), cids });
    assert(answer.kind === "had", "a question for blocks is answered for each");
    return answer.here;
  }

  /** See the port. @throws {JobxError} as `ensure`. */
  async ensureBlocks(cids: readonly Cid[], from: NodeId, signal: AbortSignal): Promise<void> {
    const request = { kind: "ensure-blocks", id: this.#nextId(), cids, from } as const;
    const answer = await this.#callUntil(signal, request);
    assert(answer.kind === "ensured", "a fetch is answered by its end");
  }

  /** See the port. @throws {JobxError} `FS_DISK_FULL`, `FS_IO`, `FS_STOPPED`, `DATA_PLANE_*`. */
  async takeBlocks(
    cids: readonly Cid[],
    from: readonly NodeId[],
    signal: AbortSignal,
  ): Promise<readonly boolean[]> {
    const request = { kind: "take-blocks", id: this.#nextId(), cids, from } as const;
    const answer = await this.#callUntil(signal, request);
    assert(answer.kind === "had", "an order for blocks is answered for each");
    return answer.here;
  }

  /** See the port. */
  async verifyBlocks(cids: readonly Cid[]): Promise<BlocksVerified> {
    return this.#verified({ kind: "verify-blocks", id: this.#nextId(), cids });
  }

  /** See the port. */
  async verifyStore(after: string): Promise<BlocksVerified> {
    return this.#verified({ kind: "verify-store", id: this.#nextId(), after });
  }

  async #verified(
    request: Extract<CallRequest, { kind: "verify-blocks" | "verify-store" }>,
  ): Promise<BlocksVerified> {
    const answer = await this.#call(request);
    assert(answer.kind === "verified", "blocks that are read are answered by what was found");
    const { last, blocks, bytes, damaged } = answer;
    return { last, blocks, bytes, damaged };
  }

  /**
   * A verified block for another node, in slices. To be read to the end or returned.
   * @throws {JobxError} `FS_BLOCK_MISSING`, `FS_BLOCK_DAMAGED`, `FS_IO`, before the first slice;
   * `FS_STOPPED`, `DATA_PLANE_CRASHED`, `DATA_PLANE_CLOSED`.
   */
  async *serveBlock(cid: Cid): AsyncGenerator<Uint8Array, void, undefined> {
    const id = this.#nextId();
    yield* this.#receive({ kind: "read-block", id, cid });
  }

  /**
   * Whether the files may become handlers: all of them, or the errors of all that may not.
   * @throws {JobxError} `HANDLER_WORKER_UNAVAILABLE`, `HANDLER_POOL_CLOSED`, `DATA_PLANE_CRASHED`,
   * `DATA_PLANE_CLOSED`.
   */
  async checkHandlers(files: readonly HandlerFile[]): Promise<HandlersCheck> {
    return checkAll(files, async (file) => {
      const answer = await this.#call({ kind: "check-handler", id: this.#nextId(), file });
      assert(answer.kind === "checked", "a check is answered by its result");
      return answer.check;
    });
  }

  /**
   * Pairs as a dataset in their order, inline when small, else durable as a run.
   * @throws {JobxError} `KEY_NOT_EXACT` and the other codes of keys and values; `FS_DISK_FULL`,
   * `FS_IO`, `FS_STOPPED`, `DATA_PLANE_CRASHED`, `DATA_PLANE_CLOSED`.
   */
  async storePairs(pairs: Iterable<JsonPair>): Promise<Dataset> {
    if (this.#closed) throw closed();
    const id = this.#nextId();
    const stored = this.#call({ kind: "store-pairs", id });
    const sent = this.#streams.send(id, () => pairSlices(pairs));
    try {
      const answer = await stored;
      assert(answer.kind === "stored", "pairs are answered by a dataset");
      return answer.dataset;
    } finally {
      await sent;
    }
  }

  /**
   * The pairs of a dataset whose runs are here, page by page.
   * @throws {JobxError} as `readPairTexts`.
   */
  async *readPairs(dataset: Dataset): AsyncGenerator<readonly JsonPair[], void, undefined> {
    for await (const page of this.readPairTexts(dataset)) yield pairsOfPage(page);
  }

  /**
   * The same as lines of JSON in UTF-8, a pair on each, for who only passes them on.
   * @throws {JobxError} `FS_BLOCK_MISSING`, `FS_BLOCK_DAMAGED`, `FS_RUN_MISMATCH`, `RUN_MALFORMED`,
   * `PAIRS_MALFORMED`, `FS_IO`, `FS_STOPPED`, `DATA_PLANE_CRASHED`, `DATA_PLANE_CLOSED`.
   */
  readPairTexts(dataset: Dataset): AsyncGenerator<Uint8Array, void, undefined> {
    return this.readSliceTexts(wholeSlices(dataset));
  }

  /** The same of some pairs only; of a run no more is read than has to be. @throws as `readPairTexts`. */
  async *readSliceTexts(slices: readonly PieceSlice[]): ReturnType<DataPlane["readPairTexts"]> {
    const id = this.#nextId();
    yield* this.#receive({ kind: "read-pairs", id, slices: compactSlices(slices) });
  }

  /**
   * Ends everything: with `drain` after the units that run have ended, else they are given back.
   * Resolves when the thread and all workers are gone. Harmless to repeat.
   */
  async close(drain: boolean): Promise<void> {
    this.#draining = true;
    if (drain && this.#units.size > 0 && !this.#closed) {
      await new Promise<void>((resolve) => {
        this.#drained = resolve;
      });
    }
    this.#closed = true;
    await this.#thread.close();
    this.#crashed(closed());
  }

  #nextId(): number {
    this.#lastId += 2;
    return this.#lastId;
  }

  /** Given up with the signal; then it is answered all the same. */
  async #callUntil(signal: AbortSignal, request: CallRequest): Promise<DataPlaneAnswer> {
    const abort = () => this.#abort(request.id, "nobody waits for it");
    signal.addEventListener("abort", abort);
    try {
      return await this.#call(request);
    } finally {
      signal.removeEventListener("abort", abort);
    }
  }

  #call(request: CallRequest): Promise<DataPlaneAnswer> {
    if (this.#closed) return Promise.reject(closed());
    return new Promise((resolve, reject) => {
      this.#thread.post(request);
      this.#calls.set(request.id, { resolve, reject });
    });
  }

  #receive(
    request: Extract<DataPlaneRequest, { kind: "read-block" | "read-pairs" }>,
  ): AsyncGenerator<Uint8Array, void, void> {
    this.#thread.post(request);
    return this.#streams.receive(request.id);
  }

  #abort(id: number, reason: string): void {
    const unsent = this.#toRun.findIndex((unit) => unit.id === id);
    if (unsent >= 0) {
      this.#toRun.splice(unsent, 1);
      this.#endUnit(id, released(reason));
      return;
    }
    if (!this.#closed) this.#thread.post({ kind: "abort", id, reason });
  }

  #message(message: FromDataPlane): void {
    switch (message.kind) {
      case "ran":
        for (const { id, ...end } of message.units) this.#endUnit(id, end);
        return;
      case "ensured":
      case "listed":
      case "had":
      case "verified":
      case "described":
      case "counted":
      case "coded":
      case "checked":
      case "output":
      case "stored":
        this.#takeCall(message.id)?.resolve(message);
        return;
      case "failed":
        this.#takeCall(message.id)?.reject(errorOf(message.fault));
        return;
      case "ask-inputs":
        void this.#answer(message.ask, async () => {
          const dataset = await this.#units.get(message.id)?.context.inputs(message.again);
          return { kind: "inputs", ask: message.ask, dataset: dataset && compactDataset(dataset) };
        });
        return;
      case "ask-source":
        void this.#answer(message.ask, async () => {
          const source = await this.#units.get(message.id)?.context.source(message.version);
          return { kind: "source", ask: message.ask, source: source ?? "" };
        });
        return;
      case "ask-block":
        void this.#streams.send(
          message.stream,
          (stopped) => coded(this.#options.fetchBlock(message.node, message.cid, stopped)),
          // The mesh keeps nothing of what it has handed on.
          () => true,
        );
        return;
      case "slice":
      case "slices-end":
      case "slices-failed":
      case "credit":
      case "stop":
        this.#streams.take(message);
        return;
      case "opened":
      case "open-failed":
      case "closed":
        throw new Error(`${message.kind} is the keeper's to handle`);
    }
  }

  async #answer(
    ask: number,
    answer: () => Promise<Extract<Parameters<ThreadKeeper["post"]>[0], { ask: number }>>,
  ): Promise<void> {
    let message: Awaited<ReturnType<typeof answer>>;
    try {
      message = await answer();
    } catch (error) {
      const fault = faultOf(isJobxError(error) ? error : unserved(error));
      message = { kind: "ask-failed", ask, fault };
    }
    if (!this.#closed) this.#thread.post(message);
  }

  #takeCall(id: number): Call | undefined {
    const call = this.#calls.get(id);
    this.#calls.delete(id);
    return call;
  }

  #endUnit(id: number, end: WorkEnd): void {
    const unit = this.#units.get(id);
    if (unit === undefined) return;
    this.#units.delete(id);
    this.#crashes.clear(unitName(unit));
    unit.resolve(end);
    if (this.#units.size === 0) this.#drained?.();
  }

  #crashed(error: DataPlaneError): void {
    this.#streams.fail(error);
    for (const call of this.#calls.values()) call.reject(error);
    this.#calls.clear();
    for (const unit of this.#units.values())
      unit.resolve({
        outcome: this.#crashOutcome(unit, error),
        ranMs: 0,
        storedMs: 0,
        run: undefined,
      });
    this.#units.clear();
    this.#drained?.();
  }

  #crashOutcome(unit: Unit, error: DataPlaneError): Outcome {
    const { code, message } = error;
    const released: Outcome = { kind: "released", reason: `${code}: ${message}` };
    if (code === "DATA_PLANE_CLOSED") return released;
    if (this.#crashes.add(unitName(unit)) < CRASHES_PER_UNIT_MAX) return released;
    return { kind: "failed", error: { code, message, traceback: "", stdout: "", stderr: "" } };
  }
}

function released(reason: string): WorkEnd {
  return { outcome: { kind: "released", reason }, ranMs: 0, storedMs: 0, run: undefined };
}

function unitName({ context }: Unit): string {
  return `${context.request} ${context.invocation}`;
}

function reasonOf(signal: AbortSignal): string {
  const reason: unknown = signal.reason;
  return reason instanceof Error ? reason.message : String(reason);
}
