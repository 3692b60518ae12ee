/** Flows of bytes between two threads, with bounded credit. The same on both sides. */
import { unreachable } from "../../std/assert.ts";
import { hasOwnBuffer, ownBytes } from "./compact.ts";
import { errorOf, faultOf } from "./faults.ts";
import type { StreamMessage } from "./messages.ts";

/** Slices that may be on their way unread: enough to hide the way, and bounds what waits. */
export const CREDIT_SLICES = 4;

/** Hands a message to the other thread, and the buffers of `transfer` with it. */
export type PostStream = (message: StreamMessage, transfer: readonly ArrayBuffer[]) => void;

interface Incoming {
  readonly slices: Uint8Array[];
  /** The sender sends no more. */
  over: boolean;
  failure: Error | undefined;
  wake: (() => void) | undefined;
}

interface Outgoing {
  credit: number;
  wake: (() => void) | undefined;
  readonly stop: AbortController;
}

/** All streams of one side. */
export class SliceStreams {
  readonly #post: PostStream;
  readonly #incoming = new Map<number, Incoming>();
  readonly #outgoing = new Map<number, Outgoing>();

  constructor(post: PostStream) {
    this.#post = post;
  }

  /**
   * The slices that the other side sends under this number; to be read to the end or returned.
   * @throws {JobxError} what the other side failed with; the signal's reason when it is given.
   */
  receive(stream: number, signal?: AbortSignal): AsyncGenerator<Uint8Array, void, void> {
    const incoming: Incoming = { slices: [], over: false, failure: undefined, wake: undefined };
    this.#incoming.set(stream, incoming);
    return this.#read(stream, { incoming, signal });
  }

  /**
   * Sends slices as the reader takes them; resolves at the end, also when the reader stops early or
   * the source fails. `source` is given a signal for that the reader stopped. The slices are copied, but for
   * those that the source says it gives away: nobody else has their buffers then.
   */
  async send(
    stream: number,
    source: (stopped: AbortSignal) => AsyncIterable<Uint8Array>,
    isGiven: (slice: Uint8Array) => boolean = () => false,
  ): Promise<void> {
    const outgoing: Outgoing = {
      credit: CREDIT_SLICES,
      wake: undefined,
      stop: new AbortController(),
    };
    this.#outgoing.set(stream, outgoing);
    const stopped = outgoing.stop.signal;
    try {
      for await (const slice of source(stopped)) {
        while (outgoing.credit === 0 && !stopped.aborted) await woken(outgoing);
        if (stopped.aborted) return;
        outgoing.credit--;
        const bytes = hasOwnBuffer(slice) && isGiven(slice) ? slice : ownBytes(slice);
        this.#post({ kind: "slice", stream, bytes }, [bytes.buffer]);
      }
      this.#post({ kind: "slices-end", stream }, []);
    } catch (error) {
      if (!stopped.aborted)
        this.#post({ kind: "slices-failed", stream, fault: faultOf(error) }, []);
    } finally {
      this.#outgoing.delete(stream);
    }
  }

  /** A message of the other side; dropped when its stream has ended here. */
  take(message: StreamMessage): void {
    const { stream } = message;
    switch (message.kind) {
      case "slice":
        this.#arrived(stream, (incoming) => incoming.slices.push(message.bytes));
        return;
      case "slices-end":
        this.#arrived(stream, (incoming) => {
          incoming.over = true;
        });
        return;
      case "slices-failed":
        this.#arrived(stream, (incoming) => {
          incoming.over = true;
          incoming.failure = errorOf(message.fault);
        });
        return;
      case "credit": {
        const outgoing = this.#outgoing.get(stream);
        if (outgoing === undefined) return;
        outgoing.credit++;
        outgoing.wake?.();
        return;
      }
      case "stop":
        this.#stop(stream);
        return;
      default:
        unreachable(message);
    }
  }

  /** The other side is gone: readers get the error, senders stop. */
  fail(error: Error): void {
    for (const stream of [...this.#incoming.keys()]) {
      this.#arrived(stream, (incoming) => {
        incoming.over = true;
        incoming.failure = error;
      });
    }
    for (const stream of [...this.#outgoing.keys()]) this.#stop(stream);
  }

  #stop(stream: number): void {
    const outgoing = this.#outgoing.get(stream);
    outgoing?.stop.abort();
    outgoing?.wake?.();
  }

  #arrived(stream: number, change: (incoming: Incoming) => void): void {
    const incoming = this.#incoming.get(stream);
    if (incoming === undefined) return;
    change(incoming);
    incoming.wake?.();
  }

  async *#read(
    stream: number,
    reading: { readonly incoming: Incoming; readonly signal: AbortSignal | undefined },
  ): AsyncGenerator<Uint8Array, void, void> {
    const { incoming, signal } = reading;
    const abort = () => incoming.wake?.();
    signal?.addEventListener("abort", abort);
    try {
      for (;;) {
        signal?.throwIfAborted();
        const slice = incoming.slices.shift();
        if (slice !== undefined) {
          yield slice;
          if (!incoming.over) this.#post({ kind: "credit", stream }, []);
        } else if (incoming.failure !== undefined) throw incoming.failure;
        else if (incoming.over) return;
        else await woken(incoming);
      }
    } finally {
      signal?.removeEventListener("abort", abort);
      this.#incoming.delete(stream);
      if (!incoming.over) this.#post({ kind: "stop", stream }, []);
    }
  }
}

function woken(side: { wake: (() => void) | undefined }): Promise<void> {
  return new Promise((resolve) => {
    side.wake = () => {
      side.wake = undefined;
      resolve();
    };
  });
}
