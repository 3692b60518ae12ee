/** What the API refuses by itself, and the codes that the cluster may answer through it. */
import { JobxError } from "../std/errors.ts";

/** Errors that this folder makes. */
export type ApiErrorDetails =
  | { readonly code: "API_INPUT_INVALID"; readonly path: string; readonly expected: string }
  | { readonly code: "API_JSON_INVALID"; readonly reason: string }
  | { readonly code: "API_BODY_TOO_LARGE"; readonly bytesMax: number }
  | { readonly code: "API_MEDIA_TYPE_UNKNOWN"; readonly expected: string }
  | { readonly code: "API_URL_INVALID" }
  | { readonly code: "API_ROUTE_UNKNOWN" }
  | { readonly code: "API_HTTP_INVALID"; readonly reason: string }
  | { readonly code: "API_RANGE_UNSATISFIABLE"; readonly bytes: number }
  | { readonly code: "API_TAR_INVALID"; readonly reason: string }
  | { readonly code: "API_TAR_ENTRY_REFUSED"; readonly path: string; readonly reason: string }
  | { readonly code: "API_HEADERS_TOO_LARGE"; readonly bytesMax: number }
  | { readonly code: "API_REQUEST_TOO_SLOW" }
  | { readonly code: "API_HOST_REFUSED"; readonly host: string }
  | { readonly code: "API_ORIGIN_REFUSED"; readonly origin: string }
  | { readonly code: "API_TOKEN_MISSING" }
  | { readonly code: "API_TOKEN_UNKNOWN" }
  | { readonly code: "API_ROLE_INSUFFICIENT"; readonly role: Role; readonly needed: Role }
  | { readonly code: "API_WORKFLOW_REFUSED"; readonly workflow: string | null }
  | { readonly code: "API_LEGACY_REFUSED" }
  | { readonly code: "API_BUSY"; readonly inFlightMax: number }
  | { readonly code: "API_BODIES_FULL"; readonly bytesMax: number }
  | { readonly code: "API_WAITS_FULL"; readonly waitsMax: number }
  | {
      readonly code: "API_OVERLOADED";
      readonly workflow: string;
      /** What `Retry-After` says, seconds. */
      readonly retryAfterS: number;
    }
  | { readonly code: "API_STOPPING" }
  | { readonly code: "API_CALLER_GONE" }
  | { readonly code: "API_REQUEST_UNANSWERED"; readonly request: string; readonly reason: string }
  | { readonly code: "API_LISTEN_FAILED"; readonly host: string; readonly port: number }
  | { readonly code: "API_INTERNAL" }
  | { readonly code: "HANDLER_VALUE_NOT_EXACT"; readonly path: string };

/** What a token allows; each role includes the ones before it. */
export type Role = "read" | "submit" | "admin";

/** Codes that come through `ClusterPort`; each needs a status, so a new one is added here first. */
export type ClusterErrorCode =
  | "DEADLINE_PASSED"
  | "COMMAND_NOT_ACCEPTED"
  | "COMMAND_OUTCOME_UNKNOWN"
  | "COMMAND_QUEUE_FULL"
  | "COMMAND_TOO_LARGE"
  | "SECRET_UNKNOWN"
  | "SECRET_TOO_LARGE"
  | "SECRETS_FULL"
  | "COMMAND_TOO_OLD"
  | "NO_MAJORITY"
  | "REPLICA_STOPPED"
  | "NODE_STOPPING"
  | "NODE_NOT_READY"
  | "IDEMPOTENCY_CONFLICT"
  | "DEFINITION_CHANGED"
  | "FS_NOT_FOUND"
  | "FS_EXISTS"
  | "FS_NOT_DIRECTORY"
  | "FS_IS_DIRECTORY"
  | "FS_NOT_FILE"
  | "COLLECTION_BUSY"
  | "COLLECTION_GONE"
  | "FS_READ_ONLY"
  | "FS_NOT_EMPTY"
  | "FS_QUOTA"
  | "FS_PIN_LAPSED"
  | "FS_VOLUME_IN_USE"
  | "FS_SEALING_DIFFERS"
  | "FS_STORED_OTHERWISE"
  | "FS_KEY_MISSING"
  | "FS_KEY_WRONG"
  | "FS_TOO_MANY_PINS"
  | "FS_NAME_INVALID"
  | "FS_NAME_TOO_LONG"
  | "FS_LOOP"
  | "FS_ATTEMPT_OVER"
  | "FS_TOO_MANY_LINKS"
  | "FS_CHANGED"
  | "FS_CONTENT_INVALID"
  | "FS_ATTRIBUTE_UNKNOWN"
  | "FS_ATTRIBUTES_FULL"
  | "TICKET_UNKNOWN"
  | "TICKET_TOO_MANY"
  | "WORKFLOW_TOO_MANY"
  | "NODE_UNKNOWN"
  | "NODE_NAME_SHARED"
  | "NODE_LAST"
  | "NODE_REMOVED"
  | "NODE_REMOVAL_UNSAFE"
  | "CLUSTER_VERSION_UNSUPPORTED"
  | "CLUSTER_VERSION_TOO_LOW"
  | "CLUSTER_RAISE_WAITS"
  | "GROUP_UNKNOWN"
  | "TRANSFER_REFUSED"
  | "RECOVERY_REFUSED"
  | "WORKFLOW_UNKNOWN"
  | "WORKFLOW_NOT_ACTIVE"
  | "WORKFLOW_DELETING"
  | "WORKFLOW_NO_REPLICAS"
  | "JOB_UNKNOWN"
  | "REQUEST_UNKNOWN"
  | "ATTEMPT_UNKNOWN"
  | "INVOCATION_UNKNOWN"
  | "REQUEST_NOT_PAUSED"
  | "REQUEST_NOT_ENDED"
  | "REQUEST_NAME_TAKEN"
  | "REQUEST_TOO_MANY"
  | "REQUEST_KEPT_TOO_MANY"
  | "RESULT_NOT_THERE"
  | "STEP_UNKNOWN"
  | "STEP_UNDEFINED"
  | "STEP_EXISTS"
  | "STEP_IN_USE"
  | "JOB_EXISTS"
  | "WORKFLOW_EXISTS"
  | "WORKFLOW_NAME_RESERVED"
  | "REVISION_CHANGED"
  | "HANDLER_UNKNOWN"
  | "HANDLER_UNDEFINED"
  | "HANDLER_IN_USE"
  | "HANDLER_WRONG_TYPE"
  | "HANDLER_CAPABILITY_MISMATCH"
  | "HANDLER_LANGUAGE_UNKNOWN"
  | "HANDLER_METADATA_INVALID"
  | "HANDLER_SOURCE_INVALID"
  | "HANDLER_SOURCE_MISSING"
  | "HANDLER_SOURCE_TOO_LARGE"
  | "HANDLER_WORKER_UNAVAILABLE"
  | "HANDLER_POOL_CLOSED"
  | "TOKEN_UNKNOWN"
  | "TOKEN_COPY_OLD"
  | "REPLICA_ELSEWHERE"
  | "TOKEN_LAST_ADMIN"
  | "TOKEN_TOO_MANY"
  | "RESULT_TOO_LARGE"
  | "FS_RECORD_TOO_LARGE"
  | "FS_DISK_FULL"
  | "FS_IO"
  | "FS_STOPPED"
  | "FS_BLOCK_MISSING"
  | "FS_BLOCK_LOST"
  | "FS_DIGEST_MISMATCH"
  | "FS_CAR_MALFORMED"
  | "FS_CAR_UNSUPPORTED"
  | "FS_CAR_DAMAGED"
  | "FS_NODE_MALFORMED"
  | "FS_NODE_MISSING"
  | "FS_NAME_REFUSED"
  | "FS_SYMLINK_REFUSED"
  | "FS_NAMES_COLLIDE"
  | "FS_TREE_CHANGED"
  | "FS_CAR_TOO_LARGE"
  | "FS_TREE_TOO_LARGE"
  | "FS_BLOCK_DAMAGED"
  | "FS_BLOCK_UNSEALED"
  | "FS_FETCH_DAMAGED"
  | "FS_RUN_MISMATCH"
  | "FS_RUN_NOT_SORTED"
  | "PAIRS_MALFORMED"
  | "RUN_MALFORMED"
  | "RUN_UNREACHABLE"
  | "RUN_NOT_SECURED"
  | "RUN_LOST"
  | "DATA_PLANE_CRASHED"
  | "DATA_PLANE_CLOSED"
  | "DATA_PLANE_UNSERVED";

/** Makes the error; a function, so that the union is checked where the code is written. */
export function apiError(
  details: ApiErrorDetails,
  message: string,
  options?: ErrorOptions,
): JobxError<ApiErrorDetails> {
  return new JobxError(details, message, options);
}

/** Whether something thrown is an operating error; narrows without losing the type of its details. */
export function isJobxError(thrown: unknown): thrown is JobxError {
  return thrown instanceof JobxError;
}
