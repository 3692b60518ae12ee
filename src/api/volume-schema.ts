/** What the routes of whole volumes take and answer. */
import { BOOLEAN, type JsonSchema, NATURAL, nullable, object, oneOf, TEXT } from "./json-schema.ts";
import { PATH_LENGTH_MAX, VOLUME_COPIES_MAX, VOLUME_VERSIONS_MAX } from "./limits.ts";
import type {
  CarImportAnswer,
  VolumeCopyAnswer,
  VolumeKeyView,
  VolumeView,
} from "./volume-port.ts";

const PATH = { type: "string", maxLength: PATH_LENGTH_MAX } as const;

function body(
  required: readonly string[],
  properties: Readonly<Record<string, JsonSchema>>,
): JsonSchema {
  return { type: "object", additionalProperties: false, required, properties };
}

export const COPY_BODY = body(["from", "to"], {
  ...{ from: PATH, to: PATH },
  ...{ recursive: BOOLEAN, exclusive: BOOLEAN, parents: BOOLEAN },
});

const COPIED = {
  ...{ path: TEXT, files: NATURAL, directories: NATURAL, links: NATURAL, bytes: NATURAL },
} as const;

export const COPY_ANSWER = object<VolumeCopyAnswer>("VolumeCopy", COPIED);

export const CAR_ANSWER = object<CarImportAnswer>("CarImport", {
  ...{ ...COPIED, cid: nullable(TEXT), copies: NATURAL, copiesWanted: NATURAL },
});

/** A size or count that numbers hold exactly. */
const SIZE = { type: "integer", minimum: 0, maximum: Number.MAX_SAFE_INTEGER } as const;

export const VOLUME_BODY = body([], {
  revision: SIZE,
  copies: { type: "integer", minimum: 1, maximum: VOLUME_COPIES_MAX },
  chunking: oneOf("fixed", "content-defined"),
  quotaBytes: nullable(SIZE),
  quotaFiles: nullable(SIZE),
  sealed: BOOLEAN,
  erasure: nullable({ type: "string", pattern: "^[0-9]{1,2}\\+[0-9]$" }),
  versions: { type: "integer", minimum: 0, maximum: VOLUME_VERSIONS_MAX },
  versionsMs: SIZE,
});

export const KEY_BODY = body(["key"], {
  key: { type: "string", pattern: "^[A-Za-z0-9_-]{43}$" },
});

export const VOLUME_KEY = object<VolumeKeyView>("VolumeKey", {
  ...{ workflow: TEXT, id: TEXT, key: TEXT },
});

export const KEY_RESTORED = object<{ nodes: unknown }>("VolumeKeyRestored", { nodes: NATURAL });

export const VOLUME = object<VolumeView>("Volume", {
  ...{ workflow: TEXT, revision: NATURAL, copies: NATURAL },
  chunking: oneOf("fixed", "content-defined"),
  ...{ quotaBytes: nullable(NATURAL), quotaFiles: nullable(NATURAL) },
  sealed: BOOLEAN,
  erasure: nullable(TEXT),
  ...{ versions: NATURAL, versionsMs: NATURAL },
  ...{ usedBytes: NATURAL, usedFiles: NATURAL },
});
