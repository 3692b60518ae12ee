/** Cuts a stream of bytes into chunks and hashes them. */
import { hash } from "node:crypto";
import { unreachable } from "../../std/assert.ts";
import { CHUNK_BYTES_MAX, type ChunkData, type Chunking } from "./chunk.ts";
import { CDC_BYTES_MIN, GearCutter } from "./gear.ts";

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

/** The only chunk of a file that no chunking cuts; undefined for one that is empty or larger. */
export function onlyChunkOf(file: Uint8Array): ChunkData | undefined {
  return file.length > 0 && file.length <= CDC_BYTES_MIN ? chunkOf(file) : undefined;
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

/** The beginning of a chunk whose end did not come yet. Chunks are made one behind the other in a slab. */
class Gathered {
  #slab = new Uint8Array(0);
  #from = 0;
  bytes = 0;

  add(part: Uint8Array): void {
    if (this.#from + this.bytes + part.length > this.#slab.length) this.#renew(part.length);
    this.#slab.set(part, this.#from + this.bytes);
    this.bytes += part.length;
  }

  /** The whole chunk with its last part. */
  take(last: Uint8Array): Uint8Array {
    if (this.bytes === 0) return last;
    this.add(last);
    const end = this.#from + this.bytes;
    const whole = this.#slab.subarray(this.#from, end);
    this.#from = end;
    this.bytes = 0;
    return whole;
  }

  /** A new slab that begins with what is held: of full size once it is clear that it is no small file. */
  #renew(bytesMore: number): void {
    const wanted = this.bytes + bytesMore;
    const small = Math.max(wanted, Math.min(2 * this.bytes, SMALL_BYTES));
    const slab = allocate(wanted > SMALL_BYTES ? CHUNK_BYTES_MAX : small);
    slab.set(this.#slab.subarray(this.#from, this.#from + this.bytes));
    this.#slab = slab;
    this.#from = 0;
  }
}

/** Up to here a file is likely to be small and to come in few buffers, bytes. */
const SMALL_BYTES = 128 * 1024;

/** Not cleared, since all of it is written before it is read, and not from a pool that others use. */
function allocate(bytes: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array(Buffer.allocUnsafeSlow(bytes).buffer);
}
