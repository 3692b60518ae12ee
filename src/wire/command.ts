/** Entries of a workflow's log. Format `payload`, version 1. */
import { GRANT_CHILDREN_MAX } from "../scheduler/attempt-block.ts";
import {
  type AttemptEnd,
  type Command,
  type CommandId,
  ENDS_MAX,
  type Envelope,
  PAYLOAD_COMMANDS_MAX,
  type Payload,
  RETENTION_KEYS_MAX,
} from "../scheduler/commands.ts";
import { HANDLERS_MAX, JOBS_MAX, STEPS_MAX } from "../workflow/definition.ts";
import {
  CLIENT_KEY_LENGTH_MAX,
  ID_LENGTH_MAX,
  ROW_KEY_LENGTH_MAX,
  SOURCE_LENGTH_MAX,
} from "./bounds.ts";
import { bool, bytes, type Codec, enumeration, int, natural, text } from "./codec.ts";
import { array, optional, struct, union } from "./codec-shapes.ts";
import { datasetCodec, nodeIdCodec, sha256Codec } from "./dataset-codec.ts";
import {
  descriptionCodec,
  handlerDefinitionCodec,
  jobDefinitionCodec,
  retentionCodec,
  stepInputCodec,
  weightCodec,
} from "./definition-codec.ts";
import { ENTRY_DATA_BYTES_MAX } from "./entry.ts";
import { defineFormat, type Format } from "./frame.ts";
import { namedCommandVariants } from "./named.ts";
import { objectInputCodec } from "./objects.ts";
import { treeCommandVariants } from "./tree.ts";
import { attemptRunCodec, nameCodec, outcomeCodec, tokenCodec } from "./work-codec.ts";

const clientKey = text(CLIENT_KEY_LENGTH_MAX);
const rowKey = text(ROW_KEY_LENGTH_MAX);

/** Who asked. */
export const commandIdCodec: Codec<CommandId> = union<CommandId>({
  key: [1, { key: clientKey, bodyHash: clientKey }],
  entry: [2, { node: nodeIdCodec, boot: natural, sequence: natural }],
  none: [3, {}],
});

/** Bytes that a `noop` carries to measure with. */
const NOOP_BYTES_MAX = ENTRY_DATA_BYTES_MAX / 2;

const attemptEnd = struct<AttemptEnd>({
  token: tokenCodec,
  outcome: outcomeCodec,
  run: optional(attemptRunCodec),
});

type TakeBack = Extract<Command, { readonly kind: "take-back" }>;

const requestChange = { request: natural, revision: optional(natural) };

/** A command. */
export const commandCodec: Codec<Command> = union<Command>({
  create: [
    1,
    { group: natural, name: nameCodec, description: descriptionCodec, weight: weightCodec },
  ],
  source: [2, { version: sha256Codec, source: text(SOURCE_LENGTH_MAX) }],
  define: [
    3,
    {
      revision: natural,
      description: descriptionCodec,
      handlers: array(handlerDefinitionCodec, HANDLERS_MAX),
      steps: array(stepInputCodec, STEPS_MAX),
      jobs: array(jobDefinitionCodec, JOBS_MAX),
      retention: optional(retentionCodec),
      weight: weightCodec,
    },
  ],
  submit: [4, { job: nameCodec, arguments: datasetCodec, keep: optional(nameCodec) }],
  "submit-objects": [
    105,
    {
      job: nameCodec,
      arguments: datasetCodec,
      keep: optional(nameCodec),
      objects: objectInputCodec,
    },
  ],
  cancel: [5, requestChange],
  resume: [6, requestChange],
  noop: [7, { bytes: bytes(NOOP_BYTES_MAX) }],
  grant: [
    8,
    {
      queueKey: rowKey,
      child: natural,
      count: int(1, GRANT_CHILDREN_MAX),
      node: nodeIdCodec,
      executor: text(ID_LENGTH_MAX),
    },
  ],
  ends: [9, { ends: array(attemptEnd, ENDS_MAX) }],
  "take-back": [
    10,
    { token: tokenCodec, how: enumeration<TakeBack["how"]>({ lost: 1, released: 2 }) },
  ],
  due: [11, { delayedKey: rowKey }],
  "set-aside": [12, { key: rowKey }],
  unpark: [13, { key: rowKey }],
  close: [14, {}],
  retry: [20, { request: natural, keep: optional(nameCodec) }],
  remove: [21, { ...requestChange, expired: bool }],
  "remove-rows": [22, { request: natural, keys: array(rowKey, RETENTION_KEYS_MAX), last: bool }],
  "forget-keys": [23, { keys: array(rowKey, RETENTION_KEYS_MAX) }],
  ...namedCommandVariants,
  ...treeCommandVariants,
});

/** A command with who asked. */
export const envelopeCodec: Codec<Envelope> = struct<Envelope>({
  id: commandIdCodec,
  command: commandCodec,
});

/** One entry of a workflow's log. */
export const payloadCodec: Codec<Payload> = struct<Payload>({
  stampMs: natural,
  envelopes: array(envelopeCodec, PAYLOAD_COMMANDS_MAX),
});

/** One entry of a workflow's log as bytes. */
export const payloadFormat: Format<Payload> = defineFormat({
  codec: payloadCodec,
  version: 1,
  bytesMax: ENTRY_DATA_BYTES_MAX,
  kept: true,
  // Whoever proposes cuts what is above 1 MiB (R12).
  sizeUnchecked: true,
});
