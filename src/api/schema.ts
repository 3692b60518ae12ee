/** JSON schemas of everything that comes from outside, with their limits. Nothing is coerced. */
import { DESCRIPTION_LENGTH_MAX, HANDLERS_MAX, WEIGHT_MAX } from "../workflow/definition.ts";
import { NAME_PATTERN } from "../workflow/names.ts";
import {
  ARGUMENTS_MAX,
  PAGE_MAX,
  SOURCE_LENGTH_MAX,
  TICKET_MS_MAX,
  TICKET_USES_MAX,
  TOKEN_NAME_LENGTH_MAX,
  TOKEN_WORKFLOWS_MAX,
} from "./limits.ts";
import { OBJECT_INPUT } from "./object-input.ts";

const NAME = { type: "string", pattern: NAME_PATTERN } as const;
/** Whole numbers in a query are text; their bounds are checked where they are read. */
const COUNT = { type: "string", pattern: "^[0-9]{1,9}$" } as const;
/** The same in a body: as text or as a number, both with the bounds of the text. */
const COUNT_OR_NUMBER = {
  type: ["string", "integer"],
  pattern: COUNT.pattern,
  minimum: 0,
  maximum: 999_999_999,
} as const;
const FLAG = { type: "string", enum: ["", "true", "false", "1", "0"] } as const;
/** Ids are made by the cluster; what they look like inside is its own affair. */
const ID = { type: "string", pattern: "^[A-Za-z0-9_.:~-]{1,256}$" } as const;

/** Numbers of revisions and events. */
const REVISION = { type: "string", pattern: "^[0-9]{1,15}$" } as const;

/** Bytes since the beginning of a stream. */
const PLACE = { type: "string", pattern: "^[0-9]{1,15}$" } as const;

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

/** Path of an attempt, by the name that lists of attempts give it while it runs. */
export const ATTEMPT_PARAMS = {
  type: "object",
  required: ["request", "attempt"],
  properties: { request: ID, attempt: ID },
} as const;

/** The same under a workflow. */
export const WORKFLOW_ATTEMPT_PARAMS = {
  type: "object",
  required: ["workflow", "request", "attempt"],
  properties: { workflow: NAME, request: ID, attempt: ID },
} as const;

const NUMBER = "(0|[1-9][0-9]{0,14})";

/** `text-2-1.r.0.12`, and for a reduction its part: `text-2-1.r.0.12~3`. */
const INVOCATION_ID = {
  type: "string",
  pattern: `^[A-Za-z_][A-Za-z0-9_.]{0,127}-${NUMBER}-${NUMBER}\\.r(\\.${NUMBER}){0,32}(~(0|[1-9][0-9]{0,3}))?$`,
} as const;

/** Path of an invocation. */
export const INVOCATION_PARAMS = {
  type: "object",
  required: ["request", "invocation"],
  properties: { request: ID, invocation: INVOCATION_ID },
} as const;

/** The same under a workflow. */
export const WORKFLOW_INVOCATION_PARAMS = {
  type: "object",
  required: ["workflow", "request", "invocation"],
  properties: { workflow: NAME, request: ID, invocation: INVOCATION_ID },
} as const;

/** Path of a request under its workflow. */
export const WORKFLOW_REQUEST_PARAMS = {
  type: "object",
  required: ["workflow", "request"],
  properties: { workflow: NAME, request: ID },
} as const;

/** Bytes of each stream of an output that the caller has. */
export const OUTPUT_QUERY = {
  type: "object",
  additionalProperties: false,
  properties: { stdout: PLACE, stderr: PLACE },
} as const;

/** Path of a step, job or handler. */
export const ENTITY_PARAMS = {
  type: "object",
  required: ["workflow", "name"],
  properties: { workflow: NAME, name: NAME },
} as const;

/** What a workflow file says of a step or job; the parser of workflow files reads it. */
export const ENTITY_BODY = { type: "object" } as const;

/** The same with the name. */
export const CREATE_ENTITY_BODY = {
  type: "object",
  required: ["name"],
  properties: { name: NAME },
} as const;

/** The revision that a change expects. */
export const REVISION_QUERY = {
  type: "object",
  additionalProperties: false,
  properties: { revision: REVISION },
} as const;

/** The same in the body of a change that has none else. */
export const REVISION_BODY = {
  type: ["object", "null"],
  additionalProperties: false,
  properties: { revision: { type: "integer", minimum: 0, maximum: 999_999_999_999_999 } },
} as const;

/**
 * The same as a header: a revision as an entity tag, or `*` for any. Weak tags are taken as well, against
 * the letter of RFC 9110 (13.1.1): that keeps them from guarding bytes, and what is guarded here is the
 * state, which a request's tag names exactly.
 */
export const MATCH_HEADERS = {
  type: "object",
  properties: { "if-match": { type: "string", pattern: '^(\\*|[0-9]{1,15}|(W/)?"[0-9]{1,15}")$' } },
} as const;

const WEIGHT = { type: "integer", minimum: 1, maximum: WEIGHT_MAX } as const;

/** A workflow to make. */
export const CREATE_WORKFLOW_BODY = {
  type: "object",
  additionalProperties: false,
  required: ["workflow"],
  properties: {
    workflow: NAME,
    description: { type: "string", maxLength: DESCRIPTION_LENGTH_MAX },
    weight: WEIGHT,
  },
} as const;

/** How to apply. */
export const APPLY_QUERY = {
  type: "object",
  additionalProperties: false,
  properties: { dryRun: FLAG, force: FLAG, revision: REVISION },
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
    retention: { type: ["object", "null"] },
    weight: WEIGHT,
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
          language: { type: "string", enum: ["javascript", "python", "executable", "container"] },
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

/** How blocks are collected. */
export const COLLECT_BODY = {
  type: ["object", "null"],
  additionalProperties: false,
  properties: { dryRun: { type: "boolean" } },
} as const;

/** Path of a ticket. */
export const TICKET_PARAMS = {
  type: "object",
  required: ["ticket"],
  properties: { ticket: ID },
} as const;

/** Path of a node: its name or id. */
export const NODE_PARAMS = {
  type: "object",
  required: ["node"],
  properties: { node: ID },
} as const;

/** Path of a leadership: a group by number or workflow, and a node. */
export const TRANSFER_PARAMS = {
  type: "object",
  required: ["group", "node"],
  properties: { group: ID, node: ID },
} as const;

/** A group. */
export const GROUP_PARAMS = {
  type: "object",
  required: ["group"],
  properties: { group: ID },
} as const;

/** Without it nothing is done: the answer says what would be lost. */
export const RECOVER_BODY = {
  type: ["object", "null"],
  additionalProperties: false,
  properties: { acceptLoss: { type: "boolean" } },
} as const;

/** A token to make. */
export const TOKEN_BODY = {
  type: "object",
  additionalProperties: false,
  required: ["role"],
  properties: {
    name: { type: "string", maxLength: TOKEN_NAME_LENGTH_MAX },
    role: { type: "string", enum: ["read", "submit", "admin"] },
    workflows: {
      type: ["array", "null"],
      minItems: 1,
      maxItems: TOKEN_WORKFLOWS_MAX,
      uniqueItems: true,
      items: NAME,
    },
  },
} as const;

/** Path of a token: the beginning of its hash, as lists show it. */
export const TOKEN_PARAMS = {
  type: "object",
  required: ["token"],
  properties: { token: { type: "string", pattern: "^[0-9a-f]{16}$" } },
} as const;

/**
 * A submission; `wait` is as in the query. Arguments are pairs, or an object with a member for each; checked after an object has
 * become pairs.
 */
export const SUBMIT_BODY = {
  type: "object",
  additionalProperties: false,
  anyOf: [{ required: ["arguments"] }, { required: ["input"] }],
  properties: {
    input: OBJECT_INPUT,
    arguments: {
      anyOf: [
        {
          type: "array",
          maxItems: ARGUMENTS_MAX,
          items: { type: "array", minItems: 2, maxItems: 2 },
        },
        { type: "object" },
      ],
    },
    keep: NAME,
    wait: COUNT_OR_NUMBER,
  },
} as const;

/** A submission of an old client. */
export const LEGACY_BODY = {
  type: "object",
  required: ["arguments"],
  properties: { arguments: SUBMIT_BODY.properties.arguments },
} as const;

/** Whether an old client waits. */
export const LEGACY_QUERY = {
  type: "object",
  additionalProperties: false,
  properties: { blocking: FLAG },
} as const;

/** Headers of a submission. */
export const SUBMIT_HEADERS = {
  type: "object",
  properties: { "idempotency-key": { type: "string", pattern: "^[\\x21-\\x7e]{1,128}$" } },
} as const;

/** The last event that somebody has seen. */
export const EVENT_QUERY = {
  type: "object",
  additionalProperties: false,
  properties: { after: REVISION },
} as const;

/** The same as browsers send it when they connect again. */
export const EVENT_HEADERS = {
  type: "object",
  properties: { "last-event-id": REVISION },
} as const;

/** Submitting and waiting. */
export const SUBMIT_QUERY = {
  type: "object",
  additionalProperties: false,
  properties: { wait: COUNT, result: FLAG, stale: FLAG },
} as const;

/** Waiting for a request. With `known=paused` a pause is no news to the caller, its end is. */
export const WAIT_QUERY = {
  ...SUBMIT_QUERY,
  properties: { ...SUBMIT_QUERY.properties, known: { type: "string", enum: ["paused"] } },
} as const;

/** A call that only reads; with `stale` this node's own copy, whose age is in `Jobx-Age-Ms`. */
export const READ_QUERY = {
  type: "object",
  additionalProperties: false,
  properties: { stale: FLAG },
} as const;

const MOMENT = { type: "string", maxLength: 64 } as const;
const STATE = "(queued|running|paused|succeeded|failed|cancelled)";

/** A page of requests; at most `PAGE_MAX`. States are separated by commas, times are ISO 8601. */
export const PAGE_QUERY = {
  type: "object",
  additionalProperties: false,
  properties: {
    limit: COUNT,
    before: ID,
    state: { type: "string", pattern: `^${STATE}(,${STATE}){0,5}$` },
    job: NAME,
    since: MOMENT,
    until: MOMENT,
    stale: FLAG,
  },
} as const;

const UNIT_STATE = "(waiting|running|done|failed|cancelled)";

/** A page of invocations; at most `PAGE_MAX`. States are separated by commas. */
export const INVOCATIONS_QUERY = {
  type: "object",
  additionalProperties: false,
  properties: {
    limit: COUNT,
    after: INVOCATION_ID,
    parent: INVOCATION_ID,
    step: NAME,
    state: { type: "string", pattern: `^${UNIT_STATE}(,${UNIT_STATE}){0,4}$` },
    stale: FLAG,
  },
} as const;

/** One invocation, perhaps with the pairs that it was given and has made. */
export const INVOCATION_QUERY = {
  type: "object",
  additionalProperties: false,
  properties: { input: FLAG, output: FLAG, stale: FLAG },
} as const;

/** A request to submit once more. */
export const RETRY_BODY = {
  type: ["object", "null"],
  additionalProperties: false,
  properties: { keep: NAME },
} as const;

/** A bounded list. */
export const LIMIT_QUERY = {
  type: "object",
  additionalProperties: false,
  properties: { limit: COUNT, stale: FLAG },
} as const;

/** Bounds of `limit` in a page. */
export const PAGE_BOUNDS = { min: 1, max: PAGE_MAX } as const;
