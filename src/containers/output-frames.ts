/**
 * What an engine sends of a container's prints: frames of 8 bytes (stream, three zeros, length in big endian)
 * and content. Docker Engine API, "Attach to a container", stream format.
 */
import { readUint32 } from "../std/bytes.ts";
import { answerInvalid } from "./errors.ts";

/** A piece of what a container has printed. */
export interface OutputChunk {
  readonly stream: "stdout" | "stderr";
  readonly bytes: Uint8Array;
}

const HEADER_BYTES = 8;

/** Cuts the bytes of an engine into pieces of output. Content is passed on as it comes, never gathered. */
export class OutputFrames {
  readonly #header = new Uint8Array(HEADER_BYTES);
  #headerBytes = 0;
  #stream: OutputChunk["stream"] = "stdout";
  #leftBytes = 0;

  /** The pieces in these bytes. @throws {JobxError} `CONTAINER_ENGINE_ANSWER_INVALID`. */
  *take(bytes: Uint8Array): Generator<OutputChunk> {
    for (let at = 0; at < bytes.length; ) {
      if (this.#leftBytes === 0) {
        const part = bytes.subarray(at, at + HEADER_BYTES - this.#headerBytes);
        this.#header.set(part, this.#headerBytes);
        this.#headerBytes += part.length;
        at += part.length;
        if (this.#headerBytes === HEADER_BYTES) this.#begin();
      } else {
        const part = bytes.subarray(at, at + this.#leftBytes);
        this.#leftBytes -= part.length;
        at += part.length;
        yield { stream: this.#stream, bytes: part };
      }
    }
  }

  #begin(): void {
    const [stream = 255, ...zeros] = this.#header.subarray(0, 4);
    if (stream > 3 || zeros.some((zero) => zero !== 0))
      throw answerInvalid("output without frames");
    this.#stream = stream >= 2 ? "stderr" : "stdout";
    this.#leftBytes = readUint32(this.#header, 4);
    this.#headerBytes = 0;
  }
}
