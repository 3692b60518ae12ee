/** Schemas of invocations. Their type arguments are the types of `invocation-view.ts`. */
import type {
  DatasetView,
  HandlerUsed,
  InvocationList,
  InvocationSummary,
  InvocationView,
  PieceView,
} from "./invocation-view.ts";
import {
  BOOLEAN,
  type JsonSchema,
  list,
  NATURAL,
  nullable,
  object,
  oneOf,
  TEXT,
  TIME,
} from "./json-schema.ts";
import { ATTEMPT_ERROR, PAIR } from "./view-schema.ts";

const SUMMARY_FIELDS = {
  invocation: TEXT,
  phase: oneOf("map", "reduce"),
  part: nullable(NATURAL),
  step: TEXT,
  handlers: list(
    object<HandlerUsed>("HandlerUsed", {
      type: oneOf("mapper", "combiner", "reducer"),
      name: TEXT,
      version: TEXT,
    }),
  ),
  parent: nullable(TEXT),
  children: NATURAL,
  state: oneOf("waiting", "running", "done", "failed", "cancelled"),
  attempts: nullable(NATURAL),
  node: nullable(TEXT),
  nodeName: nullable(TEXT),
  createdAt: nullable(TIME),
  grantedAt: nullable(TIME),
  startedAt: nullable(TIME),
  endedAt: nullable(TIME),
  errorCode: nullable(TEXT),
} as const satisfies { readonly [K in keyof InvocationSummary]-?: JsonSchema };

/** A page of invocations. */
export const INVOCATION_LIST = object<InvocationList>("Invocations", {
  invocations: list(object<InvocationSummary>("InvocationSummary", SUMMARY_FIELDS)),
  next: nullable(TEXT),
});

const DATASET = object<DatasetView>("Dataset", {
  pairs: NATURAL,
  bytes: nullable(NATURAL),
  pieces: list(
    object<PieceView>("Piece", {
      stored: oneOf("inline", "run"),
      pairs: NATURAL,
      first: NATURAL,
      bytes: NATURAL,
      hash: TEXT,
      holders: list(TEXT),
    }),
  ),
  truncated: BOOLEAN,
  content: nullable(list(PAIR)),
});

/** One invocation. */
export const INVOCATION = object<InvocationView>("Invocation", {
  ...SUMMARY_FIELDS,
  request: TEXT,
  workflow: TEXT,
  key: nullable(TEXT),
  input: nullable(DATASET),
  output: nullable(DATASET),
  error: nullable(ATTEMPT_ERROR),
});
