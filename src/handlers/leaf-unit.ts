/** A leaf that is run in a batch with others: what it was given, and how far it has come. */
import { PRINTED_LENGTH_MAX } from "../wire/bounds.ts";
import type { Outcome, Printed } from "../wire/dataset.ts";
import { logLine, type WorkerLogLevel } from "../wire/worker-protocol.ts";
import type { AttemptOptions } from "./attempt.ts";
import type { LiveOutput } from "./live-output.ts";
import { OutputTail, PRINTED_TAIL_BYTES } from "./output-tail.ts";
import type { PairIo, PairRecord, PairSink } from "./ports.ts";
import { SessionWriter } from "./session.ts";

/** Pairs that a leaf of a batch may hold, bytes; one with more is run by itself. */
export const LEAF_BYTES_MAX = 256 * 1024;

/** What becomes of a leaf: an outcome, or it has to be run by itself. */
export type LeafEnd =
  | { readonly kind: "ended"; readonly outcome: Outcome }
  | { readonly kind: "alone" };

/** What a leaf is made of. */
export interface LeafInput
  extends Pick<AttemptOptions, "names" | "volume" | "signal" | "source" | "timeoutMs"> {
  /** For those who look while it runs. */
  readonly output?: LiveOutput | undefined;
  readonly pairs: readonly PairRecord[];
  /** How many parts its result is cut into. */
  readonly parts: number;
  readonly keepYieldOrder: boolean;
}

/** The state of one leaf. */
export class Leaf {
  readonly input: LeafInput;
  readonly session = new SessionWriter();
  /** What its handlers may have printed. */
  readonly printed: Printed[] = [];
  /** Time that its calls have taken so far. */
  usedMs = 0;
  /** When its first call began. */
  begunMs: number | undefined;
  /** When the last of its calls ended. */
  throughMs: number | undefined;
  /** How many pairs its last handler was given. */
  given = 0;
  /** The mapper's first word: a step, or null for "return". */
  direction: { readonly step: string | null } | undefined;
  #pairs: readonly PairRecord[];
  #yielded: PairRecord[] = [];
  #bytes = 0;
  #unfit = false;
  #end: ((end: LeafEnd) => void) | undefined;
  #log: OutputTail | undefined;

  /** `end` is told once what becomes of it. */
  constructor(input: LeafInput, end: (end: LeafEnd) => void) {
    this.input = input;
    this.#pairs = input.pairs;
    this.#end = end;
  }

  /** Nothing more is wanted of it. */
  get over(): boolean {
    return this.#end === undefined;
  }

  /** What its next handler is given. */
  get pairs(): readonly PairRecord[] {
    return this.#pairs;
  }

  /** What the running handler yields. */
  add(records: readonly PairRecord[]): void {
    if (this.over || this.#unfit) return;
    for (const record of records) {
      this.#bytes += record.key.length + record.value.length;
      this.#yielded.push(record);
    }
    if (this.#bytes > LEAF_BYTES_MAX) this.unfit();
  }

  /** What the running handler logs. */
  log(level: WorkerLogLevel, text: string): void {
    if (this.over) return;
    this.#log ??= new OutputTail();
    const line = Buffer.from(logLine(level, text));
    this.#log.push(line);
    this.input.output?.push("stdout", line);
  }

  /** The last of what its handlers have logged. */
  logged(bytesMax?: number): string {
    return this.#log?.text(bytesMax) ?? "";
  }

  /** It does what a batch is not made for: after its call it is to be run by itself. */
  unfit(): void {
    this.#unfit = true;
    this.#yielded = [];
  }

  /** Its handler is done: what that yielded is for the next one. */
  handlerDone(): void {
    if (this.#unfit) this.alone();
    this.given = this.#pairs.length;
    this.#pairs = this.#yielded;
    this.#yielded = [];
    this.#bytes = 0;
  }

  finish(outcome: Outcome): void {
    this.#tell({ kind: "ended", outcome });
  }

  alone(): void {
    this.#tell({ kind: "alone" });
  }

  #tell(end: LeafEnd): void {
    const tell = this.#end;
    this.#end = undefined;
    tell?.(end);
  }

  /** The mapper has chosen a step: its pairs are the children. */
  async finishMapped(step: string, io: PairIo): Promise<void> {
    const [children = []] = await this.#stored(io, { order: "yield", parts: 1 });
    const session = await this.session.save(io);
    this.finish({ kind: "mapped", step, children, session, warnings: [], ...this.#words() });
  }

  /** The reducer has had its say. `warnings` are for people. */
  async finishReduced(io: PairIo, warnings: readonly string[]): Promise<void> {
    const { keepYieldOrder, parts } = this.input;
    const datasets = keepYieldOrder
      ? await this.#stored(io, { order: "yield", parts: 1 })
      : await this.#stored(io, { order: "key", parts });
    const session = await this.session.save(io);
    this.finish({ kind: "reduced", parts: datasets, session, warnings, ...this.#words() });
  }

  #words(): { readonly printed?: Printed } {
    const logged = this.logged(PRINTED_TAIL_BYTES);
    if (this.printed.length === 0 && logged === "") return {};
    const stdout = [logged, ...this.printed.map((one) => one.stdout)].join("");
    const stderr = this.printed.map((one) => one.stderr).join("");
    return { printed: { stdout: stdout.slice(-PRINTED_LENGTH_MAX), stderr } };
  }

  async #stored(
    io: PairIo,
    options: { readonly order: "key" | "yield"; readonly parts: number },
  ): ReturnType<PairSink["finish"]> {
    const small = io.small(this.#pairs, options);
    if (small !== undefined) return small;
    const sink = options.order === "key" ? io.sorted(options) : io.yielded();
    try {
      await sink.add(this.#pairs);
      return await sink.finish();
    } catch (error) {
      await sink.discard();
      throw error;
    }
  }
}
