import type { Dataset } from "../wire/dataset.ts";
import type { PairRecord, PairSink } from "./ports.ts";

/** A sink that may be given up at any moment: what is being added is waited for, and it ends once. */
export class SafeSink {
  readonly #sink: PairSink;
  #adding: Promise<void> = Promise.resolve();
  #ended = false;

  constructor(sink: PairSink) {
    this.#sink = sink;
  }

  /** Drops what comes after the end: it is of a call that was given up. */
  add(records: readonly PairRecord[]): Promise<void> {
    if (this.#ended || records.length === 0) return Promise.resolve();
    this.#adding = this.#sink.add(records);
    return this.#adding;
  }

  /** As the port's. */
  finish(): Promise<readonly Dataset[]> {
    this.#ended = true;
    return this.#sink.finish();
  }

  /** Harmless after `finish` and when repeated. */
  async discard(): Promise<void> {
    if (this.#ended) return;
    this.#ended = true;
    await this.#adding.catch(() => undefined);
    await this.#sink.discard();
  }
}
