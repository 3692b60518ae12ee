/** What replicas say to each other, with the group that they speak of. Part of the protocol `peer`. */
import type { AppendRejection, Message } from "../raft/messages.ts";
import type { SnapshotDescription } from "../raft/types.ts";
import { bool, bytes, type Codec, natural, positive } from "./codec.ts";
import { array, optional, struct, union } from "./codec-shapes.ts";
import { configurationCodec, entryCodec } from "./entry.ts";

/**
 * Entries in one append. The core fills a message up to 512 KiB and charges 64 bytes for each entry,
 * which makes 8192; the rest is room for other settings.
 */
export const APPEND_ENTRIES_MAX = 65_536;

/** What tells a store where a snapshot's chunks are: names and hashes, not data. */
export const SNAPSHOT_DESCRIPTOR_BYTES_MAX = 1024 * 1024;

/** A message and its group. */
export interface RaftEnvelope {
  readonly group: number;
  readonly message: Message;
}

const snapshotDescription = struct<SnapshotDescription>({
  index: natural,
  term: natural,
  configuration: configurationCodec,
  descriptor: bytes(SNAPSHOT_DESCRIPTOR_BYTES_MAX),
});

/** Replicas of every message, and the sender's term. */
const head = { from: positive, to: positive, term: natural } as const;

/** A message between two replicas of one group. */
export const raftMessageCodec: Codec<Message> = union<Message>({
  append: [
    1,
    {
      ...head,
      previousIndex: natural,
      previousTerm: natural,
      entries: array(entryCodec, APPEND_ENTRIES_MAX),
      commit: natural,
    },
  ],
  "append-response": [
    2,
    {
      ...head,
      index: natural,
      rejection: optional(struct<AppendRejection>({ hintIndex: natural, hintTerm: natural })),
    },
  ],
  heartbeat: [3, { ...head, commit: natural, round: natural }],
  "heartbeat-response": [4, { ...head, round: natural }],
  vote: [5, { ...head, lastIndex: natural, lastTerm: natural, transfer: bool }],
  "vote-response": [6, { ...head, granted: bool }],
  "pre-vote": [7, { ...head, lastIndex: natural, lastTerm: natural }],
  "pre-vote-response": [8, { ...head, granted: bool }],
  snapshot: [9, { ...head, snapshot: snapshotDescription }],
  "timeout-now": [10, { ...head }],
  "read-index": [11, { ...head, context: natural }],
  "read-index-response": [12, { ...head, context: natural, index: natural }],
  commit: [13, { ...head, commit: natural }],
  quiet: [14, { ...head, index: natural, due: bool }],
  "quiet-response": [15, { ...head, index: natural }],
});

/** A message with its group. */
export const raftEnvelopeCodec: Codec<RaftEnvelope> = struct<RaftEnvelope>({
  group: natural,
  message: raftMessageCodec,
});
