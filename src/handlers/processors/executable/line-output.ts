/** What a program in line mode has written, as batches for its node. */
import { checkExact } from "../../../std/ordered-key.ts";
import {
  BATCH_BYTES_MAX,
  BATCH_RECORDS_MAX,
  FRAME_BYTES_MAX,
} from "../../../wire/worker-protocol.ts";
import { type RecordWriter, recordWriter } from "../javascript/javascript-batch.ts";
import type { NodeChannel } from "../javascript/javascript-channel.ts";
import { Fault, valueFault } from "../javascript/javascript-fault.ts";
import type { LineReader } from "./line-form.ts";
import { LineSplitter } from "./line-splitter.ts";

/** A mapper's first line, if it says where its pairs go; else they are its result. */
const DIRECTION = /^@(?:map ([A-Za-z_][A-Za-z0-9_.]{0,127})|return)$/u;

/** Lines that were no pairs. */
export interface Malformed {
  readonly count: number;
  /** Of the first one, from 1. */
  readonly line: number;
}

/** Takes a program's output. Use: `push` any number of times, then `finish` once. */
export class LineOutput {
  readonly #channel: NodeChannel;
  readonly #type: string;
  readonly #read: LineReader;
  readonly #splitter = new LineSplitter(FRAME_BYTES_MAX);
  readonly #writer: RecordWriter;
  #isDirected: boolean;
  #lines = 0;
  #malformed = 0;
  #firstMalformed = 0;

  constructor(channel: NodeChannel, options: { readonly type: string; readonly read: LineReader }) {
    this.#channel = channel;
    this.#type = options.type;
    this.#read = options.read;
    this.#writer = recordWriter(channel.codec);
    this.#isDirected = options.type !== "mapper";
  }

  /** @throws {Fault} `HANDLER_VALUE_TOO_LARGE`, `HANDLER_VALUE_NOT_EXACT`, `HANDLER_OUTPUT_INVALID`. */
  push(chunk: Uint8Array): void {
    const lines = this.#splitter.push(chunk);
    if (lines === "too long") throw tooLarge();
    for (const line of lines) this.#take(line);
    // Whoever follows it shall see what there is, and who watches for its silence hear it.
    this.#close();
    this.#channel.flush();
  }

  /** After the last byte; the lines that were left out. @throws {Fault} as `push`. */
  finish(): Malformed {
    for (const line of this.#splitter.finish()) this.#take(line);
    this.#direct(undefined);
    this.#close();
    this.#channel.flush();
    return { count: this.#malformed, line: this.#firstMalformed };
  }

  #take(line: string | undefined): void {
    this.#lines += 1;
    if (!this.#isDirected && this.#direct(line)) return;
    // A last line without anything is how most programs end.
    if (line === "" || line === "\r") return;
    const pair = line === undefined ? undefined : this.#read(line);
    if (pair === undefined) {
      this.#malformed += 1;
      this.#firstMalformed ||= this.#lines;
      return;
    }
    this.#add(pair);
  }

  /** A mapper's first line: true when it said where its pairs go, and is no pair itself. */
  #direct(line: string | undefined): boolean {
    if (this.#isDirected) return false;
    const found = DIRECTION.exec(line ?? "");
    this.#isDirected = true;
    this.#channel.send({ kind: "direction", step: found?.[1] ?? null });
    return found !== null;
  }

  #add([key, value]: readonly [unknown, unknown]): void {
    const record = [key, this.#type === "combiner" ? [value] : value];
    try {
      checkExact(record);
    } catch (thrown) {
      throw valueFault(thrown);
    }
    if (!this.#writer.add(record)) {
      this.#close();
      if (!this.#writer.add(record)) throw tooLarge();
    }
    const { records, bytes } = this.#writer;
    if (records >= BATCH_RECORDS_MAX || bytes >= BATCH_BYTES_MAX) this.#close();
  }

  #close(): void {
    if (this.#writer.records > 0) this.#channel.sendFrame(this.#writer.take());
  }
}

function tooLarge(): Fault {
  return new Fault("HANDLER_VALUE_TOO_LARGE", "a line is larger than a frame may be");
}
