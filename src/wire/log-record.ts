/**
 * The records of a node's `log/` database, which holds the Raft logs of all its groups. Keys are
 * in `src/store/log-keys.ts`; each value is a record of `record-bytes.ts`.
 *
 * F1. Formats only grow: a new meaning gets a new version, and old versions are read for ever.
 */

import {
  type ConfigChange,
  type ConfigStep,
  type Configuration,
  ENTRY_OVERHEAD_BYTES,
  type Entry,
  entryBytes,
  type HardState,
  type ReplicaId,
} from "../raft/types.ts";
import { assert, unreachable } from "../std/assert.ts";
import { type Decoded, decodeRecord, type RecordReader, RecordWriter } from "./record-bytes.ts";

/** The newest format of each record. */
const ENTRIES_VERSION = 1;
const HEAD_VERSION = 1;
const CONFIGURATION_VERSION = 1;

/** The entries of one append, packed. */
export interface EntriesRecord {
  /** Write number of the record that held the index before the first one; 0 if none did. */
  readonly previousWrite: number;
  /** Term of the index before the first one. */
  readonly previousTerm: number;
  /** Consecutive, at least one; terms do not fall. */
  readonly entries: readonly Entry[];
}

/** What a group's log is, as of its last batch. */
export interface GroupHead {
  /** A destroyed replica leaves this record behind for ever: the tombstone (R4). */
  readonly life: "live" | "destroyed";
  /** The replica that the log belongs to, or belonged to. */
  readonly replica: ReplicaId;
  readonly hardState: HardState;
  /** The last index that is not in the log any more, and its term; (0, 0) for a log from the start. */
  readonly start: { readonly index: number; readonly term: number };
  /** Index and term of the last entry; those of `start` when there is none. */
  readonly last: { readonly index: number; readonly term: number };
  /** Number of the newest record of entries; numbers rise by one with each. */
  readonly lastWrite: number;
  /** The oldest live record: its first index and write number. Records before are dead. */
  readonly oldest: { readonly firstIndex: number; readonly write: number };
}

/** The configuration as of an index. */
export interface ConfigurationRecord {
  readonly index: number;
  readonly configuration: Configuration;
  /** Opaque to the store: where the replicas live, for one. */
  readonly note: Uint8Array;
}

const ENTRY_KINDS = ["empty", "normal", "config"] as const;
const STEP_TYPES = ["add-voter", "add-learner", "remove", "update"] as const;
const TRANSITIONS = ["auto", "joint-implicit", "joint-explicit"] as const;

/** A record of entries for `key`. The payloads are copied. */
export function encodeEntries(key: string, record: EntriesRecord): Uint8Array {
  const [first] = record.entries;
  assert(first !== undefined, "a record holds at least one entry");
  let bytes = ENTRY_OVERHEAD_BYTES;
  for (const entry of record.entries) bytes += entryBytes(entry) - ENTRY_OVERHEAD_BYTES / 2;
  const writer = new RecordWriter(bytes);
  writer.uint(record.previousWrite);
  writer.uint(record.previousTerm);
  writer.uint(first.index);
  writer.uint(record.entries.length);
  let { index } = first;
  let term = record.previousTerm;
  for (const entry of record.entries) {
    assert(entry.index === index && entry.term >= term, "entries follow each other");
    writer.uint(ENTRY_KINDS.indexOf(entry.kind));
    writer.uint(entry.term - term);
    if (entry.kind === "normal") writer.bytes(entry.data);
    else if (entry.kind === "config") writeChange(writer, entry.change);
    index += 1;
    term = entry.term;
  }
  return writer.seal(key, ENTRIES_VERSION);
}

/** Opens a record of entries. Payloads are views of `value`. */
export function decodeEntries(key: string, value: Uint8Array): Decoded<EntriesRecord> {
  return decodeRecord({ key, value, versionMax: ENTRIES_VERSION }, (reader) => {
    const previousWrite = reader.uint();
    const previousTerm = reader.uint();
    const firstIndex = reader.uint();
    const count = reader.uint();
    const entries: Entry[] = [];
    let term = previousTerm;
    for (let at = 0; at < count && !reader.failed; at++) {
      const kind = ENTRY_KINDS[reader.uint()];
      term += reader.uint();
      const index = firstIndex + at;
      switch (kind) {
        case "empty":
          entries.push({ kind, index, term });
          break;
        case "normal":
          entries.push({ kind, index, term, data: reader.bytes() });
          break;
        case "config": {
          const change = readChange(reader);
          if (change === undefined) return undefined;
          entries.push({ kind, index, term, change });
          break;
        }
        case undefined:
          return undefined;
        default:
          return unreachable(kind);
      }
    }
    return count === 0 ? undefined : { previousWrite, previousTerm, entries };
  });
}

/** A group's head for `key`. */
export function encodeHead(key: string, head: GroupHead): Uint8Array {
  const writer = new RecordWriter();
  writer.uint(head.life === "live" ? 1 : 0);
  writer.uint(head.replica);
  writer.uint(head.hardState.term);
  writer.uint(head.hardState.vote ?? 0);
  writer.uint(head.hardState.commit);
  writer.uint(head.start.index);
  writer.uint(head.start.term);
  writer.uint(head.last.index);
  writer.uint(head.last.term);
  writer.uint(head.lastWrite);
  writer.uint(head.oldest.firstIndex);
  writer.uint(head.oldest.write);
  return writer.seal(key, HEAD_VERSION);
}

/** Opens a group's head. */
export function decodeHead(key: string, value: Uint8Array): Decoded<GroupHead> {
  return decodeRecord({ key, value, versionMax: HEAD_VERSION }, (reader) => {
    const life = reader.uint() === 1 ? "live" : "destroyed";
    const replica = reader.uint();
    const term = reader.uint();
    const vote = reader.uint();
    const commit = reader.uint();
    return {
      life,
      replica,
      hardState: { term, vote: vote === 0 ? undefined : vote, commit },
      start: { index: reader.uint(), term: reader.uint() },
      last: { index: reader.uint(), term: reader.uint() },
      lastWrite: reader.uint(),
      oldest: { firstIndex: reader.uint(), write: reader.uint() },
    };
  });
}

/** A configuration record for `key`. */
export function encodeConfiguration(key: string, record: ConfigurationRecord): Uint8Array {
  const { configuration } = record;
  const writer = new RecordWriter();
  writer.uint(record.index);
  writer.uint(configuration.autoLeave ? 1 : 0);
  for (const list of [
    configuration.voters,
    configuration.votersOutgoing,
    configuration.learners,
    configuration.learnersNext,
  ]) {
    writer.uint(list.length);
    for (const replica of list) writer.uint(replica);
  }
  writer.bytes(record.note);
  return writer.seal(key, CONFIGURATION_VERSION);
}

/** Opens a configuration record. */
export function decodeConfiguration(key: string, value: Uint8Array): Decoded<ConfigurationRecord> {
  return decodeRecord({ key, value, versionMax: CONFIGURATION_VERSION }, (reader) => {
    const index = reader.uint();
    const autoLeave = reader.uint() === 1;
    const list = (): readonly ReplicaId[] => {
      const count = reader.uint();
      const replicas: ReplicaId[] = [];
      for (let at = 0; at < count && !reader.failed; at++) replicas.push(reader.uint());
      return replicas;
    };
    const configuration: Configuration = {
      voters: list(),
      votersOutgoing: list(),
      learners: list(),
      learnersNext: list(),
      autoLeave,
    };
    return { index, configuration, note: reader.bytes().slice() };
  });
}

function writeChange(writer: RecordWriter, change: ConfigChange): void {
  writer.uint(TRANSITIONS.indexOf(change.transition));
  writer.uint(change.changes.length);
  for (const step of change.changes) {
    writer.uint(STEP_TYPES.indexOf(step.type));
    writer.uint(step.replica);
  }
  writer.bytes(change.context);
}

function readChange(reader: RecordReader): ConfigChange | undefined {
  const transition = TRANSITIONS[reader.uint()];
  const count = reader.uint();
  const changes: ConfigStep[] = [];
  for (let at = 0; at < count && !reader.failed; at++) {
    const type = STEP_TYPES[reader.uint()];
    if (type === undefined) return undefined;
    changes.push({ type, replica: reader.uint() });
  }
  const context = reader.bytes();
  return transition === undefined ? undefined : { transition, changes, context };
}
