/** Definitions of handlers, steps and jobs as they lie in commands and rows. */
import type { StepInput } from "../scheduler/commands.ts";
import type {
  FailurePolicy,
  HandlerDefinition,
  JobDefinition,
  Retention,
  StepDefinition,
} from "../scheduler/rows.ts";
import {
  DESCRIPTION_LENGTH_MAX,
  PARTITIONS_MAX,
  RETRIES_MAX,
  WEIGHT_MAX,
} from "../workflow/definition.ts";
import { type Codec, enumeration, int, natural, text } from "./codec.ts";
import { optional, struct } from "./codec-shapes.ts";
import { handlerRefCodec, nameCodec } from "./work-codec.ts";

/** A paragraph for people; wider than what users may write, which is checked where it comes in. */
export const descriptionCodec: Codec<string> = text(4 * DESCRIPTION_LENGTH_MAX);

/** What steps and handlers may leave to others. */
const tries = { retries: optional(int(0, RETRIES_MAX)), timeoutMs: optional(natural) } as const;

/** A handler with what it needs. */
export const handlerDefinitionCodec: Codec<HandlerDefinition> = struct<HandlerDefinition>({
  handler: handlerRefCodec,
  capability: nameCodec,
  ...tries,
  description: descriptionCodec,
});

const limits = {
  partitions: int(1, PARTITIONS_MAX),
  ...tries,
  onFailure: enumeration<FailurePolicy>({ fail: 1, skip: 2, pause: 3 }),
} as const;

/** A step with its handlers. */
export const stepDefinitionCodec: Codec<StepDefinition> = struct<StepDefinition>({
  name: nameCodec,
  description: descriptionCodec,
  mapper: handlerDefinitionCodec,
  combiner: optional(handlerDefinitionCodec),
  reducer: handlerDefinitionCodec,
  ...limits,
});

/** A step that names its handlers. */
export const stepInputCodec: Codec<StepInput> = struct<StepInput>({
  name: nameCodec,
  description: descriptionCodec,
  map: nameCodec,
  combine: optional(nameCodec),
  reduce: nameCodec,
  ...limits,
});

/** A job. */
export const jobDefinitionCodec: Codec<JobDefinition> = struct<JobDefinition>({
  name: nameCodec,
  step: nameCodec,
  description: descriptionCodec,
});

/** R20: of a workflow's units against those of others. */
export const weightCodec: Codec<number> = int(1, WEIGHT_MAX);

/** When finished requests are removed. */
export const retentionCodec: Codec<Retention> = struct<Retention>({
  ageMs: natural,
  bytes: natural,
});
