/** One call of a JavaScript handler, from its start to its done or failed. */
import { checkExact } from "../../../std/ordered-key.ts";
import {
  BATCH_BYTES_MAX,
  BATCH_RECORDS_MAX,
  type StartMessage,
} from "../../../wire/worker-protocol.ts";
import { type RecordWriter, recordWriter } from "./javascript-batch.ts";
import type { NodeChannel } from "./javascript-channel.ts";
import { Direction, makeContext } from "./javascript-context.ts";
import { enterDirectory } from "./javascript-directory.ts";
import { Fault, valueFault } from "./javascript-fault.ts";
import { castArgument, HandlerInput } from "./javascript-input.ts";
import { loadHandler } from "./javascript-load.ts";
import { CallLog } from "./javascript-log.ts";
import { tellPlace } from "./javascript-place.ts";
import { enterVolume } from "./javascript-workspace.ts";

/** What was yielded waits for so long at most while nothing follows, milliseconds: it is a sign of the handler. */
const SHOW_MS = 1_000;

/**
 * Runs a call up to its last pair; resolves with how many bytes of its log were printed. Throws
 * whatever the handler throws, or a `Fault`.
 */
export async function runHandler(
  start: StartMessage,
  options: { readonly channel: NodeChannel; readonly signal: AbortSignal },
): Promise<number> {
  enterDirectory(start.directory);
  enterVolume(start.volume?.mount);
  const { type } = start.handler;
  const handler = await loadHandler(start);
  const input = new HandlerInput(options.channel, { grouped: type !== "mapper" });
  const callLog = new CallLog(options.channel, start.logs);
  const { context, staged } = makeContext(start, { ...options, log: callLog.log });
  try {
    const argument = await castArgument(start.handler.argumentType, input);
    const returned: unknown = await handler(argument, context);
    const output = new HandlerOutput(options.channel, type);
    const timer = setInterval(() => output.show(), SHOW_MS);
    timer.unref();
    await output.takeAll(returned).finally(() => clearInterval(timer));
    output.finish();
    await staged.finish();
  } finally {
    staged.close();
    input.stop();
    callLog.close();
  }
  return callLog.printedBytes;
}

/** Takes what a handler yields or returned, checks it and sends it in batches. */
class HandlerOutput {
  readonly #channel: NodeChannel;
  readonly #type: string;
  #wantsDirection: boolean;
  readonly #writer: RecordWriter;
  #shownMs = performance.now();
  /** Of what could not be shown: thrown by whatever comes next. */
  #fault: Error | undefined;

  constructor(channel: NodeChannel, type: string) {
    this.#channel = channel;
    this.#writer = recordWriter(channel.codec);
    this.#type = type;
    this.#wantsDirection = type === "mapper";
  }

  /** Takes from an asynchronous or synchronous iterator; from nothing when nothing was returned. */
  async takeAll(returned: unknown): Promise<void> {
    if (returned === undefined || returned === null) return;
    if (isAsyncIterable(returned)) {
      for await (const item of returned) this.#takeOf(returned, item);
    } else if (isIterable(returned)) {
      for (const item of returned) this.#takeOf(returned, item);
    } else {
      const message = `a handler yields or returns pairs, not ${typeof returned}`;
      throw new Fault("HANDLER_OUTPUT_INVALID", message);
    }
  }

  /** Sends what there is. */
  show(): void {
    this.#shownMs = performance.now();
    try {
      this.#close();
      this.#channel.flush();
    } catch (thrown) {
      this.#fault ??= thrown instanceof Error ? thrown : new Error(String(thrown));
    }
  }

  /** After the last item. @throws {Fault} `HANDLER_NO_DIRECTION` for a mapper without any. */
  finish(): void {
    if (this.#fault !== undefined) throw this.#fault;
    if (this.#wantsDirection) throw noDirection();
    this.#close();
  }

  /** Takes what a generator has yielded; a fault of it tells the line. */
  #takeOf(generator: object, item: unknown): void {
    try {
      if (this.#fault !== undefined) throw this.#fault;
      this.#take(item);
      // No timer runs while a generator works without waiting.
      if (performance.now() - this.#shownMs >= SHOW_MS) this.show();
    } catch (fault) {
      if (fault instanceof Fault) tellPlace(fault, generator);
      throw fault;
    }
  }

  #take(item: unknown): void {
    if (this.#wantsDirection) {
      if (!(item instanceof Direction)) throw noDirection();
      this.#wantsDirection = false;
      this.#channel.send({ kind: "direction", step: item.step });
      return;
    }
    if (!Array.isArray(item) || item.length !== 2) {
      const what = item instanceof Direction ? "a second direction" : "something";
      throw new Fault("HANDLER_OUTPUT_INVALID", `${what} was yielded that is no [key, value]`);
    }
    if (this.#type === "combiner" && !Array.isArray(item[1])) {
      throw new Fault("HANDLER_OUTPUT_INVALID", "a combiner yields [key, list of values]");
    }
    try {
      checkExact(item);
    } catch (thrown) {
      throw valueFault(thrown);
    }
    // A large one gets a frame of its own when its neighbours leave it no room.
    if (!this.#writer.add(item)) {
      this.#close();
      if (!this.#writer.add(item)) throw tooLarge();
    }
    const { records, bytes } = this.#writer;
    if (records >= BATCH_RECORDS_MAX || bytes >= BATCH_BYTES_MAX) this.#close();
  }

  #close(): void {
    if (this.#writer.records === 0) return;
    try {
      this.#channel.sendFrame(this.#writer.take());
    } catch {
      throw tooLarge();
    }
  }
}

function tooLarge(): Fault {
  return new Fault("HANDLER_VALUE_TOO_LARGE", "a pair is larger than a frame may be");
}

function noDirection(): Fault {
  const message = "the first thing that a mapper yields says where its pairs go";
  return new Fault("HANDLER_NO_DIRECTION", message);
}

function isAsyncIterable(value: unknown): value is AsyncIterable<unknown> {
  return typeof value === "object" && value !== null && Symbol.asyncIterator in value;
}

function isIterable(value: unknown): value is Iterable<unknown> {
  return typeof value === "object" && value !== null && Symbol.iterator in value;
}
