/** Cuts a stream of bytes into chunks and hashes them. */
import { hash } from "node:crypto";
import { unreachable } from "../../std/assert.ts";
import { CHUNK_BYTES_MAX, type ChunkData, type Chunking } from "./chunk.ts";
import { GearCutter } from "./gear.ts";

/** Finds the ends of chunks in pieces that come one after the other. */
interface Cutter {
  /** The place in `bytes`, from `from` on, where the present chunk ends; -1 when further on. */
  find(bytes: Uint8Array, from: number): number;
}

/**
 * The chunks of a stream, in order; none for an empty one. Holds one chunk and one buffer of the
 * source, and takes the next buffer only when the consumer asks for more. The source gives its
 * buffers away: a chunk that lies in one of them is not copied, others are copied once.
 */
export async function* chunksOf(
  source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  chunking: Chunking,
): AsyncGenerator<ChunkData> {
  const cutter = cutterOf(chunking);
  const gathered = new Gathered();
  for await (const bytes of source) {
    let from = 0;
    while (from < bytes.length) {
      const end = cutter.find(bytes, from);
      if (end < 0) {
        gathered.add(bytes.subarray(from));
        break;
      }
      yield chunkOf(gathered.take(bytes.subarray(from, end)));
      from = end;
    }
  }
  if (gathered.bytes > 0) yield chunkOf(gathered.take(new Uint8Array(0)));
}

function chunkOf(data: Uint8Array): ChunkData {
  return { chunk: { cid: hash("sha256", data, "hex"), bytes: data.length }, data };
}

function cutterOf(chunking: Chunking): Cutter {
  switch (chunking) {
    case "fixed-1":
      return new FixedCutter();
    case "content-1":
      return new GearCutter();
    default:
      return unreachable(chunking);
  }
}

class FixedCutter implements Cutter {
  #seen = 0;

  find(bytes: Uint8Array, from: number): number {
    const end = from + CHUNK_BYTES_MAX - this.#seen;
    if (end <= bytes.length) {
      this.#seen = 0;
      return end;
    }
    this.#seen += bytes.length - from;
    return -1;
  }
}

/** The beginning of a chunk whose end did not come yet. */
class Gathered {
  #held = new Uint8Array(0);
  bytes = 0;

  add(part: Uint8Array): void {
    if (this.bytes + part.length > this.#held.length) this.#grow(this.bytes + part.length);
    this.#held.set(part, this.bytes);
    this.bytes += part.length;
  }

  /** The whole chunk with its last part. */
  take(last: Uint8Array): Uint8Array {
    if (this.bytes === 0) return last;
    this.add(last);
    const whole = this.#held.subarray(0, this.bytes);
    this.#held = new Uint8Array(0);
    this.bytes = 0;
    return whole;
  }

  /** At once to the most that a chunk can have, once it is clear that it is not a small file. */
  #grow(bytesWanted: number): void {
    const small = Math.max(bytesWanted, Math.min(2 * this.#held.length, SMALL_BYTES));
    const room = bytesWanted > SMALL_BYTES ? CHUNK_BYTES_MAX : small;
    const larger = new Uint8Array(Buffer.allocUnsafeSlow(room).buffer);
    larger.set(this.#held.subarray(0, this.bytes));
    this.#held = larger;
  }
}

/** Up to here a file is likely to be small and to come in few buffers, bytes. */
const SMALL_BYTES = 128 * 1024;
