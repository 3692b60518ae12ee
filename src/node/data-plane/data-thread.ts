/** The data plane inside its thread: everything heavy that a node does happens here. */
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { BlockRacer } from "../../fs/block-racer.ts";
import { BlockStore, clearTemporary } from "../../fs/block-store.ts";
import { FsError } from "../../fs/errors.ts";
import { StoredPairIo } from "../../fs/pair-io.ts";
import { readBlockSlices } from "../../fs/transfer.ts";
import { checkHandler } from "../../handlers/handler-check.ts";
import { LiveOutputs } from "../../handlers/live-output.ts";
import type { WorkerPool } from "../../handlers/pool.ts";
import { SlotGate } from "../../handlers/slot-gate.ts";
import type { WorkContext } from "../../handlers/work-context.ts";
import { WorkRunner } from "../../handlers/work-runner.ts";
import { assert, unreachable } from "../../std/assert.ts";
import type { Clock, Timers } from "../../std/clock.ts";
import { isJobxError } from "../../std/errors.ts";
import type { Cid, Dataset, NodeId, Outcome } from "../../wire/dataset.ts";
import { unsealWith } from "../seal/sealed-value.ts";
import { answerVerifier, BlockVerifier } from "./block-verifier.ts";
import { answerCoded } from "./coded-answers.ts";
import { answerCollector } from "./collecting-answers.ts";
import { compactDataset, compactOutcome, isReadForOne } from "./compact.ts";
import { ContentServer } from "./content-server.ts";
import { closed } from "./errors.ts";
import { errorOf, faultOf } from "./faults.ts";
import { killLeftovers } from "./leftovers.ts";
import type {
  DataPlaneAnswer,
  DataPlaneRequest,
  FromDataPlane,
  OpenMessage,
  ToDataPlane,
  UnitRan,
  UnitToRun,
} from "./messages.ts";
import { ObjectWork } from "./object-work.ts";
import { readPairPages, storePairs } from "./pair-texts.ts";
import { outcomeOfFault, performUnit } from "./perform-unit.ts";
import { poolOf } from "./pool-of.ts";
import { type FetchBlock, RunFetcher } from "./run-fetcher.ts";
import { SliceStreams } from "./slice-streams.ts";
import { SourceCache } from "./source-cache.ts";

/** Hands a message to the control thread, and the buffers of `transfer` with it. */
export type PostToControl = (message: FromDataPlane, transfer: readonly ArrayBuffer[]) => void;

/** A request that is answered once, by a message. */
type AnsweredRequest = Exclude<
  DataPlaneRequest,
  {
    kind:
      | "run"
      | "read-block"
      | "read-pairs"
      | "store-content"
      | "store-files"
      | "take-files"
      | "read-content";
  }
>;

type Requested<K extends DataPlaneRequest["kind"]> = Extract<DataPlaneRequest, { kind: K }>;

interface Ask {
  readonly resolve: (answer: Dataset | string | undefined) => void;
  readonly reject: (error: Error) => void;
}

/** What a thread is made of. */
interface Parts {
  readonly store: BlockStore;
  readonly io: StoredPairIo;
  /** Ends what is under way. */
  readonly stop: AbortController;
  readonly objects: ObjectWork;
  readonly options: OpenMessage;
  readonly machine: Clock & Timers;
  readonly post: PostToControl;
}

/** Serves the messages of the control thread. Mistakes in the program end the thread. */
export class DataThread {
  readonly #store: BlockStore;
  readonly #io: StoredPairIo;
  readonly #pool: WorkerPool;
  readonly #runner: WorkRunner;
  readonly #objects: ObjectWork;
  readonly #fetcher: RunFetcher;
  readonly #verifier: BlockVerifier;
  readonly #machine: Clock & Timers;
  readonly #post: PostToControl;
  readonly #streams: SliceStreams;
  readonly #contents: ContentServer;
  readonly #sources = new SourceCache();
  readonly #outputs = new LiveOutputs();
  readonly #asks = new Map<number, Ask>();
  readonly #racer: BlockRacer;
  readonly #fetchBlock: FetchBlock = (node, cid, signal) => this.#askBlock(node, { cid, signal });
  /** What can be given up: units and fetches. */
  readonly #aborts = new Map<number, AbortController>();
  readonly #ran: UnitRan[] = [];
  #tellSoon: NodeJS.Immediate | undefined;
  readonly #busy = new Set<Promise<void>>();
  /** Checks take turns at the one worker that units leave free. */
  readonly #checks = new SlotGate(1);
  readonly #stop: AbortController;
  #lastId: number;

  /** Use `open`. */
  constructor(parts: Parts) {
    const { store, options, machine, io, stop, objects } = parts;
    const { slots, self, generation } = options;
    // What is still answered to the thread before must not be taken for an answer to this one.
    this.#lastId = generation * 2 ** 32;
    this.#store = store;
    this.#machine = machine;
    this.#post = parts.post;
    this.#streams = new SliceStreams(parts.post);
    this.#io = io;
    this.#stop = stop;
    this.#objects = objects;
    this.#pool = poolOf(options, machine);
    void this.#pool.prepare();
    this.#runner = new WorkRunner({
      io: this.#io,
      pool: this.#pool,
      clock: machine,
      timers: machine,
      slots,
    });
    const fetchBlock = this.#fetchBlock;
    this.#racer = new BlockRacer({ fetch: fetchBlock, machine });
    this.#fetcher = new RunFetcher({ store, self, fetchBlock, racer: this.#racer });
    this.#contents = new ContentServer({
      ...{ store, streams: this.#streams, racer: this.#racer },
      note: (error) => this.#note(error),
    });
    this.#verifier = new BlockVerifier({ store, machine, signal: this.#stop.signal });
  }

  /** @throws {JobxError} `FS_DISK_FULL`, `FS_IO` when the directory cannot be made ready. */
  static async open(
    options: OpenMessage,
    outside: { readonly machine: Clock & Timers; readonly post: PostToControl },
  ): Promise<DataThread> {
    const directory = join(options.directory, "blocks");
    const workers = join(options.directory, "workers");
    await killLeftovers(workers);
    if (options.generation === 1) {
      await clearTemporary(directory);
      await rm(workers, { recursive: true, force: true });
    }
    const store = await BlockStore.open({ directory, instance: "data", sync: options.sync });
    const stop = new AbortController();
    const io = new StoredPairIo({ store, self: options.self, signal: stop.signal });
    const objects = await ObjectWork.open({
      ...{ directory: join(options.directory, "objects"), ...options.objects },
      ...{ environment: process.env, io, clock: outside.machine },
    });
    return new DataThread({ store, options, io, stop, objects, ...outside });
  }

  /** A message of the control thread. */
  take(message: ToDataPlane): void {
    switch (message.kind) {
      case "run":
        for (const unit of message.units) this.#work(this.#run(unit));
        return;
      case "ensure-run":
      case "ensure-blocks":
      case "list-blocks":
      case "have-blocks":
      case "take-blocks":
      case "verify-blocks":
      case "verify-store":
      case "block-facts":
      case "condemn-blocks":
      case "delete-condemned":
      case "run-blocks":
      case "store-blocks":
      case "code-stripes":
      case "rebuild-blocks":
      case "offer-blocks":
      case "drop-blocks":
      case "count-workers":
      case "check-handler":
      case "read-output":
      case "store-pairs":
        this.#work(this.#answer(message));
        return;
      case "read-block":
        this.#work(this.#readBlock(message));
        return;
      case "read-pairs":
        this.#work(this.#readPairs(message));
        return;
      case "store-content":
      case "store-files":
      case "take-files":
      case "read-content":
        this.#work(this.#contents.serve(message));
        return;
      case "begin-no-more":
        this.#runner.beginNoMore();
        return;
      case "abort":
        this.#aborts.get(message.id)?.abort(stopped(message.reason));
        return;
      case "inputs":
        this.#takeAsk(message.ask)?.resolve(message.dataset);
        return;
      case "source":
        this.#takeAsk(message.ask)?.resolve(message.source);
        return;
      case "ask-failed":
        this.#takeAsk(message.ask)?.reject(errorOf(message.fault));
        return;
      case "slice":
      case "slices-end":
      case "slices-failed":
      case "credit":
      case "stop":
        this.#streams.take(message);
        return;
      case "open":
        throw new Error("a second open");
      case "close":
        throw new Error("close is the entry's to handle");
      default:
        unreachable(message);
    }
  }

  /** Gives everything up and kills the workers. */
  async close(): Promise<void> {
    for (const abort of this.#aborts.values()) abort.abort(stopped("the node is stopping"));
    this.#stop.abort();
    for (const ask of this.#asks.values()) ask.reject(closed());
    this.#streams.fail(closed());
    await Promise.allSettled(this.#busy);
    this.#tellRan();
    await this.#pool.close();
  }

  #work(work: Promise<void>): void {
    const tracked = work.finally(() => this.#busy.delete(tracked));
    this.#busy.add(tracked);
  }

  async #answer(request: AnsweredRequest): Promise<void> {
    let answer: DataPlaneAnswer | Extract<FromDataPlane, { kind: "failed" }>;
    try {
      answer = await this.#answerOf(request);
    } catch (error) {
      answer = { kind: "failed", id: request.id, fault: this.#faultOf(error) };
    }
    this.#post(answer, []);
  }

  #answerOf(request: AnsweredRequest): Promise<DataPlaneAnswer> {
    switch (request.kind) {
      case "ensure-run":
        return this.#ensure(request);
      case "ensure-blocks":
        return this.#ensureBlocks(request);
      case "list-blocks":
        return this.#listBlocks(request);
      case "have-blocks":
        return this.#haveBlocks(request);
      case "take-blocks":
        return this.#takeBlocks(request);
      case "verify-blocks":
      case "verify-store":
        return answerVerifier(request, this.#store, this.#verifier);
      case "block-facts":
      case "condemn-blocks":
      case "delete-condemned":
      case "run-blocks":
        return answerCollector(request, this.#store, this.#fetcher);
      case "store-blocks":
      case "code-stripes":
      case "rebuild-blocks":
      case "offer-blocks":
      case "drop-blocks":
        return answerCoded(request, { store: this.#store, racer: this.#racer });
      case "count-workers":
        return Promise.resolve({
          kind: "counted",
          id: request.id,
          workers: this.#pool.pids.length,
          objectBytes: { ...this.#objects.bytes },
        });
      case "check-handler":
        return this.#check(request);
      case "read-output":
        return Promise.resolve(this.#readOutput(request));
      case "store-pairs":
        return this.#storePairs(request);
      default:
        return unreachable(request);
    }
  }

  async #run(unit: UnitToRun): Promise<void> {
    const { id, work, group, weight, isSpare, names, token, volume, secrets, unsealKey } = unit;
    const abort = this.#abortable(id);
    const attempt = attemptName(names.request, token);
    const context: WorkContext = {
      group,
      weight,
      isSpare,
      inputs: async (again) => {
        const dataset = await this.#ask((ask) => ({ kind: "ask-inputs", id, ask, again }));
        assert(typeof dataset !== "string", "inputs are answered by a dataset");
        return dataset;
      },
      source: (version) => this.#source(id, version),
      signal: abort.signal,
      names,
      volume,
      secrets,
      unseal: unsealKey && unsealWith(unsealKey),
      output: this.#outputs.begin(attempt),
    };
    try {
      const { outcome, ...times } = await performUnit(work, context, {
        ...{ runner: this.#runner, objects: this.#objects, clock: this.#machine },
      });
      this.#ranOne({ id, outcome: compactOutcome(outcome), ...times });
    } catch (error) {
      this.#ranOne({ id, outcome: this.#outcomeOf(error), ranMs: 0, storedMs: 0, run: undefined });
    } finally {
      this.#aborts.delete(id);
      this.#outputs.end(attempt, this.#machine.nowMs());
    }
  }

  /** Units that end in one turn of the loop are told in one message. */
  #ranOne(unit: UnitRan): void {
    this.#ran.push(unit);
    this.#tellSoon ??= setImmediate(() => this.#tellRan());
  }

  #tellRan(): void {
    clearImmediate(this.#tellSoon);
    this.#tellSoon = undefined;
    if (this.#ran.length > 0) this.#post({ kind: "ran", units: this.#ran.splice(0) }, []);
  }

  async #source(id: number, version: string): Promise<string> {
    const known = this.#sources.get(version);
    if (known !== undefined) return known;
    const source = await this.#ask((ask) => ({ kind: "ask-source", id, ask, version }));
    assert(typeof source === "string", "a source is text");
    this.#sources.set(version, source);
    return source;
  }

  async #ensure({ id, run, from }: Requested<"ensure-run">): Promise<DataPlaneAnswer> {
    const { signal } = this.#abortable(id);
    try {
      await this.#fetcher.ensure(run, { from, signal });
      return { kind: "ensured", id };
    } finally {
      this.#aborts.delete(id);
    }
  }

  async #ensureBlocks(request: Requested<"ensure-blocks">): Promise<DataPlaneAnswer> {
    const { id, cids, from } = request;
    const { signal } = this.#abortable(id);
    try {
      await this.#fetcher.ensureBlocks(cids, { from, signal });
      return { kind: "ensured", id };
    } finally {
      this.#aborts.delete(id);
    }
  }

  async #listBlocks(asked: Requested<"list-blocks">): Promise<DataPlaneAnswer> {
    const { id, after, limit } = asked;
    return { kind: "listed", id, cids: await this.#store.list(after, limit) };
  }

  async #haveBlocks({ id, cids }: Requested<"have-blocks">): Promise<DataPlaneAnswer> {
    const here = await Promise.all(cids.map((cid) => this.#store.has(cid)));
    return { kind: "had", id, here };
  }

  async #takeBlocks(request: Requested<"take-blocks">): Promise<DataPlaneAnswer> {
    const { id, cids, from } = request;
    const { signal } = this.#abortable(id);
    try {
      await this.#fetcher.takeBlocks(cids, { from, signal });
      return await this.#haveBlocks({ kind: "have-blocks", id, cids });
    } finally {
      this.#aborts.delete(id);
    }
  }

  async #check({ id, file }: Requested<"check-handler">): Promise<DataPlaneAnswer> {
    await this.#checks.enter();
    try {
      const check = await checkHandler(file, { pool: this.#pool, timers: this.#machine });
      return { kind: "checked", id, check };
    } finally {
      this.#checks.leave();
    }
  }

  #readOutput({ id, wanted }: Requested<"read-output">): DataPlaneAnswer {
    const name = attemptName(wanted.request, wanted.token);
    return { kind: "output", id, output: this.#outputs.read(name, wanted, this.#machine.nowMs()) };
  }

  async #storePairs({ id }: Requested<"store-pairs">): Promise<DataPlaneAnswer> {
    const dataset = await storePairs(this.#io, this.#streams.receive(id));
    return { kind: "stored", id, dataset: compactDataset(dataset) };
  }

  async #readBlock({ id, cid }: Requested<"read-block">): Promise<void> {
    const store = this.#store;
    const slices = (signal: AbortSignal) => this.#noting(readBlockSlices(store, { cid, signal }));
    await this.#streams.send(id, slices, isReadForOne);
  }

  async #readPairs({ id, slices }: Requested<"read-pairs">): Promise<void> {
    await this.#streams.send(id, () => this.#noting(readPairPages(this.#io, slices)));
  }

  async *#noting(slices: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
    try {
      yield* slices;
    } catch (error) {
      this.#note(error);
      throw error;
    }
  }

  #askBlock(
    node: NodeId,
    wanted: { readonly cid: Cid; readonly signal: AbortSignal },
  ): AsyncGenerator<Uint8Array, void, void> {
    const { cid, signal } = wanted;
    const stream = this.#nextId();
    const slices = this.#streams.receive(stream, signal);
    this.#post({ kind: "ask-block", stream, node, cid }, []);
    return slices;
  }

  #ask(message: (ask: number) => FromDataPlane): Promise<Dataset | string | undefined> {
    const ask = this.#nextId();
    return new Promise((resolve, reject) => {
      this.#asks.set(ask, { resolve, reject });
      this.#post(message(ask), []);
    });
  }

  #takeAsk(ask: number): Ask | undefined {
    const found = this.#asks.get(ask);
    this.#asks.delete(ask);
    return found;
  }

  #nextId(): number {
    this.#lastId += 2;
    return this.#lastId;
  }

  #abortable(id: number): AbortController {
    const abort = new AbortController();
    this.#aborts.set(id, abort);
    return abort;
  }

  #outcomeOf(error: unknown): Outcome {
    return outcomeOfFault(this.#faultOf(error));
  }

  #faultOf(error: unknown): ReturnType<typeof faultOf> {
    this.#note(error);
    return faultOf(error);
  }

  #note(error: unknown): void {
    if (isJobxError(error) && error.code.startsWith("FS_BLOCK_")) this.#fetcher.forget();
  }
}

/** No attempt is ever named as another one was. */
function attemptName(request: string, token: UnitToRun["token"]): string {
  return `${request} ${token.index}.${token.ordinal}`;
}

/** How what was given up ends: an operating error, so that it may cross the border. */
function stopped(reason: string): FsError {
  return new FsError({ code: "FS_STOPPED" }, reason);
}
