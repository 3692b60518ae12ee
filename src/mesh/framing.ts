// Framing of every stream of the mesh: length of what follows (4 bytes, big endian), kind (1 byte),
// payload. Streams end by a frame that says so, never by the end of the stream alone.
import { assert } from "../std/assert.ts";
import { meshError } from "./errors.ts";

/** One frame as it came. */
export interface Frame {
  readonly kind: number;
  readonly payload: Uint8Array;
}

/** Bytes before the payload. */
export const FRAME_HEAD_BYTES = 5;

const LENGTH_BYTES = 4;

/** Frames one after the other in one buffer, for one write. */
export function encodeFrames(frames: readonly Frame[]): Uint8Array {
  let bytes = 0;
  for (const frame of frames) bytes += FRAME_HEAD_BYTES + frame.payload.length;
  const buffer = Buffer.allocUnsafe(bytes);
  let at = 0;
  for (const { kind, payload } of frames) {
    buffer.writeUInt32BE(payload.length + 1, at);
    buffer[at + LENGTH_BYTES] = kind;
    buffer.set(payload, at + FRAME_HEAD_BYTES);
    at += FRAME_HEAD_BYTES + payload.length;
  }
  return buffer;
}

/** What stands before the payload. */
export function encodeHead({ kind, payload }: Frame): Uint8Array {
  const head = Buffer.allocUnsafe(FRAME_HEAD_BYTES);
  head.writeUInt32BE(payload.length + 1);
  head[LENGTH_BYTES] = kind;
  return head;
}

/** One frame in its own buffer. */
export function encodeFrame(kind: number, payload: Uint8Array): Uint8Array {
  assert(Number.isInteger(kind) && kind >= 0 && kind <= 255, "a kind is one byte");
  return encodeFrames([{ kind, payload }]);
}

/**
 * Cuts a stream of bytes into frames. Holds at most one unfinished frame; the payloads of frames
 * that came whole are views of the chunk.
 */
export class FrameDecoder {
  readonly #payloadBytesMax: number;
  readonly #head = new Uint8Array(FRAME_HEAD_BYTES);
  #headBytes = 0;
  #wantBytes = 0;
  #partial: Uint8Array | undefined;
  #partialBytes = 0;

  constructor(payloadBytesMax: number) {
    this.#payloadBytesMax = payloadBytesMax;
  }

  /**
   * The frames that `chunk` completes, each given to `take` at once.
   * @throws {JobxError} `MESH_FRAME_TOO_LARGE` for a length above the bound, `MESH_FRAME_MALFORMED`
   * for one that leaves no room for the kind; and whatever `take` throws. The decoder is of no more
   * use then.
   */
  push(chunk: Uint8Array, take: (frame: Frame) => void): void {
    let at = 0;
    for (;;) {
      if (this.#headBytes < FRAME_HEAD_BYTES) {
        at = this.#fillHead(chunk, at);
        if (this.#headBytes < FRAME_HEAD_BYTES) return;
      }
      if (this.#partial === undefined && chunk.length - at >= this.#wantBytes) {
        const payload = chunk.subarray(at, at + this.#wantBytes);
        at += payload.length;
        this.#finish(payload, take);
        continue;
      }
      if (at === chunk.length) return;
      this.#partial ??= new Uint8Array(this.#wantBytes);
      const part = chunk.subarray(at, at + this.#wantBytes - this.#partialBytes);
      this.#partial.set(part, this.#partialBytes);
      this.#partialBytes += part.length;
      at += part.length;
      if (this.#partialBytes === this.#wantBytes) this.#finish(this.#partial, take);
    }
  }

  #fillHead(chunk: Uint8Array, at: number): number {
    const part = chunk.subarray(at, at + FRAME_HEAD_BYTES - this.#headBytes);
    this.#head.set(part, this.#headBytes);
    this.#headBytes += part.length;
    if (this.#headBytes === FRAME_HEAD_BYTES) this.#wantBytes = this.#claimedBytes();
    return at + part.length;
  }

  #claimedBytes(): number {
    const bytes = new DataView(this.#head.buffer).getUint32(0) - 1;
    if (bytes < 0) {
      throw meshError({ code: "MESH_FRAME_MALFORMED" }, "a frame has no room for its kind");
    }
    if (bytes > this.#payloadBytesMax) {
      throw meshError(
        { code: "MESH_FRAME_TOO_LARGE", bytes, bytesMax: this.#payloadBytesMax },
        "a frame is larger than this stream allows",
      );
    }
    return bytes;
  }

  #finish(payload: Uint8Array, take: (frame: Frame) => void): void {
    const kind = this.#head[LENGTH_BYTES] ?? 0;
    this.#headBytes = 0;
    this.#partial = undefined;
    this.#partialBytes = 0;
    take({ kind, payload });
  }
}
