/** Numbers of the FUSE kernel protocol, as in the kernel's own header `linux/fuse.h`. */

/** The version that is spoken: what the kernel offers, within these. */
export const PROTOCOL = { major: 7, minorLeast: 31, minorMost: 40 } as const;

/** The node that the kernel knows without a lookup. */
export const ROOT_NODE_ID = 1;

export const OPCODE = {
  LOOKUP: 1,
  FORGET: 2,
  GETATTR: 3,
  SETATTR: 4,
  READLINK: 5,
  SYMLINK: 6,
  MKNOD: 8,
  MKDIR: 9,
  UNLINK: 10,
  RMDIR: 11,
  RENAME: 12,
  LINK: 13,
  OPEN: 14,
  READ: 15,
  WRITE: 16,
  STATFS: 17,
  RELEASE: 18,
  FSYNC: 20,
  SETXATTR: 21,
  GETXATTR: 22,
  LISTXATTR: 23,
  REMOVEXATTR: 24,
  FLUSH: 25,
  INIT: 26,
  OPENDIR: 27,
  READDIR: 28,
  RELEASEDIR: 29,
  FSYNCDIR: 30,
  INTERRUPT: 36,
  CREATE: 35,
  DESTROY: 38,
  BATCH_FORGET: 42,
  READDIRPLUS: 44,
  RENAME2: 45,
} as const;

/** Bits of `valid` in SETATTR. */
export const SET = {
  MODE: 1 << 0,
  UID: 1 << 1,
  GID: 1 << 2,
  SIZE: 1 << 3,
  MTIME: 1 << 5,
  HANDLE: 1 << 6,
  MTIME_NOW: 1 << 8,
  KILL_SUIDGID: 1 << 11,
} as const;

/** Bits of an answer to OPEN. */
export const OPEN_REPLY = {
  DIRECT_IO: 1 << 0,
  KEEP_CACHE: 1 << 1,
  NO_FLUSH: 1 << 5,
} as const;

/** Flags of INIT that are asked for where the kernel offers them. */
export const INIT_FLAG = {
  ASYNC_READ: 1 << 0,
  ATOMIC_O_TRUNC: 1 << 3,
  BIG_WRITES: 1 << 5,
  DO_READDIRPLUS: 1 << 13,
  READDIRPLUS_AUTO: 1 << 14,
  PARALLEL_DIROPS: 1 << 18,
  MAX_PAGES: 1 << 22,
  HANDLE_KILLPRIV_V2: 1 << 28,
} as const;

/** Numbers of what is said without being asked. */
export const NOTIFY = { INVAL_INODE: 2, INVAL_ENTRY: 3 } as const;

/** Bytes in front of every request and of every answer. */
export const REQUEST_HEADER_BYTES = 40;
export const REPLY_HEADER_BYTES = 16;
