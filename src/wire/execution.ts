/** What executors and schedulers say to each other. Part of the protocol `peer`. */
import { GRANT_CHILDREN_MAX } from "../scheduler/attempt-block.ts";
import type {
  ExecutorMessage,
  Grant,
  GrantInputs,
  SchedulerMessage,
  ToldEnd,
} from "../scheduler/protocol.ts";
import {
  CAPABILITIES_MAX,
  ID_LENGTH_MAX,
  ROW_KEY_LENGTH_MAX,
  TOKENS_MAX,
  UNIT_ID_LENGTH_MAX,
} from "./bounds.ts";
import { bool, type Codec, int, natural, text } from "./codec.ts";
import { array, optional, struct, union } from "./codec-shapes.ts";
import { nodeIdCodec } from "./dataset-codec.ts";
import { weightCodec } from "./definition-codec.ts";
import {
  attemptRunCodec,
  nameCodec,
  outcomeCodec,
  pathCodec,
  tokenCodec,
  workCodec,
} from "./work-codec.ts";

const tokens = array(tokenCodec, TOKENS_MAX);
const unitId = text(UNIT_ID_LENGTH_MAX);
const executor = text(ID_LENGTH_MAX);

const grantInputs = union<GrantInputs>({
  none: [1, {}],
  invocation: [2, { key: text(ROW_KEY_LENGTH_MAX) }],
  children: [3, { request: natural, path: pathCodec }],
  part: [4, { request: natural, path: pathCodec, part: natural }],
});

const grant = struct<Grant>({
  token: tokenCodec,
  count: int(1, GRANT_CHILDREN_MAX),
  request: unitId,
  invocation: unitId,
  step: nameCodec,
  inputs: grantInputs,
  work: workCodec,
});

const toldEnd = struct<ToldEnd>({
  token: tokenCodec,
  outcome: outcomeCodec,
  run: optional(attemptRunCodec),
  ranMicros: natural,
});

/** From an executor to a scheduler. */
export const executorMessageCodec: Codec<ExecutorMessage> = union<ExecutorMessage>({
  beat: [
    1,
    {
      group: natural,
      executor,
      sequence: natural,
      capabilities: array(nameCodec, CAPABILITIES_MAX),
      slots: natural,
      prefetchMs: natural,
      aheadMs: natural,
      limit: natural,
      holding: tokens,
      leaving: bool,
    },
  ],
  ended: [2, { group: natural, executor, ends: array(toldEnd, TOKENS_MAX) }],
});

const scheduler = { group: natural, term: natural } as const;
const demand = { ready: natural, weight: weightCodec, heard: natural, held: natural } as const;

/** From a scheduler to an executor. */
export const schedulerMessageCodec: Codec<SchedulerMessage> = union<SchedulerMessage>({
  demand: [1, { ...scheduler, ...demand }],
  grants: [2, { ...scheduler, executor, grants: array(grant, TOKENS_MAX) }],
  settled: [3, { ...scheduler, tokens, ...demand }],
  cancel: [4, { ...scheduler, tokens }],
  "not-scheduler": [5, { group: natural, leader: optional(nodeIdCodec) }],
});
