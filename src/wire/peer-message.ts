/** Everything on the control stream between two nodes. Protocol `peer`, version 1. */

import type {
  BlockSum,
  Call,
  CallAnswer,
  CollectionReport,
  GroupMember,
  GroupStatus,
  HeldRowsCall,
  PeerMessage,
  ReadCall,
  Standing,
  TreeNews,
} from "../actors/ports.ts";
import type { OutputPart, OutputState } from "../scheduler/output-so-far.ts";
import type { NamedPlace, Stripe } from "../scheduler/tree/rows.ts";
import { SHORTAGES_MAX, type Shortage } from "../scheduler/tree/shortage.ts";
import {
  BLOCKS_ASKED_MAX,
  BLOCKS_FROM_MAX,
  BLOCKS_PUSHED_MAX,
  CODE_LENGTH_MAX,
  DETAIL_LENGTH_MAX,
  DETAILS_MAX,
  ERROR_TEXT_LENGTH_MAX,
  ID_LENGTH_MAX,
  OUTPUT_PART_BYTES_MAX,
  PUSHED_BLOCK_BYTES_MAX,
  RAFT_ITEMS_MAX,
  ROW_KEY_LENGTH_MAX,
  ROWS_MAX,
  ROWS_TOLD_MAX,
  RUNS_NAMED_MAX,
  TREE_ITEMS_MAX,
  UNIT_ID_LENGTH_MAX,
} from "./bounds.ts";
import { bool, bytes, type Codec, enumeration, natural, plain, positive, text } from "./codec.ts";
import { array, optional, record, struct, union } from "./codec-shapes.ts";
import { envelopeCodec } from "./command.ts";
import { nodeIdCodec, runPieceCodec, sha256Codec } from "./dataset-codec.ts";
import { REPLICAS_MAX } from "./entry.ts";
import { workflowEventCodec } from "./event.ts";
import { executorMessageCodec, schedulerMessageCodec } from "./execution.ts";
import { defineFormat, type Format, FRAME_BYTES_MAX } from "./frame.ts";
import { membershipCodec } from "./membership.ts";
import { raftEnvelopeCodec } from "./raft-message.ts";
import { answerCodec, rowCodec } from "./row.ts";
import { systemEnvelopeCodec } from "./system.ts";
import { stripeFields } from "./tree.ts";
import { tokenCodec } from "./work-codec.ts";

const rowKey = text(ROW_KEY_LENGTH_MAX);

const scan = struct<Exclude<ReadCall["scan"], undefined>>({
  gte: rowKey,
  lt: rowKey,
  limit: natural,
  reverse: bool,
});

const heldScan = struct<Exclude<HeldRowsCall["scan"], undefined>>({
  gte: rowKey,
  lt: rowKey,
  limit: natural,
});

const call: Codec<Call> = union<Call>({
  command: [1, { group: natural, envelope: envelopeCodec }],
  "mount-command": [33, { group: natural, envelope: envelopeCodec, mount: text(ID_LENGTH_MAX) }],
  "told-command": [
    71,
    {
      group: natural,
      envelope: envelopeCodec,
      mount: optional(text(ID_LENGTH_MAX)),
      rows: array(rowKey, ROWS_TOLD_MAX),
    },
  ],
  "tree-changes": [
    34,
    {
      group: natural,
      after: optional(natural),
      limit: natural,
      waitMs: natural,
      mount: optional(text(ID_LENGTH_MAX)),
      ends: bool,
    },
  ],
  "system-command": [2, { envelope: systemEnvelopeCodec }],
  read: [3, { group: natural, keys: array(rowKey, ROWS_MAX), scan: optional(scan), linear: bool }],
  wait: [4, { group: natural, request: natural, waitMs: natural, knowsPaused: bool }],
  "copy-run": [5, { run: runPieceCodec }],
  "group-status": [6, { group: natural }],
  transfer: [7, { group: natural, to: nodeIdCodec }],
  "hand-on-blocks": [8, {}],
  "have-blocks": [9, { cids: array(sha256Codec, BLOCKS_ASKED_MAX) }],
  "copy-blocks": [10, { cids: array(sha256Codec, BLOCKS_ASKED_MAX) }],
  "store-blocks": [70, { blocks: array(bytes(PUSHED_BLOCK_BYTES_MAX), BLOCKS_PUSHED_MAX) }],
  standing: [12, { group: natural }],
  "recover-replica": [
    13,
    {
      group: natural,
      replica: positive,
      lastIndex: natural,
      next: struct<Extract<Call, { kind: "recover-replica" }>["next"]>({
        replica: positive,
        term: positive,
      }),
    },
  ],
  "can-dial": [11, { node: nodeIdCodec }],
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
  "take-blocks": [
    30,
    {
      cids: array(sha256Codec, BLOCKS_ASKED_MAX),
      from: array(nodeIdCodec, BLOCKS_FROM_MAX),
    },
  ],
  "rebuild-blocks": [
    49,
    {
      stripe: struct<Stripe>(stripeFields),
      cids: array(sha256Codec, BLOCKS_ASKED_MAX),
      from: array(nodeIdCodec, BLOCKS_FROM_MAX),
    },
  ],
  "keep-blocks": [50, { cids: array(sha256Codec, BLOCKS_ASKED_MAX) }],
  "drop-blocks": [
    51,
    {
      cids: array(sha256Codec, BLOCKS_ASKED_MAX),
      keepers: array(nodeIdCodec, BLOCKS_FROM_MAX),
    },
  ],
  "verify-blocks": [31, { cids: array(sha256Codec, BLOCKS_ASKED_MAX) }],
  "verify-store": [32, { after: text(UNIT_ID_LENGTH_MAX) }],
  "run-references": [22, { group: natural, scan: natural, after: optional(rowKey) }],
  "held-rows": [
    40,
    {
      group: natural,
      moment: natural,
      keys: array(rowKey, ROWS_MAX),
      scan: optional(heldScan),
      done: bool,
    },
  ],
  collect: [23, { dryRun: bool }],
  shortages: [60, {}],
  output: [
    21,
    {
      group: natural,
      request: text(UNIT_ID_LENGTH_MAX),
      token: tokenCodec,
      stdout: natural,
      stderr: natural,
    },
  ],
});

const shortage = struct<Shortage>({
  group: natural,
  short: natural,
  missing: natural,
  lost: natural,
  sinceMs: natural,
});

const treeNews = struct<TreeNews>({
  revision: natural,
  inodes: array(natural, TREE_ITEMS_MAX),
  entries: array(struct<NamedPlace>({ parent: natural, name: rowKey }), TREE_ITEMS_MAX),
});

const blockSum = struct<BlockSum>({ blocks: natural, bytes: natural });

const collectionReport = struct<CollectionReport>({
  blocks: natural,
  needed: natural,
  waiting: blockSum,
  uncertain: blockSum,
  deleted: blockSum,
  trouble: text(DETAIL_LENGTH_MAX),
});

const outputPart = struct<OutputPart>({ from: natural, bytes: bytes(OUTPUT_PART_BYTES_MAX) });

const groupMember = struct<GroupMember>({
  replica: positive,
  node: text(ID_LENGTH_MAX),
  votes: bool,
  match: natural,
  active: bool,
});

const groupStatus = struct<GroupStatus>({
  group: natural,
  term: natural,
  leader: positive,
  lastIndex: natural,
  commitIndex: natural,
  members: array(groupMember, REPLICAS_MAX),
});

const standing = struct<Standing>({
  replica: positive,
  term: natural,
  lastIndex: natural,
  lastTerm: natural,
  appliedIndex: natural,
  membership: membershipCodec,
});

type ScannedRow = Extract<CallAnswer, { readonly kind: "rows" }>["scanned"][number];

const callAnswer: Codec<CallAnswer> = union<CallAnswer>({
  answered: [1, { answer: answerCodec }],
  told: [72, { answer: answerCodec, rows: array(optional(rowCodec), ROWS_TOLD_MAX) }],
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
  waited: [3, { news: bool }],
  done: [4, {}],
  "not-scheduler": [5, { leader: optional(nodeIdCodec) }],
  group: [7, { status: groupStatus }],
  blocks: [8, { here: array(bool, BLOCKS_ASKED_MAX) }],
  verified: [
    30,
    {
      last: optional(sha256Codec),
      blocks: natural,
      bytes: natural,
      damaged: array(sha256Codec, BLOCKS_ASKED_MAX),
    },
  ],
  standing: [10, { standing: optional(standing) }],
  dialable: [9, { yes: bool }],
  events: [20, { resync: bool, events: array(workflowEventCodec, ROWS_MAX), next: natural }],
  "tree-changes": [
    31,
    {
      resync: bool,
      changes: array(treeNews, TREE_ITEMS_MAX),
      next: natural,
      leaseMs: natural,
    },
  ],
  "run-references": [
    22,
    { scan: natural, runs: array(sha256Codec, RUNS_NAMED_MAX), after: optional(rowKey) },
  ],
  "held-rows": [
    40,
    {
      moment: natural,
      values: array(optional(rowCodec), ROWS_MAX),
      scanned: array(struct<ScannedRow>({ key: rowKey, row: rowCodec }), ROWS_MAX),
      more: bool,
    },
  ],
  collected: [23, { report: collectionReport }],
  shortages: [60, { volumes: array(shortage, SHORTAGES_MAX) }],
  output: [
    21,
    {
      state: enumeration<OutputState>({ running: 1, ended: 2, gone: 3 }),
      stdout: outputPart,
      stderr: outputPart,
    },
  ],
  error: [
    6,
    {
      code: text(CODE_LENGTH_MAX),
      message: text(ERROR_TEXT_LENGTH_MAX),
      details: record(text(DETAIL_LENGTH_MAX), plain(DETAIL_LENGTH_MAX), DETAILS_MAX),
    },
  ],
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
  clock: [9, { wallMs: natural }],
  "cluster-version": [65, { version: positive }],
});

/** A message as one frame of the control stream. For sending, `encodePeerFrames` keeps it in bounds. */
export const peerMessageFormat: Format<PeerMessage> = defineFormat({
  codec: peerMessageCodec,
  version: 1,
  bytesMax: FRAME_BYTES_MAX,
  sizeUnchecked: true,
});
