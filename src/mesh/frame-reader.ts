// Pulls frames from a stream at the reader's pace: what it does not take stays with the sender.
import type { Stream } from "@libp2p/interface";
import { meshError, toError } from "./errors.ts";
import { type Frame, FrameDecoder } from "./framing.ts";
import { READ_BUFFER_BYTES_MAX } from "./limits.ts";

/** Bounds of one reader. */
export interface FrameReaderLimits {
  readonly payloadBytesMax: number;
  /** Decoded bytes that may wait before the stream is paused; one frame always may. */
  readonly waitingBytesMax: number;
}

/**
 * Frames of one stream, taken one at a time by one reader. When more wait than allowed, the stream
 * is paused, so that its window fills and the sender stops.
 */
export class FrameReader {
  readonly #stream: Stream;
  readonly #decoder: FrameDecoder;
  readonly #limits: FrameReaderLimits;
  #waiting: Frame[] = [];
  #waitingBytes = 0;
  #paused = false;
  #ended = false;
  #failure: Error | undefined;
  #wake: (() => void) | undefined;

  constructor(stream: Stream, limits: FrameReaderLimits) {
    this.#stream = stream;
    this.#limits = limits;
    this.#decoder = new FrameDecoder(limits.payloadBytesMax);
    stream.maxReadBufferLength = READ_BUFFER_BYTES_MAX;
    stream.addEventListener("message", (event) => {
      const { data } = event;
      if (data instanceof Uint8Array) this.#push(data);
      else for (const part of data) this.#push(part);
    });
    stream.addEventListener("close", () => this.#end());
    stream.addEventListener("remoteCloseWrite", () => this.#end());
    if (stream.status !== "open" && stream.readBufferLength === 0) this.#end();
  }

  /** Decoded bytes that wait for the reader. */
  get waitingBytes(): number {
    return this.#waitingBytes;
  }

  /**
   * The next frame, or `undefined` when the stream ended without more.
   * @throws {JobxError} `MESH_FRAME_TOO_LARGE`, `MESH_FRAME_MALFORMED`: the other side broke the
   * protocol; the stream has been reset.
   */
  async next(): Promise<Frame | undefined> {
    for (;;) {
      const frame = this.#take();
      if (frame !== undefined) return frame;
      if (this.#failure !== undefined) throw this.#failure;
      if (this.#ended && !this.#paused) return undefined;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /**
   * The next frame of a stream that must not end yet.
   * @throws {JobxError} `MESH_STREAM_BROKEN` when it did, and as `next`.
   */
  async need(): Promise<Frame> {
    const frame = await this.next();
    if (frame === undefined) {
      throw meshError({ code: "MESH_STREAM_BROKEN" }, "the stream ended before its last frame");
    }
    return frame;
  }

  /** Whoever waits gets this error; frames that wait are still delivered first. */
  fail(error: Error): void {
    this.#failure ??= error;
    this.#notify();
  }

  #take(): Frame | undefined {
    if (this.#paused && this.#waitingBytes * 2 <= this.#limits.waitingBytesMax) this.#resume();
    const frame = this.#waiting.shift();
    if (frame !== undefined) this.#waitingBytes -= frame.payload.length;
    return frame;
  }

  #push(chunk: Uint8Array): void {
    if (this.#failure !== undefined) return;
    try {
      this.#decoder.push(chunk, (frame) => {
        this.#waiting.push(frame);
        this.#waitingBytes += frame.payload.length;
      });
    } catch (thrown) {
      this.fail(toError(thrown));
      return;
    }
    if (this.#waitingBytes > this.#limits.waitingBytesMax) this.#pause();
    this.#notify();
  }

  #pause(): void {
    if (this.#paused || this.#stream.readStatus !== "readable") return;
    this.#paused = true;
    this.#stream.pause();
  }

  #resume(): void {
    this.#paused = false;
    if (this.#stream.readStatus !== "paused") return;
    try {
      this.#stream.resume();
    } catch (cause) {
      // Resuming says so to the other side at once, and its connection may have closed under us.
      const text = "the connection closed while a stream was read";
      this.fail(meshError({ code: "MESH_STREAM_BROKEN" }, text, { cause }));
    }
  }

  #end(): void {
    this.#ended = true;
    this.#notify();
  }

  #notify(): void {
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  }
}
