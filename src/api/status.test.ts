import { expect, test } from "vitest";
import { HTTP_STATUS, mayRetryLater, statusOf } from "./status.ts";

test("every code has a status of an error", () => {
  for (const [code, status] of Object.entries(HTTP_STATUS)) {
    expect([code, status >= 400 && status < 600]).toEqual([code, true]);
  }
});

test("a code without a row is this program's fault", () => {
  expect(statusOf("NEVER_HEARD_OF")).toBe(500);
  expect(statusOf("toString")).toBe(500);
});

test("only what may pass by itself is to be tried later", () => {
  const later = Object.entries(HTTP_STATUS).filter(([, status]) => mayRetryLater(status));
  expect(later.map(([code]) => code).sort()).toEqual([
    "API_BODIES_FULL",
    "API_BUSY",
    "API_OVERLOADED",
    "API_REQUEST_UNANSWERED",
    "API_STOPPING",
    "API_WAITS_FULL",
    "COLLECTION_BUSY",
    "COLLECTION_GONE",
    "COMMAND_NOT_ACCEPTED",
    "COMMAND_OUTCOME_UNKNOWN",
    "COMMAND_QUEUE_FULL",
    "DATA_PLANE_CLOSED",
    "DATA_PLANE_CRASHED",
    "DEADLINE_PASSED",
    "FS_BLOCK_MISSING",
    "FS_FETCH_DAMAGED",
    "FS_KEY_MISSING",
    "FS_STOPPED",
    "FS_TOO_MANY_PINS",
    "HANDLER_POOL_CLOSED",
    "HANDLER_WORKER_UNAVAILABLE",
    "NODE_NOT_READY",
    "NODE_STOPPING",
    "NO_MAJORITY",
    "REPLICA_STOPPED",
    "REQUEST_TOO_MANY",
    "RUN_NOT_SECURED",
    "RUN_UNREACHABLE",
    "TOKEN_COPY_OLD",
    "WORKFLOW_NO_REPLICAS",
  ]);
});
