/** Batches of what a handler yields, in either codec. */
import { ValueWriter } from "../../../wire/value-writer.ts";
import { encodeFrame, type WorkerCodec } from "../../../wire/worker-protocol.ts";

/** Collects records that `checkExact` has passed. */
export interface RecordWriter {
  readonly records: number;
  /** About the bytes so far. */
  readonly bytes: number;
  /** Adds a record. False when it would make the frame too large: nothing was added then. */
  add(record: unknown): boolean;
  /** The frame; the writer is empty afterwards. Throws when a frame cannot hold it. */
  take(): Uint8Array;
}

/** A writer of the codec that node and worker agreed on. */
export function recordWriter(codec: WorkerCodec): RecordWriter {
  return codec === "msgpack" ? new ValueWriter() : new JsonWriter();
}

class JsonWriter implements RecordWriter {
  #texts: string[] = [];
  #length = 0;

  get records(): number {
    return this.#texts.length;
  }

  get bytes(): number {
    return this.#length;
  }

  add(record: unknown): boolean {
    const text = JSON.stringify(record);
    this.#texts.push(text);
    this.#length += text.length;
    return true;
  }

  take(): Uint8Array {
    const text = `[${this.#texts.join(",")}]`;
    this.#texts = [];
    this.#length = 0;
    return encodeFrame(text);
  }
}
