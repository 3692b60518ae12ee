/** Which HTTP status an error code has. A code without a row does not compile. */
import type { WorkflowErrorDetails } from "../workflow/errors.ts";
import type { ApiErrorDetails, ClusterErrorCode } from "./errors.ts";

type Code = ApiErrorDetails["code"] | WorkflowErrorDetails["code"] | ClusterErrorCode;

/** 429 and 503 are answered with `Retry-After`; so is 504, whose outcome is not known. */
export const HTTP_STATUS = {
  API_INPUT_INVALID: 400,
  API_JSON_INVALID: 400,
  API_URL_INVALID: 400,
  API_HTTP_INVALID: 400,
  API_TOKEN_MISSING: 401,
  API_TOKEN_UNKNOWN: 401,
  API_HOST_REFUSED: 403,
  API_ORIGIN_REFUSED: 403,
  API_ROLE_INSUFFICIENT: 403,
  API_WORKFLOW_REFUSED: 403,
  API_LEGACY_REFUSED: 403,
  API_ROUTE_UNKNOWN: 404,
  API_REQUEST_TOO_SLOW: 408,
  API_BODY_TOO_LARGE: 413,
  API_MEDIA_TYPE_UNKNOWN: 415,
  API_HEADERS_TOO_LARGE: 431,
  // Nobody reads it; common proxies log this number for the same thing.
  API_CALLER_GONE: 499,
  API_INTERNAL: 500,
  API_LISTEN_FAILED: 500,
  API_BUSY: 503,
  API_STOPPING: 503,

  HANDLER_VALUE_NOT_EXACT: 400,
  WORKFLOW_INVALID: 400,
  WORKFLOW_KEY_UNKNOWN: 400,
  WORKFLOW_NAME_INVALID: 400,
  WORKFLOW_STEP_UNDEFINED: 400,
  WORKFLOW_HANDLERS_SAME: 400,
  WORKFLOW_TOO_LARGE: 400,
  HANDLER_NAME_INVALID: 400,
  HANDLER_NAME_DUPLICATE: 400,
  HANDLER_TOO_MANY: 400,

  WORKFLOW_UNKNOWN: 404,
  JOB_UNKNOWN: 404,
  STEP_UNKNOWN: 404,
  HANDLER_UNKNOWN: 404,
  REQUEST_UNKNOWN: 404,
  TOKEN_UNKNOWN: 404,
  TOKEN_LAST_ADMIN: 409,
  TOKEN_TOO_MANY: 409,
  IDEMPOTENCY_CONFLICT: 409,
  WORKFLOW_EXISTS: 409,
  STEP_EXISTS: 409,
  JOB_EXISTS: 409,
  STEP_IN_USE: 409,
  HANDLER_IN_USE: 409,
  REVISION_CHANGED: 412,
  DEFINITION_CHANGED: 409,
  COMMAND_TOO_OLD: 409,
  WORKFLOW_NOT_ACTIVE: 409,
  REQUEST_NOT_PAUSED: 409,
  REQUEST_NOT_ENDED: 409,
  REQUEST_NAME_TAKEN: 409,
  RESULT_NOT_THERE: 409,
  COMMAND_TOO_LARGE: 413,
  RESULT_TOO_LARGE: 413,
  FS_RECORD_TOO_LARGE: 413,
  // Named inside a definition, not in the URL: the definition is wrong.
  STEP_UNDEFINED: 422,
  HANDLER_UNDEFINED: 422,
  HANDLER_WRONG_TYPE: 422,
  HANDLER_CAPABILITY_MISMATCH: 422,
  HANDLER_LANGUAGE_UNKNOWN: 422,
  HANDLER_METADATA_INVALID: 422,
  HANDLER_SOURCE_INVALID: 422,
  HANDLER_SOURCE_MISSING: 422,
  HANDLER_SOURCE_TOO_LARGE: 422,
  COMMAND_QUEUE_FULL: 429,
  COMMAND_NOT_ACCEPTED: 503,
  NO_MAJORITY: 503,
  REPLICA_STOPPED: 503,
  NODE_STOPPING: 503,
  NODE_NOT_READY: 503,
  WORKFLOW_NO_REPLICAS: 503,
  HANDLER_WORKER_UNAVAILABLE: 503,
  HANDLER_POOL_CLOSED: 503,
  DATA_PLANE_CRASHED: 503,
  DATA_PLANE_CLOSED: 503,
  FS_STOPPED: 503,
  // Whoever holds the block may be back soon.
  FS_BLOCK_MISSING: 503,
  FS_FETCH_DAMAGED: 503,
  COMMAND_OUTCOME_UNKNOWN: 504,
  // This node's disk or its content; another try here meets the same.
  FS_IO: 500,
  FS_BLOCK_DAMAGED: 500,
  FS_RUN_MISMATCH: 500,
  FS_RUN_NOT_SORTED: 500,
  PAIRS_MALFORMED: 500,
  RUN_MALFORMED: 500,
  DATA_PLANE_UNSERVED: 500,
  FS_DISK_FULL: 507,
} as const satisfies Record<Code, number>;

const STATUS_OF: ReadonlyMap<string, number> = new Map(Object.entries(HTTP_STATUS));

/** Status of a code; 500 for one that was never meant to reach a caller. */
export function statusOf(code: string): number {
  return STATUS_OF.get(code) ?? 500;
}

/** Whether the caller is told when to come back. */
export function mayRetryLater(status: number): boolean {
  return status === 429 || status === 503 || status === 504;
}
