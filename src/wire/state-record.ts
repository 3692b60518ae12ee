/** Records of the `state/` database that are about groups, not rows. Versioned as in `log-record.ts`. */
import type { Hash64 } from "../std/hash64.ts";
import { type Decoded, decodeRecord, RecordWriter } from "./record-bytes.ts";

const APPLIED_VERSION = 1;
const CHECKPOINT_VERSION = 1;

/** How far a group's state machine has come; written in the same batch as the rows that say so. */
export interface AppliedRecord {
  readonly generation: number;
  /** The last applied index and its term; (0, 0) for a state machine that begins. */
  readonly index: number;
  readonly term: number;
  /** Sum of the hashes of all rows. */
  readonly hash: Hash64;
  /** Opaque to the store; the configuration as of `index`, for one. */
  readonly note: Uint8Array;
}

/** The applied index of every group, as of a checkpoint. */
export type CheckpointRecord = ReadonlyMap<string, number>;

/** An applied record for `key`. */
export function encodeApplied(key: string, applied: AppliedRecord): Uint8Array {
  const writer = new RecordWriter(64 + applied.note.length);
  writer.uint(applied.generation);
  writer.uint(applied.index);
  writer.uint(applied.term);
  writer.uint(applied.hash.high);
  writer.uint(applied.hash.low);
  writer.bytes(applied.note);
  return writer.seal(key, APPLIED_VERSION);
}

/** Opens an applied record. */
export function decodeApplied(key: string, value: Uint8Array): Decoded<AppliedRecord> {
  return decodeRecord({ key, value, versionMax: APPLIED_VERSION }, (reader) => ({
    generation: reader.uint(),
    index: reader.uint(),
    term: reader.uint(),
    hash: { high: reader.uint(), low: reader.uint() },
    // A copy, because it is kept for long and the record may be a view of a whole page.
    note: reader.bytes().slice(),
  }));
}

/** A checkpoint for `key`. */
export function encodeCheckpoint(key: string, checkpoint: CheckpointRecord): Uint8Array {
  const writer = new RecordWriter(16 + checkpoint.size * 32);
  writer.uint(checkpoint.size);
  for (const [group, index] of checkpoint) {
    writer.text(group);
    writer.uint(index);
  }
  return writer.seal(key, CHECKPOINT_VERSION);
}

/** Opens a checkpoint. */
export function decodeCheckpoint(key: string, value: Uint8Array): Decoded<CheckpointRecord> {
  return decodeRecord({ key, value, versionMax: CHECKPOINT_VERSION }, (reader) => {
    const checkpoint = new Map<string, number>();
    const count = reader.uint();
    for (let at = 0; at < count && !reader.failed; at++) {
      const group = reader.text();
      checkpoint.set(group, reader.uint());
    }
    return checkpoint;
  });
}
