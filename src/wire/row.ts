/** Rows of a workflow's replicated state. Format `row`, version 1. */
import { allOpen, GRANT_CHILDREN_MAX } from "../scheduler/attempt-block.ts";
import { ANSWER_BLOCK } from "../scheduler/commands.ts";
import { BLOCK_CHILDREN } from "../scheduler/keys.ts";
import { WAITING_MAX } from "../scheduler/remake.ts";
import type {
  Answer,
  AnswerBlockRow,
  AnswerWindowRow,
  BadEndCounts,
  FailedPart,
  Failure,
  HistoryRow,
  InvocationRow,
  KeyedAnswerRow,
  PlanRevisions,
  QueueRow,
  RequestState,
  Row,
  StepCount,
  Stretch,
  StretchChild,
} from "../scheduler/rows.ts";
import { LOST_RUNS_MAX } from "../scheduler/work.ts";
import { HANDLERS_MAX, JOBS_MAX, PARTITIONS_MAX, STEPS_MAX } from "../workflow/definition.ts";
import {
  CLIENT_KEY_LENGTH_MAX,
  CODE_LENGTH_MAX,
  ERROR_TEXT_LENGTH_MAX,
  ID_LENGTH_MAX,
  ROW_KEY_LENGTH_MAX,
  SOURCE_LENGTH_MAX,
} from "./bounds.ts";
import { bool, type Codec, enumeration, int, natural, text } from "./codec.ts";
import { array, optional, struct, trailing, union, type Variants } from "./codec-shapes.ts";
import { datasetCodec, nodeIdCodec } from "./dataset-codec.ts";
import {
  descriptionCodec,
  handlerDefinitionCodec,
  jobDefinitionCodec,
  retentionCodec,
  stepDefinitionCodec,
  weightCodec,
} from "./definition-codec.ts";
import { defineFormat, type Format, FRAME_BYTES_MAX } from "./frame.ts";
import { namedRowVariants } from "./named.ts";
import { listingCodec, objectInputCodec } from "./objects.ts";
import { treeRowVariants } from "./tree.ts";
import {
  enforcedLimitsCodec,
  nameCodec,
  pathCodec,
  printedCodec,
  tokenCodec,
  unitRefCodec,
  warningsCodec,
  workErrorCodec,
  workerExitCodec,
} from "./work-codec.ts";

/** The answer to a command. */
export const answerCodec: Codec<Answer> = union<Answer>({
  ok: [1, {}],
  request: [2, { request: natural, repeated: bool }],
  revision: [3, { revision: natural }],
  changed: [5, { count: natural }],
  inode: [6, { inode: natural, revision: natural }],
  refused: [4, { code: text(CODE_LENGTH_MAX), message: text(ERROR_TEXT_LENGTH_MAX) }],
});

/** Rows that remember answers, in every group's state; their tags are 14 to 16 everywhere. */
export const memoryVariants: Variants<AnswerBlockRow | AnswerWindowRow | KeyedAnswerRow> = {
  "answer-block": [14, { answers: array(optional(answerCodec), ANSWER_BLOCK) }],
  "answer-window": [15, { boot: natural, firstBlock: natural, lastBlock: natural }],
  keyed: [16, { bodyHash: text(CLIENT_KEY_LENGTH_MAX), answer: answerCodec, stampMs: natural }],
};

const queueVariants: Variants<QueueRow> = {
  "queue-range": [
    8,
    { request: natural, path: pathCodec, step: nameCodec, next: natural, end: natural },
  ],
  "queue-unit": [9, { unit: unitRefCodec, step: nameCodec, failures: natural, losses: natural }],
};

const failure = struct<Failure>({ error: workErrorCodec, unit: optional(unitRefCodec) });

const stepCount = struct<StepCount>({
  step: nameCodec,
  total: natural,
  done: natural,
  failed: natural,
});

/** Invocations of each step. */
export const stepCountsCodec: Codec<readonly StepCount[]> = array(stepCount, STEPS_MAX);

/** Where a request stands. */
export const requestStateCodec: Codec<RequestState> = enumeration<RequestState>({
  queued: 1,
  running: 2,
  paused: 3,
  succeeded: 4,
  failed: 5,
  cancelled: 6,
});

const times = { grantedMs: natural, startedMs: optional(natural), endedMs: natural } as const;

const stretchChild = struct<StretchChild>({
  data: optional(datasetCodec),
  startedAfterMs: optional(natural),
  endedAfterMs: natural,
});

const stretch = struct<Stretch>({
  first: natural,
  children: array(stretchChild, BLOCK_CHILDREN),
  failureCode: optional(text(CODE_LENGTH_MAX)),
  attempts: natural,
  node: nodeIdCodec,
  grantedMs: natural,
});

const failedPart = struct<FailedPart>({
  part: natural,
  code: text(CODE_LENGTH_MAX),
  attempts: natural,
});

/** Any row. */
export const rowCodec: Codec<Row> = union<Row>({
  meta: [
    1,
    {
      group: natural,
      name: nameCodec,
      description: descriptionCodec,
      nextRequest: natural,
      newestMs: natural,
      plan: natural,
      retention: optional(retentionCodec),
      weight: weightCodec,
    },
  ],
  source: [2, { source: text(SOURCE_LENGTH_MAX) }],
  plan: [
    3,
    {
      handlers: array(handlerDefinitionCodec, HANDLERS_MAX),
      steps: array(stepDefinitionCodec, STEPS_MAX),
      jobs: array(jobDefinitionCodec, JOBS_MAX),
      revisions: struct<PlanRevisions>({
        handlers: array(natural, HANDLERS_MAX),
        steps: array(natural, STEPS_MAX),
        jobs: array(natural, JOBS_MAX),
      }),
    },
  ],
  request: [
    4,
    {
      job: nameCodec,
      initialStep: nameCodec,
      plan: natural,
      state: requestStateCodec,
      revision: natural,
      submittedMs: natural,
      endedMs: optional(natural),
      arguments: datasetCodec,
      result: optional(datasetCodec),
      failure: optional(failure),
      steps: stepCountsCodec,
      warnings: warningsCodec,
      badEnds: struct<BadEndCounts>({ final: natural, retried: natural, released: natural }),
      printedCount: natural,
      keptAs: optional(nameCodec),
      retryOf: optional(natural),
      objects: trailing(objectInputCodec),
    },
  ],
  invocation: [
    5,
    {
      step: nameCodec,
      state: enumeration<InvocationRow["state"]>({ children: 1, reducing: 2, done: 3 }),
      childStep: optional(nameCodec),
      data: datasetCodec,
      childCount: natural,
      childDone: natural,
      session: datasetCodec,
      reduceCount: int(0, PARTITIONS_MAX),
      reduceDone: int(0, PARTITIONS_MAX),
      failedPart: optional(failedPart),
      listing: trailing(listingCodec),
    },
  ],
  segment: [105, { data: datasetCodec }],
  block: [6, { stretches: array(stretch, BLOCK_CHILDREN) }],
  result: [7, { data: datasetCodec }],
  void: [27, {}],
  ...queueVariants,
  delayed: [10, { unit: unitRefCodec, step: nameCodec, failures: natural, losses: natural }],
  parked: [11, { row: union<QueueRow>(queueVariants) }],
  attempt: [
    12,
    {
      unit: unitRefCodec,
      open: int(1, allOpen(GRANT_CHILDREN_MAX)),
      step: nameCodec,
      node: nodeIdCodec,
      executor: text(ID_LENGTH_MAX),
      failures: natural,
      losses: natural,
      grantedMs: natural,
    },
  ],
  history: [
    13,
    {
      token: tokenCodec,
      unit: unitRefCodec,
      step: nameCodec,
      node: nodeIdCodec,
      how: enumeration<HistoryRow["how"]>({ done: 1, failed: 2, lost: 3, released: 4 }),
      ...times,
      attempts: natural,
      error: optional(workErrorCodec),
      exit: optional(workerExitCodec),
      limits: enforcedLimitsCodec,
    },
  ],
  printed: [
    23,
    {
      unit: unitRefCodec,
      step: nameCodec,
      node: nodeIdCodec,
      ...times,
      printed: printedCodec,
    },
  ],
  ...memoryVariants,
  ended: [17, { bytes: natural }],
  kept: [18, { request: natural }],
  removal: [19, {}],
  retained: [20, { count: natural, bytes: natural, open: natural, kept: natural }],
  pins: [21, { count: natural }],
  expiry: [22, {}],
  ...namedRowVariants,
  closed: [28, {}],
  remake: [
    60,
    {
      tries: natural,
      open: bool,
      endedMs: natural,
      waiting: array(text(ROW_KEY_LENGTH_MAX), WAITING_MAX),
    },
  ],
  starved: [61, { delayed: text(ROW_KEY_LENGTH_MAX), left: int(1, LOST_RUNS_MAX) }],
  ...treeRowVariants,
});

const eachRow: Format<Row> = defineFormat({
  codec: rowCodec,
  version: 1,
  bytesMax: FRAME_BYTES_MAX,
  kept: true,
});

/** All rows of this kind are equal, and half of what is written about named units is such rows. */
const namedIndex = eachRow.encode({ kind: "named-index" });

/** A row as bytes, which nobody may change. Equal rows have equal bytes, which the state's hash relies on (R10). */
export const rowFormat: Format<Row> = {
  ...eachRow,
  encode: (row) => (row.kind === "named-index" ? namedIndex : eachRow.encode(row)),
};
