/** What a JavaScript handler reads: its records as they arrive, or cast as its metadata says. */
import { parseBody } from "../../../wire/worker-protocol.ts";
import type { NodeChannel } from "./javascript-channel.ts";
import { Fault } from "./javascript-fault.ts";

/** Pairs, or keys with the list of their values. */
export class HandlerInput implements AsyncIterableIterator<unknown> {
  readonly #channel: NodeChannel;
  readonly #grouped: boolean;
  #records: readonly unknown[] = [];
  #at = 0;
  #ended = false;
  #filling: Promise<void> | undefined;
  /** Values of a key whose last part has not come yet. */
  #open: unknown[] | undefined;

  constructor(channel: NodeChannel, options: { readonly grouped: boolean }) {
    this.#channel = channel;
    this.#grouped = options.grouped;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<IteratorResult<unknown, undefined>> {
    while (this.#at < this.#records.length) {
      const record = this.#records[this.#at++];
      const value = this.#grouped ? this.#group(record) : record;
      if (value !== undefined) return Promise.resolve({ value, done: false });
    }
    if (this.#ended) return Promise.resolve({ value: undefined, done: true });
    // Several `next` at once share one wait.
    this.#filling ??= this.#fill();
    return this.#filling.then(() => this.next());
  }

  /** The handler wants no more. */
  return(): Promise<IteratorResult<unknown, undefined>> {
    this.stop();
    return Promise.resolve({ value: undefined, done: true });
  }

  /** All that is left, as an array. */
  async all(): Promise<unknown[]> {
    const all: unknown[] = [];
    for (;;) {
      for (; this.#at < this.#records.length; this.#at++) {
        const record = this.#records[this.#at];
        const value = this.#grouped ? this.#group(record) : record;
        if (value !== undefined) all.push(value);
      }
      if (this.#ended) return all;
      await this.#fill();
    }
  }

  /** Ends the stream for the handler; what still arrives is dropped by others. */
  stop(): void {
    this.#ended = true;
    this.#at = this.#records.length;
  }

  async #fill(): Promise<void> {
    const received = await this.#channel.receive();
    this.#filling = undefined;
    if (this.#ended) return;
    if (received?.kind === "batch") {
      const body = parseBody(received.body);
      this.#records = body.kind === "batch" ? body.records : [];
      this.#at = 0;
    } else {
      this.#ended = true;
    }
  }

  /** A key with all its values, or undefined while more of them follow. */
  #group(record: unknown): unknown {
    if (!Array.isArray(record)) return undefined;
    const parts: readonly unknown[] = record;
    const [key, part, more] = parts;
    const values: unknown[] = Array.isArray(part) ? part : [];
    const open = this.#open;
    if (open !== undefined) for (const value of values) open.push(value);
    if (more === undefined) {
      this.#open = undefined;
      return [key, open ?? values];
    }
    this.#open = open ?? values;
    return undefined;
  }
}

/**
 * The argument in the type that the metadata names, cast as Python would.
 * @throws {Fault} `HANDLER_ARGUMENT_INVALID` when the cast is impossible.
 */
export async function castArgument(type: string | null, input: HandlerInput): Promise<unknown> {
  if (type === null) return input;
  const records = await input.all();
  switch (type) {
    case "list":
      return records;
    case "tuple":
      return Object.freeze(records);
    case "dict":
      return toObject(records);
    case "str":
      return JSON.stringify(records);
    case "bool":
      return records.length > 0;
    default:
      throw new Fault("HANDLER_ARGUMENT_INVALID", `the argument cannot be cast to ${type}`);
  }
}

function toObject(records: readonly unknown[]): unknown {
  const members: [string, unknown][] = [];
  for (const record of records) {
    const pair: readonly unknown[] = Array.isArray(record) ? record : [];
    const [key, value] = pair;
    if (typeof key === "object" && key !== null) {
      throw new Fault("HANDLER_ARGUMENT_INVALID", "a list is no name of a member");
    }
    members.push([String(key), value]);
  }
  return Object.fromEntries(members);
}
