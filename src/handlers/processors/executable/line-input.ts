/** What a node sends to a program in line mode: records as lines, no faster than the program reads. */
import type { Writable } from "node:stream";
import { parseBody } from "../../../wire/worker-protocol.ts";
import type { NodeChannel } from "../javascript/javascript-channel.ts";
import type { LineWriter } from "./line-form.ts";

/** The input of one call. Use: `single` once, `feed` once, `stop` in every case. */
export class LineInput {
  readonly #channel: Pick<NodeChannel, "receive" | "stopWaiting">;
  readonly #write: LineWriter;
  readonly #grouped: boolean;
  #waiting: readonly unknown[] = [];
  #isEnded = false;

  /** `grouped`: a record is a key with some of its values, each of which gets a line. */
  constructor(
    channel: Pick<NodeChannel, "receive" | "stopWaiting">,
    options: { readonly write: LineWriter; readonly grouped: boolean },
  ) {
    this.#channel = channel;
    this.#write = options.write;
    this.#grouped = options.grouped;
  }

  /** The record, if there is exactly one; it will be fed as well. */
  async single(): Promise<readonly unknown[] | undefined> {
    const first = (await this.#next()) ?? [];
    const more = first.length === 1 ? ((await this.#next()) ?? []) : [];
    this.#waiting = more.length === 0 ? first : [...first, ...more];
    const [record] = this.#waiting;
    return this.#waiting.length === 1 && Array.isArray(record) ? record : undefined;
  }

  /** Resolves when all is written, or the program takes no more. @throws {Fault} as `LineWriter`. */
  async feed(stdin: Writable): Promise<void> {
    // A program may end, or close its input, before it has read all.
    stdin.on("error", () => undefined);
    for (;;) {
      const records = this.#waiting;
      this.#waiting = [];
      if (records.length > 0 && !stdin.write(this.#textOf(records))) await drained(stdin);
      if (stdin.destroyed) break;
      const next = await this.#next();
      if (next === undefined) break;
      this.#waiting = next;
    }
    stdin.end();
  }

  /** Nothing more is wanted; what still arrives is dropped by others. */
  stop(): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#channel.stopWaiting();
  }

  async #next(): Promise<readonly unknown[] | undefined> {
    if (this.#isEnded) return undefined;
    const received = await this.#channel.receive();
    if (received?.kind !== "batch") {
      this.#isEnded = true;
      return undefined;
    }
    const body = parseBody(received.body);
    return body.kind === "batch" ? body.records : [];
  }

  #textOf(records: readonly unknown[]): string {
    let text = "";
    for (const record of records) {
      const parts: readonly unknown[] = Array.isArray(record) ? record : [];
      const [key, value] = parts;
      if (!this.#grouped) text += this.#write(key, value);
      else if (Array.isArray(value)) for (const one of value) text += this.#write(key, one);
    }
    return text;
  }
}

function drained(stdin: Writable): Promise<void> {
  return new Promise((resolve) => {
    // It may have closed while the next records were waited for; nothing is told of that any more.
    if (stdin.destroyed) return resolve();
    stdin.once("drain", resolve);
    stdin.once("close", resolve);
  });
}
