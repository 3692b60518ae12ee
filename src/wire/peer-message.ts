/** Everything on the control stream between two nodes. Protocol `peer`, version 1. */
import type { Call, CallAnswer, PeerMessage, ReadCall } from "../actors/ports.ts";
import {
  CODE_LENGTH_MAX,
  ERROR_TEXT_LENGTH_MAX,
  ID_LENGTH_MAX,
  RAFT_ITEMS_MAX,
  ROW_KEY_LENGTH_MAX,
  ROWS_MAX,
} from "./bounds.ts";
import { bool, type Codec, natural, positive, text } from "./codec.ts";
import { array, optional, struct, union } from "./codec-shapes.ts";
import { envelopeCodec } from "./command.ts";
import { nodeIdCodec, runPieceCodec } from "./dataset-codec.ts";
import { workflowEventCodec } from "./event.ts";
import { executorMessageCodec, schedulerMessageCodec } from "./execution.ts";
import { defineFormat, type Format, FRAME_BYTES_MAX } from "./frame.ts";
import { membershipCodec } from "./membership.ts";
import { raftEnvelopeCodec } from "./raft-message.ts";
import { answerCodec, rowCodec } from "./row.ts";
import { systemEnvelopeCodec } from "./system.ts";

const rowKey = text(ROW_KEY_LENGTH_MAX);

const scan = struct<Exclude<ReadCall["scan"], undefined>>({
  gte: rowKey,
  lt: rowKey,
  limit: natural,
  reverse: bool,
});

const call: Codec<Call> = union<Call>({
  command: [1, { group: natural, envelope: envelopeCodec }],
  "system-command": [2, { envelope: systemEnvelopeCodec }],
  read: [3, { group: natural, keys: array(rowKey, ROWS_MAX), scan: optional(scan), linear: bool }],
  wait: [4, { group: natural, request: natural, waitMs: natural }],
  "copy-run": [5, { run: runPieceCodec }],
  events: [
    20,
    {
      group: natural,
      after: optional(natural),
      request: optional(natural),
      limit: natural,
      waitMs: natural,
    },
  ],
});

type ScannedRow = Extract<CallAnswer, { readonly kind: "rows" }>["scanned"][number];

const callAnswer: Codec<CallAnswer> = union<CallAnswer>({
  answered: [1, { answer: answerCodec }],
  rows: [
    2,
    {
      values: array(optional(rowCodec), ROWS_MAX),
      scanned: array(struct<ScannedRow>({ key: rowKey, row: rowCodec }), ROWS_MAX),
      more: bool,
      term: natural,
      appliedIndex: natural,
    },
  ],
  waited: [3, { ended: bool }],
  done: [4, {}],
  "not-scheduler": [5, { leader: optional(nodeIdCodec) }],
  events: [20, { resync: bool, events: array(workflowEventCodec, ROWS_MAX), next: natural }],
  error: [6, { code: text(CODE_LENGTH_MAX), message: text(ERROR_TEXT_LENGTH_MAX) }],
});

/** Any message. */
export const peerMessageCodec: Codec<PeerMessage> = union<PeerMessage>({
  raft: [1, { items: array(raftEnvelopeCodec, RAFT_ITEMS_MAX) }],
  "make-replica": [
    2,
    {
      group: natural,
      replica: positive,
      storeId: text(ID_LENGTH_MAX),
      membership: membershipCodec,
    },
  ],
  "replica-report": [
    7,
    { group: natural, replica: natural, storeId: text(ID_LENGTH_MAX), damaged: bool },
  ],
  "replica-gone": [
    8,
    { group: natural, replica: natural, storeId: text(ID_LENGTH_MAX), below: positive },
  ],
  executor: [3, { message: executorMessageCodec }],
  scheduler: [4, { message: schedulerMessageCodec }],
  call: [5, { id: natural, call }],
  answer: [6, { id: natural, answer: callAnswer }],
});

/** A message as one frame of the control stream. For sending, `encodePeerFrames` keeps it in bounds. */
export const peerMessageFormat: Format<PeerMessage> = defineFormat({
  codec: peerMessageCodec,
  version: 1,
  bytesMax: FRAME_BYTES_MAX,
  sizeUnchecked: true,
});
