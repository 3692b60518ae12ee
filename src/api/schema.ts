/** JSON schemas of everything that comes from outside, with their limits. Nothing is coerced. */
import { HANDLERS_MAX } from "../workflow/definition.ts";
import { NAME_PATTERN } from "../workflow/names.ts";
import {
  ARGUMENTS_MAX,
  PAGE_MAX,
  SOURCE_LENGTH_MAX,
  TICKET_MS_MAX,
  TICKET_USES_MAX,
} from "./limits.ts";

const NAME = { type: "string", pattern: NAME_PATTERN } as const;
/** Whole numbers in a query are text; their bounds are checked where they are read. */
const COUNT = { type: "string", pattern: "^[0-9]{1,9}$" } as const;
const FLAG = { type: "string", enum: ["", "true", "false", "1", "0"] } as const;
/** Ids are made by the cluster; what they look like inside is its own affair. */
const ID = { type: "string", pattern: "^[A-Za-z0-9_.:~-]{1,256}$" } as const;

/** Path of a workflow. */
export const WORKFLOW_PARAMS = {
  type: "object",
  required: ["workflow"],
  properties: { workflow: NAME },
} as const;

/** Path of a job. */
export const JOB_PARAMS = {
  type: "object",
  required: ["workflow", "job"],
  properties: { workflow: NAME, job: NAME },
} as const;

/** Path of a request. */
export const REQUEST_PARAMS = {
  type: "object",
  required: ["request"],
  properties: { request: ID },
} as const;

/** How to apply. */
export const APPLY_QUERY = {
  type: "object",
  additionalProperties: false,
  properties: { dryRun: FLAG, force: FLAG },
} as const;

/** A workflow: `steps` and `jobs` as in the file, read by the same parser; `handlers` with their sources. */
export const APPLY_BODY = {
  type: "object",
  additionalProperties: false,
  properties: {
    workflow: NAME,
    description: { type: "string" },
    steps: { type: "object" },
    jobs: { type: "object" },
    handlers: {
      type: "array",
      maxItems: HANDLERS_MAX,
      items: {
        type: "object",
        additionalProperties: false,
        required: ["name", "path", "language", "source"],
        properties: {
          name: { type: "string", maxLength: 4096 },
          path: { type: "string", minLength: 1, maxLength: 4096 },
          language: { type: "string", enum: ["javascript", "python"] },
          source: { type: "string", maxLength: SOURCE_LENGTH_MAX },
        },
      },
    },
  },
} as const;

/** A ticket. */
export const TICKET_BODY = {
  type: ["object", "null"],
  additionalProperties: false,
  properties: {
    expiresMs: { type: "integer", minimum: 1000, maximum: TICKET_MS_MAX },
    uses: { type: "integer", minimum: 1, maximum: TICKET_USES_MAX },
  },
} as const;

/** A submission, after its arguments have become pairs. */
export const SUBMIT_BODY = {
  type: "object",
  additionalProperties: false,
  required: ["arguments"],
  properties: {
    arguments: {
      type: "array",
      maxItems: ARGUMENTS_MAX,
      items: { type: "array", minItems: 2, maxItems: 2 },
    },
  },
} as const;

/** Headers of a submission. */
export const SUBMIT_HEADERS = {
  type: "object",
  properties: { "idempotency-key": { type: "string", pattern: "^[\\x21-\\x7e]{1,128}$" } },
} as const;

/** Waiting for a request. */
export const WAIT_QUERY = {
  type: "object",
  additionalProperties: false,
  properties: { wait: COUNT, result: FLAG },
} as const;

/** A page of requests; at most `PAGE_MAX`. */
export const PAGE_QUERY = {
  type: "object",
  additionalProperties: false,
  properties: { limit: COUNT, before: ID },
} as const;

/** A bounded list. */
export const LIMIT_QUERY = {
  type: "object",
  additionalProperties: false,
  properties: { limit: COUNT },
} as const;

/** Bounds of `limit` in a page. */
export const PAGE_BOUNDS = { min: 1, max: PAGE_MAX } as const;
