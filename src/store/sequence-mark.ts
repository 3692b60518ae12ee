/**
 * The file MARK: how far the log had come, remembered outside of it (R3). It is written after each
 * synced batch but not synced itself, so it may lag behind, never run ahead: a log that ends before
 * it has lost what was acknowledged. Two sectors are written in turn; a torn write spoils one.
 */
import { openRecord, RecordReader, RecordWriter } from "../wire/record-bytes.ts";
import { MARK_FILE_BYTES, MARK_SLOT_BYTES } from "./limits.ts";
import type { MarkFile } from "./ports.ts";

/** Name of the file in the data directory. */
export const MARK_NAME = "MARK";

const VERSION = 1;
/** Enough for the header and the largest number. */
const MARK_BYTES = 16;

/** What the file says: a number, or that it is unreadable. */
export type MarkReading =
  | { readonly kind: "sequence"; readonly sequence: number }
  | { readonly kind: "unreadable" };

export class SequenceMark {
  readonly #file: MarkFile;
  #written: number;
  #wanted: number;
  #slot = 0;
  #running: Promise<void> | undefined;
  #error: unknown;

  /** @param sequence what the file is known to hold. */
  constructor(file: MarkFile, sequence: number) {
    this.#file = file;
    this.#written = sequence;
    this.#wanted = sequence;
  }

  /** The error of the last write that failed; undefined while all went well. */
  get error(): unknown {
    return this.#error;
  }

  /** Begins to write `sequence`; while a write is under way only the newest number waits. */
  advance(sequence: number): void {
    if (sequence <= this.#wanted) return;
    this.#wanted = sequence;
    this.#running ??= this.#run();
  }

  /** Ends after what is under way. */
  async close(): Promise<void> {
    await this.#running;
    await this.#file.close();
  }

  async #run(): Promise<void> {
    try {
      while (this.#written < this.#wanted) {
        const sequence = this.#wanted;
        await this.#file.write(this.#slot * MARK_SLOT_BYTES, encodeMark(sequence));
        this.#slot = 1 - this.#slot;
        this.#written = sequence;
      }
    } catch (error) {
      this.#error = error;
    } finally {
      this.#running = undefined;
    }
  }
}

function encodeMark(sequence: number): Uint8Array {
  const writer = new RecordWriter(MARK_BYTES);
  writer.uint(sequence);
  const record = writer.seal(MARK_NAME, VERSION);
  // Always the same length, so that nothing of a longer one before is left behind it.
  const padded = new Uint8Array(MARK_BYTES + 1);
  padded[0] = record.length;
  padded.set(record, 1);
  return padded;
}

/** The bytes of a new file. It says from the start how far the log is: a blank one is damaged. */
export function newMark(sequence: number): Uint8Array {
  const bytes = new Uint8Array(MARK_FILE_BYTES);
  bytes.set(encodeMark(sequence));
  return bytes;
}

/** The newest number in the file, which is damaged unless it has its whole length and one sound slot. */
export async function readMark(file: MarkFile): Promise<MarkReading> {
  const bytes = await file.read();
  if (bytes.length !== MARK_FILE_BYTES) return { kind: "unreadable" };
  let sequence: number | undefined;
  for (const offset of [0, MARK_SLOT_BYTES]) {
    const length = bytes[offset] ?? 0;
    const value = bytes.subarray(offset + 1, offset + 1 + length);
    const opened = openRecord(MARK_NAME, { value, versionMax: VERSION });
    if (opened.kind !== "ok") continue;
    const reader = new RecordReader(opened.content);
    const found = reader.uint();
    if (reader.complete) sequence = Math.max(sequence ?? 0, found);
  }
  return sequence === undefined ? { kind: "unreadable" } : { kind: "sequence", sequence };
}
