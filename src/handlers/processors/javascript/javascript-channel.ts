/**
 * A JavaScript worker's end of the protocol: frames in from descriptor 3 without blocking, frames
 * out to descriptor 4 with blocking writes, whose waiting is the back-pressure.
 */
import { writeSync } from "node:fs";
import { Socket } from "node:net";
import {
  encodeMessage,
  FrameReader,
  type FromWorker,
  parseBody,
  type ToWorker,
  type WorkerCodec,
} from "../../../wire/worker-protocol.ts";
import { parseToWorker } from "../../../wire/worker-protocol-parse.ts";

/** A frame from the node: a message, or a batch whose records are parsed when they are needed. */
export type Received =
  | { readonly kind: "message"; readonly message: ToWorker }
  | { readonly kind: "batch"; readonly body: Uint8Array };

const INPUT_DESCRIPTOR = 3;
const OUTPUT_DESCRIPTOR = 4;
const BRACKET = 0x5b;

/** Bytes of batches that may wait for a handler before reading stops: a few batches, no more. */
const WAITING_BYTES_MAX = 512 * 1024;

/** Bytes that gather before they are written: one write for a small call, few for a large one. */
const GATHER_BYTES_MAX = 64 * 1024;

/** Frames in and out of this process. */
export class NodeChannel {
  /** How batches to the node are written. */
  codec: WorkerCodec = "json";
  readonly #socket: Socket;
  readonly #reader = new FrameReader();
  readonly #received: Received[] = [];
  readonly #onCancel: (call: number) => void;
  #receivedBytes = 0;
  #waiter: ((received: Received | undefined) => void) | undefined;
  #gathered: Uint8Array[] = [];
  #gatheredBytes = 0;

  /** `onEnd`: the node is gone, or talks nonsense. `onCancel`: a call is given up. */
  constructor(options: {
    readonly onEnd: () => void;
    readonly onCancel: (call: number) => void;
  }) {
    this.#onCancel = options.onCancel;
    this.#socket = new Socket({ fd: INPUT_DESCRIPTOR, readable: true, writable: false });
    this.#socket.on("data", (chunk: Buffer) => {
      try {
        this.#take(chunk);
      } catch {
        options.onEnd();
      }
    });
    this.#socket.on("end", options.onEnd);
    this.#socket.on("error", options.onEnd);
  }

  /** The next frame; undefined when `stopWaiting` was called first. One caller at a time. */
  receive(): Received | Promise<Received | undefined> {
    const next = this.#received.shift();
    if (next === undefined) {
      return new Promise((resolve) => {
        this.#waiter = resolve;
      });
    }
    if (next.kind === "batch") this.#receivedBytes -= next.body.length;
    if (this.#socket.isPaused() && this.#receivedBytes < WAITING_BYTES_MAX) this.#socket.resume();
    return next;
  }

  /** Ends a `receive` that a finished handler has left behind. */
  stopWaiting(): void {
    this.#waiter?.(undefined);
    this.#waiter = undefined;
  }

  /** Queues a message; it leaves with the next `flush`, or when enough has gathered. */
  send(message: FromWorker): void {
    this.sendFrame(encodeMessage(message));
  }

  /** Queues a whole frame. */
  sendFrame(frame: Uint8Array): void {
    this.#gathered.push(frame);
    this.#gatheredBytes += frame.length;
    if (this.#gatheredBytes >= GATHER_BYTES_MAX) this.flush();
  }

  /** Writes what is queued; returns when the pipe has taken all of it. */
  flush(): void {
    const bytes = Buffer.concat(this.#gathered, this.#gatheredBytes);
    this.#gathered = [];
    this.#gatheredBytes = 0;
    let at = 0;
    while (at < bytes.length) at += writeSync(OUTPUT_DESCRIPTOR, bytes, at);
  }

  #take(chunk: Buffer): void {
    this.#reader.push(chunk);
    for (;;) {
      const body = this.#reader.next();
      if (body === undefined) break;
      if (body[0] === BRACKET) {
        this.#receivedBytes += body.length;
        this.#deliver({ kind: "batch", body });
        continue;
      }
      const parsed = parseBody(body);
      if (parsed.kind !== "control") continue;
      const message = parseToWorker(parsed.fields);
      if (message.kind === "cancel") this.#onCancel(message.call);
      else this.#deliver({ kind: "message", message });
    }
    if (this.#receivedBytes >= WAITING_BYTES_MAX) this.#socket.pause();
  }

  #deliver(received: Received): void {
    const waiter = this.#waiter;
    if (waiter === undefined) {
      this.#received.push(received);
      return;
    }
    this.#waiter = undefined;
    if (received.kind === "batch") this.#receivedBytes -= received.body.length;
    waiter(received);
  }
}
