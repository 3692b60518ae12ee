/** Requests of the kernel, each read whole or refused. */
import { MountError, malformed } from "../errors.ts";
import { OPCODE, REQUEST_HEADER_BYTES, SET } from "./opcode.ts";
import { RequestReader, TARGET_BYTES_MAX } from "./request-reader.ts";

/** What stands in front of every request. */
export interface RequestHeader {
  readonly opcode: number;
  /** By which an answer refers to it. */
  readonly unique: number;
  readonly nodeId: number;
  readonly uid: number;
  readonly gid: number;
  /** The process that asks, as this one sees it; 0 when it does not. */
  readonly pid: number;
}

/** What SETATTR is to change. */
export interface SetattrBody {
  readonly kind: "setattr";
  readonly handle: number | undefined;
  readonly mode: number | undefined;
  readonly uid: number | undefined;
  readonly gid: number | undefined;
  readonly bytes: number | undefined;
  /** Since 1970; "now" is for who answers to say. */
  readonly mtimeNs: bigint | "now" | undefined;
  readonly killPrivileges: boolean;
}

export type RequestBody =
  | ({ readonly kind: "init"; readonly major: number; readonly minor: number } & {
      readonly readaheadBytes: number;
      readonly flags: number;
    })
  | { readonly kind: "lookup"; readonly name: string }
  | { readonly kind: "forget"; readonly nodeIds: readonly number[] }
  | { readonly kind: "getattr"; readonly handle: number | undefined }
  | SetattrBody
  | { readonly kind: "readlink" }
  | { readonly kind: "symlink"; readonly name: string; readonly target: string }
  | { readonly kind: "mknod"; readonly name: string; readonly mode: number }
  | { readonly kind: "mkdir"; readonly name: string; readonly mode: number }
  | { readonly kind: "unlink"; readonly name: string }
  | { readonly kind: "rmdir"; readonly name: string }
  | {
      readonly kind: "rename";
      readonly newParent: number;
      readonly name: string;
      readonly newName: string;
      readonly flags: number;
    }
  | { readonly kind: "link"; readonly nodeId: number; readonly name: string }
  | { readonly kind: "open"; readonly flags: number }
  | ({ readonly kind: "create"; readonly name: string; readonly flags: number } & {
      readonly mode: number;
    })
  | {
      readonly kind: "read";
      readonly handle: number;
      readonly at: number;
      readonly length: number;
    }
  /** `data` is a view of the buffer that was read into. */
  | {
      readonly kind: "write";
      readonly handle: number;
      readonly at: number;
      readonly data: Uint8Array;
      readonly killPrivileges: boolean;
    }
  | { readonly kind: "statfs" }
  | { readonly kind: "release"; readonly handle: number }
  | { readonly kind: "flush"; readonly handle: number }
  | { readonly kind: "fsync"; readonly handle: number }
  | {
      readonly kind: "setxattr";
      readonly name: string;
      readonly value: Uint8Array;
      readonly mode: "set" | "create" | "replace";
    }
  | { readonly kind: "getxattr"; readonly name: string; readonly length: number }
  | { readonly kind: "listxattr"; readonly length: number }
  | { readonly kind: "removexattr"; readonly name: string }
  | { readonly kind: "opendir" }
  | ({ readonly kind: "readdir"; readonly handle: number; readonly offset: number } & {
      readonly length: number;
      readonly plus: boolean;
    })
  | { readonly kind: "releasedir"; readonly handle: number }
  | { readonly kind: "fsyncdir" }
  | { readonly kind: "interrupt"; readonly unique: number }
  | { readonly kind: "destroy" };

const NS_PER_S = 1_000_000_000n;
const GETATTR_HANDLE = 1;
const WRITE_KILL_SUIDGID = 1 << 2;
const XATTR_MODES = ["set", "create", "replace"] as const;

/**
 * The header of what was read from the device. All later answers to the request refer to its `unique`.
 * @throws {MountError} `MOUNT_REQUEST_MALFORMED` when it is cut short or gives another length
 */
export function decodeHeader(bytes: Uint8Array): RequestHeader {
  const reader = new RequestReader(bytes, 0);
  const length = reader.uint32();
  const opcode = reader.uint32();
  const unique = reader.uint64();
  const nodeId = reader.uint64();
  const uid = reader.uint32();
  const gid = reader.uint32();
  const pid = reader.uint32();
  reader.skip(REQUEST_HEADER_BYTES - 36);
  if (length !== bytes.length) throw malformed(opcode, "another length than it says");
  return { opcode, unique, nodeId, uid, gid, pid };
}

/**
 * The body of a request whose header was read.
 * @throws {MountError} `MOUNT_REQUEST_MALFORMED`, `MOUNT_NAME_NOT_UTF8`, and `MOUNT_OPERATION_UNKNOWN` for
 * operations that this server does not have
 * @throws {VolumeError} `VOLUME_NAME_TOO_LONG`
 */
export function decodeBody(header: RequestHeader, bytes: Uint8Array): RequestBody {
  const { opcode } = header;
  const decode = DECODERS.get(opcode);
  if (decode === undefined) {
    throw new MountError({ code: "MOUNT_OPERATION_UNKNOWN", opcode }, "an unknown operation");
  }
  const reader = new RequestReader(bytes.subarray(REQUEST_HEADER_BYTES), opcode);
  const body = decode(reader, header);
  reader.end();
  return body;
}

type Decoder = (reader: RequestReader, header: RequestHeader) => RequestBody;

const named =
  (kind: "lookup" | "unlink" | "rmdir" | "removexattr"): Decoder =>
  (reader) => ({ kind, name: reader.name() });

const bare =
  (kind: "readlink" | "statfs" | "destroy"): Decoder =>
  () => ({ kind });

/** RELEASE, RELEASEDIR, FLUSH and FSYNC: a handle and what is of no use here. */
const handled =
  (kind: "release" | "releasedir" | "flush" | "fsync", bytes: number): Decoder =>
  (reader) => {
    const handle = reader.uint64();
    reader.skip(bytes - 8);
    return { kind, handle };
  };

const DECODERS: ReadonlyMap<number, Decoder> = new Map<number, Decoder>([
  [OPCODE.INIT, decodeInit],
  [OPCODE.LOOKUP, named("lookup")],
  [OPCODE.FORGET, decodeForget],
  [OPCODE.BATCH_FORGET, decodeBatchForget],
  [OPCODE.GETATTR, decodeGetattr],
  [OPCODE.SETATTR, decodeSetattr],
  [OPCODE.READLINK, bare("readlink")],
  [OPCODE.SYMLINK, decodeSymlink],
  [OPCODE.MKNOD, decodeMknod],
  [OPCODE.MKDIR, decodeMkdir],
  [OPCODE.UNLINK, named("unlink")],
  [OPCODE.RMDIR, named("rmdir")],
  [OPCODE.RENAME, (reader) => decodeRename(reader, false)],
  [OPCODE.RENAME2, (reader) => decodeRename(reader, true)],
  [OPCODE.LINK, (reader) => ({ kind: "link", nodeId: reader.uint64(), name: reader.name() })],
  [OPCODE.OPEN, decodeOpen],
  [OPCODE.CREATE, decodeCreate],
  [OPCODE.READ, (reader) => ({ kind: "read", ...decodeRange(reader) })],
  [OPCODE.WRITE, decodeWrite],
  [OPCODE.STATFS, bare("statfs")],
  [OPCODE.RELEASE, handled("release", 24)],
  [OPCODE.FLUSH, handled("flush", 24)],
  [OPCODE.FSYNC, handled("fsync", 16)],
  [OPCODE.SETXATTR, decodeSetxattr],
  [OPCODE.GETXATTR, decodeGetxattr],
  [OPCODE.LISTXATTR, decodeListxattr],
  [OPCODE.REMOVEXATTR, named("removexattr")],
  [OPCODE.OPENDIR, decodeOpendir],
  [OPCODE.READDIR, (reader) => decodeReaddir(reader, false)],
  [OPCODE.READDIRPLUS, (reader) => decodeReaddir(reader, true)],
  [OPCODE.RELEASEDIR, handled("releasedir", 24)],
  [OPCODE.FSYNCDIR, decodeFsyncdir],
  [OPCODE.INTERRUPT, (reader) => ({ kind: "interrupt", unique: reader.uint64() })],
  [OPCODE.DESTROY, bare("destroy")],
]);

function decodeInit(reader: RequestReader): RequestBody {
  const major = reader.uint32();
  const minor = reader.uint32();
  const readaheadBytes = reader.uint32();
  const flags = reader.uint32();
  // Newer kernels say more, and mean nothing by it that was not asked for.
  reader.bytes(reader.left);
  return { kind: "init", major, minor, readaheadBytes, flags };
}

function decodeForget(reader: RequestReader, { nodeId }: RequestHeader): RequestBody {
  reader.skip(8);
  return { kind: "forget", nodeIds: [nodeId] };
}

function decodeBatchForget(reader: RequestReader): RequestBody {
  const count = reader.uint32();
  reader.skip(4);
  // Before anything is made for as many as it says.
  if (count * 16 !== reader.left) throw malformed(OPCODE.BATCH_FORGET, "not as many as it says");
  const nodeIds: number[] = [];
  for (let index = 0; index < count; index += 1) {
    nodeIds.push(reader.uint64());
    reader.skip(8);
  }
  return { kind: "forget", nodeIds };
}

function decodeGetattr(reader: RequestReader): RequestBody {
  const flags = reader.uint32();
  reader.skip(4);
  const handle = optional((flags & GETATTR_HANDLE) !== 0, reader);
  return { kind: "getattr", handle };
}

/** A number that is only meant where a flag says so; else it may be anything. */
function optional(isThere: boolean, reader: RequestReader): number | undefined {
  if (isThere) return reader.uint64();
  reader.skip(8);
  return undefined;
}

function decodeSetattr(reader: RequestReader): RequestBody {
  const valid = reader.uint32();
  const has = (bit: number): boolean => (valid & bit) !== 0;
  reader.skip(4);
  const handle = optional(has(SET.HANDLE), reader);
  const bytes = optional(has(SET.SIZE), reader);
  reader.skip(16);
  const mtimeS = reader.int64();
  reader.skip(12);
  const mtimeNs = mtimeS * NS_PER_S + BigInt(reader.uint32());
  reader.skip(4);
  const mode = reader.uint32();
  reader.skip(4);
  const uid = reader.uint32();
  const gid = reader.uint32();
  reader.skip(4);
  return {
    kind: "setattr",
    handle,
    bytes,
    mode: has(SET.MODE) ? mode : undefined,
    uid: has(SET.UID) ? uid : undefined,
    gid: has(SET.GID) ? gid : undefined,
    mtimeNs: has(SET.MTIME_NOW) ? "now" : has(SET.MTIME) ? mtimeNs : undefined,
    killPrivileges: has(SET.KILL_SUIDGID),
  };
}

function decodeSymlink(reader: RequestReader): RequestBody {
  const name = reader.name();
  return { kind: "symlink", name, target: reader.name(TARGET_BYTES_MAX) };
}

function decodeMknod(reader: RequestReader): RequestBody {
  const mode = reader.uint32();
  reader.skip(12);
  return { kind: "mknod", mode, name: reader.name() };
}

function decodeMkdir(reader: RequestReader): RequestBody {
  const mode = reader.uint32();
  reader.skip(4);
  return { kind: "mkdir", mode, name: reader.name() };
}

function decodeRename(reader: RequestReader, hasFlags: boolean): RequestBody {
  const newParent = reader.uint64();
  const flags = hasFlags ? reader.uint32() : 0;
  if (hasFlags) reader.skip(4);
  const name = reader.name();
  return { kind: "rename", newParent, flags, name, newName: reader.name() };
}

function decodeOpen(reader: RequestReader): RequestBody {
  const flags = reader.uint32();
  reader.skip(4);
  return { kind: "open", flags };
}

function decodeOpendir(reader: RequestReader): RequestBody {
  reader.skip(8);
  return { kind: "opendir" };
}

function decodeFsyncdir(reader: RequestReader): RequestBody {
  reader.skip(16);
  return { kind: "fsyncdir" };
}

function decodeCreate(reader: RequestReader): RequestBody {
  const flags = reader.uint32();
  const mode = reader.uint32();
  reader.skip(8);
  return { kind: "create", flags, mode, name: reader.name() };
}

function decodeRange(reader: RequestReader): {
  readonly handle: number;
  readonly at: number;
  readonly length: number;
} {
  const handle = reader.uint64();
  const at = reader.uint64();
  const length = reader.uint32();
  reader.skip(20);
  return { handle, at, length };
}

function decodeReaddir(reader: RequestReader, plus: boolean): RequestBody {
  const { handle, at, length } = decodeRange(reader);
  return { kind: "readdir", handle, offset: at, length, plus };
}

function decodeWrite(reader: RequestReader): RequestBody {
  const handle = reader.uint64();
  const at = reader.uint64();
  const length = reader.uint32();
  const flags = reader.uint32();
  reader.skip(16);
  const data = reader.bytes(length);
  return { kind: "write", handle, at, data, killPrivileges: (flags & WRITE_KILL_SUIDGID) !== 0 };
}

function decodeSetxattr(reader: RequestReader): RequestBody {
  const length = reader.uint32();
  const mode = XATTR_MODES[reader.uint32()];
  if (mode === undefined) throw malformed(OPCODE.SETXATTR, "unknown flags");
  const name = reader.name();
  // The buffer is used again before a volume has answered.
  return { kind: "setxattr", name, mode, value: reader.bytes(length).slice() };
}

function decodeGetxattr(reader: RequestReader): RequestBody {
  const length = reader.uint32();
  reader.skip(4);
  return { kind: "getxattr", length, name: reader.name() };
}

function decodeListxattr(reader: RequestReader): RequestBody {
  const length = reader.uint32();
  reader.skip(4);
  return { kind: "listxattr", length };
}
