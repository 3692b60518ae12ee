/** What the routes of snapshots take and answer. */
import {
  BOOLEAN,
  type JsonSchema,
  list,
  NATURAL,
  nullable,
  object,
  TEXT,
  TIME,
} from "./json-schema.ts";
import { PATH_LENGTH_MAX, SNAPSHOT_LENGTH_MAX } from "./limits.ts";
import { WORKFLOW_PARAMS } from "./schema.ts";
import type { HistoryView, SnapshotList, SnapshotView, VersionView } from "./snapshot-port.ts";

const PATH = { type: "string", maxLength: PATH_LENGTH_MAX } as const;

/** Its name or its CID. What a new name has to look like the volume says. */
const SNAPSHOT_TEXT = { type: "string", minLength: 1, maxLength: SNAPSHOT_LENGTH_MAX } as const;

function body(
  required: readonly string[],
  properties: Readonly<Record<string, JsonSchema>>,
): JsonSchema {
  return { type: "object", additionalProperties: false, required, properties };
}

export const SNAPSHOT_PARAMS = {
  type: "object",
  required: ["workflow", "snapshot"],
  properties: { ...WORKFLOW_PARAMS.properties, snapshot: SNAPSHOT_TEXT },
} as const;

export const SNAPSHOT_BODY = body(["path"], { path: PATH, name: SNAPSHOT_TEXT });

export const RESTORE_BODY = body(["path", "to"], {
  ...{ snapshot: SNAPSHOT_TEXT, path: PATH, to: PATH, replace: BOOLEAN },
  version: { type: "integer", minimum: 0, maximum: Number.MAX_SAFE_INTEGER },
});

export const HISTORY = object<HistoryView>("History", {
  path: TEXT,
  versions: list(
    object<VersionView>("FileVersion", {
      ...{ version: NATURAL, kept: TIME, bytes: NATURAL, cid: nullable(TEXT) },
      ...{ mode: NATURAL, mtime: TIME },
    }),
  ),
});

/** A page of snapshots. */
export const SNAPSHOTS_QUERY = {
  type: "object",
  additionalProperties: false,
  properties: { limit: { type: "string", pattern: "^[0-9]{1,6}$" }, after: SNAPSHOT_TEXT },
} as const;

export const SNAPSHOT = object<SnapshotView>("Snapshot", {
  ...{ name: TEXT, path: TEXT, cid: TEXT, taken: TIME },
  ...{ files: NATURAL, directories: NATURAL, links: NATURAL, bytes: NATURAL },
});

export const SNAPSHOT_LIST = object<SnapshotList>("SnapshotList", {
  snapshots: list(SNAPSHOT),
  next: nullable(TEXT),
});
