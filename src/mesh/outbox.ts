// What waits for one peer: frames of one loop turn go out in one write. Merging costs a fraction of
// the processor time of single writes, as each write is encrypted and sent on its own.
import type { Stream } from "@libp2p/interface";
import { encodeFrames, FRAME_HEAD_BYTES, type Frame } from "./framing.ts";
import { WRITE_BYTES } from "./limits.ts";

/** Frames on their way into one stream, in order; bounded in bytes. */
export class Outbox {
  readonly #stream: Stream;
  readonly #bytesMax: number;
  #frames: Frame[] = [];
  #bytes = 0;
  #scheduled: NodeJS.Immediate | undefined;
  #closed = false;
  #writes = 0;

  constructor(stream: Stream, bytesMax: number) {
    this.#stream = stream;
    this.#bytesMax = bytesMax;
    stream.addEventListener("drain", () => this.#schedule());
  }

  /** Writes so far, for a metric: far fewer than frames under load. */
  get writes(): number {
    return this.#writes;
  }

  /** Bytes that are not on the wire yet, the stream's own buffer included. */
  get waitingBytes(): number {
    return this.#bytes + this.#stream.writeBufferLength;
  }

  /** False when the frame does not fit any more or the stream is closing; it is not sent then. */
  push(frame: Frame): boolean {
    const bytes = FRAME_HEAD_BYTES + frame.payload.length;
    if (this.#closed || this.waitingBytes + bytes > this.#bytesMax) return false;
    this.#frames.push(frame);
    this.#bytes += bytes;
    this.#schedule();
    return true;
  }

  /** Writes what waits now, as far as the stream takes it. */
  flush(): void {
    if (this.#scheduled !== undefined) clearImmediate(this.#scheduled);
    this.#scheduled = undefined;
    while (this.#writeOnce());
  }

  /** Drops what waits. */
  close(): void {
    this.#closed = true;
    this.#frames = [];
    this.#bytes = 0;
    if (this.#scheduled !== undefined) clearImmediate(this.#scheduled);
  }

  #schedule(): void {
    if (this.#closed || this.#frames.length === 0) return;
    this.#scheduled ??= setImmediate(() => {
      this.#scheduled = undefined;
      // One write a turn: a long queue must not hold the loop while it is encrypted.
      if (this.#writeOnce()) this.#schedule();
    });
  }

  /** True when more waits and the stream takes it. */
  #writeOnce(): boolean {
    if (this.#closed || this.#frames.length === 0 || this.#stream.writableNeedsDrain) return false;
    const batch = this.#takeBatch();
    try {
      this.#stream.send(encodeFrames(batch));
      this.#writes += 1;
    } catch {
      // The stream closed under us; its close event ends this outbox.
      this.close();
    }
    return this.#frames.length > 0;
  }

  #takeBatch(): Frame[] {
    let bytes = 0;
    let count = 0;
    for (const { payload } of this.#frames) {
      if (count > 0 && bytes + FRAME_HEAD_BYTES + payload.length > WRITE_BYTES) break;
      bytes += FRAME_HEAD_BYTES + payload.length;
      count += 1;
    }
    this.#bytes -= bytes;
    if (count === this.#frames.length) {
      const all = this.#frames;
      this.#frames = [];
      return all;
    }
    return this.#frames.splice(0, count);
  }
}
