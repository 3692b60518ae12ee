/** What the routes of files take and answer. */
import type { FileChange, FileList, FilePutAnswer, FileView, TreePutAnswer } from "./file-port.ts";
import type { InodeAttribute } from "./inode-port.ts";
import { ATTRIBUTE_VALUE } from "./inode-schema.ts";
import {
  type JsonSchema,
  list,
  NATURAL,
  nullable,
  object,
  oneOf,
  TEXT,
  TIME,
} from "./json-schema.ts";
import { PATH_LENGTH_MAX, SNAPSHOT_LENGTH_MAX } from "./limits.ts";

const FLAG = { type: "string", enum: ["", "true", "false", "1", "0"] } as const;
const PATH = { type: "string", maxLength: PATH_LENGTH_MAX } as const;

function query(properties: Readonly<Record<string, JsonSchema>>): JsonSchema {
  return {
    ...{ type: "object", additionalProperties: false, required: ["path"] },
    properties: { path: PATH, ...properties },
  };
}

/** A path. */
export const FILE_QUERY = query({});

/** Where it is read from: a snapshot's name or CID; without it the volume as it is. */
const SNAPSHOT = { type: "string", minLength: 1, maxLength: SNAPSHOT_LENGTH_MAX } as const;

/** The number of a kept version; a whole number that is exact. */
const VERSION = { type: "string", pattern: "^[0-9]{1,15}$" } as const;

/** A path, also in a snapshot, or one of its versions. */
export const READ_FILE_QUERY = query({ snapshot: SNAPSHOT, version: VERSION });

/** A path, also in a snapshot. */
export const READ_QUERY = query({ snapshot: SNAPSHOT });

/** A path, and whether what a symbolic link leads to is meant. */
export const STAT_QUERY = query({ follow: FLAG, snapshot: SNAPSHOT, version: VERSION });

/** How a file is put; the mode is octal, as `chmod` takes it. */
export const PUT_QUERY = query({
  parents: FLAG,
  mode: { type: "string", pattern: "^[0-7]{1,4}$" },
});

/** Where an archive is unpacked, and whether all at once. */
export const TREE_QUERY = query({ atomic: FLAG });

/** A page of a folder. */
export const LIST_QUERY = query({
  limit: { type: "string", pattern: "^[0-9]{1,6}$" },
  after: PATH,
  snapshot: SNAPSHOT,
});

/** What is expected of what is there: its content id in quotes, or `*` for whatever it is; and the hash of the body. */
export const FILE_HEADERS = {
  type: "object",
  properties: {
    "if-match": { type: "string", maxLength: 1024 },
    "if-none-match": { type: "string", maxLength: 1024 },
    "content-digest": { type: "string", maxLength: 1024 },
  },
} as const;

/** The same when reading, and which bytes. */
export const READ_FILE_HEADERS = {
  type: "object",
  properties: {
    "if-none-match": { type: "string", maxLength: 1024 },
    "if-range": { type: "string", maxLength: 1024 },
    range: { type: "string", maxLength: 1024 },
  },
} as const;

function body(
  required: readonly string[],
  properties: Readonly<Record<string, JsonSchema>>,
): JsonSchema {
  return { type: "object", additionalProperties: false, required, properties };
}

const YES_OR_NO = { type: "boolean" } as const;

export const MKDIR_BODY = body(["path"], { path: PATH, parents: YES_OR_NO });
export const REMOVE_BODY = body(["path"], { path: PATH, recursive: YES_OR_NO });
export const RENAME_BODY = body(["from", "to"], {
  ...{ from: PATH, to: PATH },
  ...{ exclusive: YES_OR_NO, parents: YES_OR_NO },
});
export const LINK_BODY = body(["from", "to"], { from: PATH, to: PATH });
export const SYMLINK_BODY = body(["path", "target"], { path: PATH, target: PATH });

export const ATTRIBUTE_SET_BODY = body(["path", "name", "value"], {
  ...{ path: PATH, name: { ...PATH, minLength: 1 }, value: ATTRIBUTE_VALUE },
  over: oneOf("any", "absent", "present"),
});

export const FILE_ATTRIBUTES = object<{ attributes: unknown }>("FileAttributes", {
  attributes: list(object<InodeAttribute>("FileAttribute", { name: TEXT, value: TEXT })),
});

const SHOWN = {
  type: oneOf("file", "directory", "symlink"),
  inode: NATURAL,
  revision: NATURAL,
  mode: NATURAL,
  mtime: TIME,
  links: NATURAL,
  bytes: NATURAL,
  cid: nullable(TEXT),
  target: nullable(TEXT),
  entries: nullable(NATURAL),
} as const;

export const FILE = object<FileView>("File", { path: TEXT, ...SHOWN });

export const FILE_LIST = object<FileList>("FileList", {
  path: TEXT,
  entries: list(object<FileList["entries"][number]>("FileEntry", { name: TEXT, ...SHOWN })),
  next: nullable(TEXT),
});

export const FILE_PUT = object<FilePutAnswer>("FilePut", {
  ...{ path: TEXT, bytes: NATURAL, cid: TEXT, inode: NATURAL, revision: NATURAL },
  ...{ copies: NATURAL, copiesWanted: NATURAL },
});

export const TREE_PUT = object<TreePutAnswer>("TreePut", {
  ...{ path: TEXT, files: NATURAL, directories: NATURAL, links: NATURAL, bytes: NATURAL },
  ...{ copies: NATURAL, copiesWanted: NATURAL },
});

export const FILE_CHANGE = object<FileChange>("FileChange", { inode: NATURAL, revision: NATURAL });
