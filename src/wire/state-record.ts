/** Records of the `state/` database that are about groups, not rows. Versioned as in `log-record.ts`. */
import type { Hash64 } from "../std/hash64.ts";
import { type Decoded, decodeRecord, RecordWriter } from "./record-bytes.ts";

const APPLIED_VERSION = 1;
const CHECKPOINT_VERSION = 1;
const INSTALL_VERSION = 1;

/** How far a group's state machine has come; written in the same batch as the rows that say so. */
export interface AppliedRecord {
  readonly generation: number;
  /** The last applied index and its term; (0, 0) for a state machine that begins. */
  readonly index: number;
  readonly term: number;
  /** Where this generation began: the index of the snapshot that it came from, or of the beginning. */
  readonly begin: number;
  /** Sum of the hashes of all rows. */
  readonly hash: Hash64;
  /** Opaque to the store; the configuration as of `index`, for one. */
  readonly note: Uint8Array;
}

/** How far a snapshot has been taken in; written in the same batch as the rows that say so. */
export interface InstallRecord {
  /** Names the snapshot: only the same one can be gone on with. */
  readonly snapshot: string;
  readonly generation: number;
  /** What the snapshot stands for. */
  readonly index: number;
  /** The last row key that is here; the empty text before the first. */
  readonly after: string;
  /** Sum of the hashes of the rows that are here. */
  readonly hash: Hash64;
}

/** The applied index of every group, as of a checkpoint. */
export type CheckpointRecord = ReadonlyMap<string, number>;

/** An applied record for `key`. */
export function encodeApplied(key: string, applied: AppliedRecord): Uint8Array {
  const writer = new RecordWriter(64 + applied.note.length);
  writer.uint(applied.generation);
  writer.uint(applied.index);
  writer.uint(applied.term);
  writer.uint(applied.begin);
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
    begin: reader.uint(),
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

/** An install record for `key`. */
export function encodeInstall(key: string, install: InstallRecord): Uint8Array {
  const writer = new RecordWriter();
  writer.text(install.snapshot);
  writer.uint(install.generation);
  writer.uint(install.index);
  writer.text(install.after);
  writer.uint(install.hash.high);
  writer.uint(install.hash.low);
  return writer.seal(key, INSTALL_VERSION);
}

/** Opens an install record. */
export function decodeInstall(key: string, value: Uint8Array): Decoded<InstallRecord> {
  return decodeRecord({ key, value, versionMax: INSTALL_VERSION }, (reader) => ({
    snapshot: reader.text(),
    generation: reader.uint(),
    index: reader.uint(),
    after: reader.text(),
    hash: { high: reader.uint(), low: reader.uint() },
  }));
}
