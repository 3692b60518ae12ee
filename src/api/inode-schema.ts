/** What the routes of inodes take and answer. */
import type {
  BlockView,
  InodeAttribute,
  InodeChange,
  InodeCommitted,
  InodeList,
  InodeView,
  OpenInode,
  VolumeChanges,
  VolumeUse,
} from "./inode-port.ts";
import {
  BOOLEAN,
  type JsonSchema,
  list,
  NATURAL,
  nullable,
  object,
  oneOf,
  TEXT,
} from "./json-schema.ts";
import { INODES_RESERVED_MAX, PATH_LENGTH_MAX } from "./limits.ts";
import { MOUNT_NAME } from "./mount-name.ts";
import type { NearPlace } from "./near.ts";

const NAME = { type: "string", maxLength: PATH_LENGTH_MAX } as const;
const NUMBER = { type: "string", pattern: "^[0-9]{1,16}$" } as const;
const INODE = { type: "integer", minimum: 1, maximum: Number.MAX_SAFE_INTEGER } as const;
const MODE = { type: "integer", minimum: 0, maximum: 0o7777 } as const;
const MICROS = {
  type: "integer",
  minimum: Number.MIN_SAFE_INTEGER,
  maximum: Number.MAX_SAFE_INTEGER,
} as const;
const FLAG = { type: "string", enum: ["", "true", "false", "1", "0"] } as const;

function members(
  required: readonly string[],
  properties: Readonly<Record<string, JsonSchema>>,
): JsonSchema {
  return { type: "object", additionalProperties: false, required, properties };
}

export const LOOK_QUERY = members(["inode"], { inode: NUMBER, name: NAME });
export const INODE_QUERY = members(["inode"], { inode: NUMBER });
export const INODE_LIST_QUERY = members(["inode"], {
  ...{ inode: NUMBER, after: NAME },
  limit: { type: "string", pattern: "^[0-9]{1,6}$" },
});
export const OPEN_QUERY = members(["inode"], { inode: NUMBER, parent: NUMBER, name: NAME });
export const BLOCKS_QUERY = members(["list", "part"], { list: NUMBER, part: NUMBER });
export const BLOCK_QUERY = members(["cid", "bytes"], {
  cid: { type: "string", pattern: "^[0-9a-f]{64}$" },
  plain: { type: "string", pattern: "^[0-9a-f]{64}$" },
  bytes: { type: "string", pattern: "^[0-9]{1,7}$" },
});
export const COMMIT_QUERY = members(["inode"], {
  ...{ inode: NUMBER, parent: NUMBER, name: NAME, exclusive: FLAG },
  mode: { type: "string", pattern: "^[0-7]{1,4}$" },
  mtimeMicros: { type: "string", pattern: "^-?[0-9]{1,16}$" },
  ...{ staged: NAME, bytes: NUMBER, upload: NAME },
});
export const PIECES_QUERY = members(["upload", "at", "bytes"], {
  ...{ upload: NAME, at: NUMBER, bytes: NUMBER, staged: NAME, from: NUMBER, files: NAME },
});
export const UPLOAD_BODY = members(["upload"], { upload: NAME });
export const UPLOAD_BEGUN = members(["upload"], { upload: nullable(TEXT) });
export const NOTHING = members([], {});

const AT = { parent: INODE, name: NAME } as const;

export const INODE_RESERVE_BODY = members(["count"], {
  count: { type: "integer", minimum: 1, maximum: INODES_RESERVED_MAX },
});
export const INODE_MKDIR_BODY = members(["parent", "name", "mode"], { ...AT, mode: MODE });
export const INODE_SYMLINK_BODY = members(["parent", "name", "target"], { ...AT, target: NAME });
export const INODE_LINK_BODY = members(["parent", "name", "inode"], { ...AT, inode: INODE });
export const INODE_UNLINK_BODY = members(["parent", "name", "folder"], {
  ...AT,
  folder: { type: "boolean" },
});
export const INODE_RENAME_BODY = members(["parent", "name", "toParent", "toName", "exclusive"], {
  ...AT,
  ...{ toParent: INODE, toName: NAME, exclusive: { type: "boolean" } },
});
export const INODE_SET_BODY = members(["inode"], {
  ...{ inode: INODE, mode: MODE, mtimeMicros: MICROS },
});
/** As much as all attributes of a file may have, in base64; null takes one away. */
export const ATTRIBUTE_VALUE = nullable({
  ...{ type: "string", maxLength: 8192, pattern: "^[A-Za-z0-9+/]*={0,2}$" },
});

export const ATTRIBUTE_BODY = members(["inode", "name", "value", "over"], {
  ...{ inode: INODE, name: NAME, over: oneOf("any", "absent", "present") },
  value: ATTRIBUTE_VALUE,
});

const SHOWN = {
  inode: NATURAL,
  type: oneOf("file", "directory", "symlink"),
  revision: NATURAL,
  mode: NATURAL,
  mtimeMicros: { type: "integer" },
  changedMs: NATURAL,
  links: NATURAL,
  bytes: NATURAL,
  content: nullable(TEXT),
  target: nullable(TEXT),
} as const;

export const INODE_VIEW = object<InodeView>("Inode", SHOWN);

const BLOCKS = list(
  object<BlockView>("FileBlock", { cid: TEXT, bytes: NATURAL, plain: nullable(TEXT) }),
);

export const OPEN_INODE = object<OpenInode>("OpenInode", {
  ...SHOWN,
  ...{ blocks: BLOCKS, list: nullable(NATURAL), parts: NATURAL },
});

export const INODE_COMMITTED = object<InodeCommitted>("InodeCommitted", {
  ...SHOWN,
  ...{ blocks: BLOCKS, list: nullable(NATURAL), parts: NATURAL, folder: nullable(INODE_VIEW) },
});

export const BLOCK_LIST = object<{ blocks: unknown }>("BlockList", { blocks: BLOCKS });

export const INODE_LIST = object<InodeList>("InodeList", {
  entries: list(object<InodeList["entries"][number]>("InodeEntry", { name: TEXT, ...SHOWN })),
  next: nullable(TEXT),
});

export const INODE_CHANGE = object<InodeChange>("InodeChange", {
  inode: nullable(INODE_VIEW),
  replaced: nullable(INODE_VIEW),
});

export const RESERVED = object<{ first: unknown }>("ReservedInodes", { first: NATURAL });

export const ATTRIBUTES = object<{ attributes: unknown }>("InodeAttributes", {
  attributes: list(object<InodeAttribute>("InodeAttribute", { name: TEXT, value: TEXT })),
});

export const NEAR_ANSWER = object<{ readonly near: NearPlace | null }>("NearAnswer", {
  near: nullable(
    object<NearPlace>("NearPlace", {
      ...{ directory: TEXT, proofFile: TEXT, proof: TEXT, blocks: TEXT, readMs: NATURAL },
      takesPieces: BOOLEAN,
    }),
  ),
});

export const CHANGES_QUERY = members([], {
  after: NUMBER,
  wait: { type: "string", pattern: "^[0-9]{1,6}$" },
  mount: { type: "string", pattern: MOUNT_NAME.source },
  ends: FLAG,
});

const CHANGED_NAME = object<VolumeChanges["changes"][number]["entries"][number]>("ChangedName", {
  ...{ parent: NATURAL, name: TEXT },
});

export const VOLUME_CHANGES = object<VolumeChanges>("VolumeChanges", {
  resync: BOOLEAN,
  changes: list(
    object<VolumeChanges["changes"][number]>("VolumeChange", {
      ...{ revision: NATURAL, inodes: list(NATURAL), entries: list(CHANGED_NAME) },
    }),
  ),
  ...{ next: NATURAL, leaseMs: NATURAL },
});

export const VOLUME_USE = object<VolumeUse>("VolumeUse", {
  ...{ usedBytes: NATURAL, usedInodes: NATURAL },
  ...{ quotaBytes: nullable(NATURAL), quotaInodes: nullable(NATURAL), freeBytes: NATURAL },
});
