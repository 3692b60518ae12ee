/** Sinks and sorters that an attempt may give up at any moment. */
import type { Dataset } from "../wire/dataset.ts";
import type { GroupPart, PairRecord, PairSink, PairSorter } from "./ports.ts";

/** A sink that may be given up at any moment: what is being added is waited for, and it ends once. */
export class SafeSink {
  readonly #sink: PairSink;
  readonly #adding: Adding;

  constructor(sink: PairSink) {
    this.#sink = sink;
    this.#adding = new Adding(sink);
  }

  /** Drops what comes after the end: it is of a call that was given up. */
  add(records: readonly PairRecord[]): Promise<void> {
    return this.#adding.add(records);
  }

  /** As the port's. */
  finish(): Promise<readonly Dataset[]> {
    this.#adding.end();
    return this.#sink.finish();
  }

  /** Harmless after `finish` and when repeated. */
  async discard(): Promise<void> {
    if (!this.#adding.end()) return;
    await this.#adding.settle();
    await this.#sink.discard();
  }
}

/** A sorter that may be given up at any moment, by the same rules. */
export class SafeSorter {
  readonly #sorter: PairSorter;
  readonly #adding: Adding;

  constructor(sorter: PairSorter) {
    this.#sorter = sorter;
    this.#adding = new Adding(sorter);
  }

  /** Drops what comes after the end: it is of a call that was given up. */
  add(records: readonly PairRecord[]): Promise<void> {
    return this.#adding.add(records);
  }

  /** As the port's. */
  groups(): AsyncIterable<readonly GroupPart[]> {
    this.#adding.end();
    return this.#sorter.groups();
  }

  /** Due in every case; harmless when repeated. */
  async discard(): Promise<void> {
    this.#adding.end();
    await this.#adding.settle();
    await this.#sorter.discard();
  }
}

/** What is being added, and whether more is wanted. */
class Adding {
  readonly #target: Pick<PairSink, "add">;
  #last: Promise<void> = Promise.resolve();
  #ended = false;

  constructor(target: Pick<PairSink, "add">) {
    this.#target = target;
  }

  add(records: readonly PairRecord[]): Promise<void> {
    if (this.#ended || records.length === 0) return Promise.resolve();
    this.#last = this.#target.add(records);
    return this.#last;
  }

  /** False when it had ended before. */
  end(): boolean {
    const first = !this.#ended;
    this.#ended = true;
    return first;
  }

  async settle(): Promise<void> {
    await this.#last.catch(() => undefined);
  }
}
