/** Answers to the kernel. A reply is a header and then what the operation answers, given to one write. */
import type { Attributes, InodeId, InodeKind, VolumeSpace } from "../ports.ts";
import { PROTOCOL, REPLY_HEADER_BYTES, ROOT_NODE_ID } from "./opcode.ts";

/** The parts of one answer, without its header. */
export type ReplyParts = readonly Uint8Array[];

/** An answer with nothing in it but that it went well. */
export const DONE: ReplyParts = [];

/** How long the kernel may go by what it was told, milliseconds. */
export interface Timeouts {
  readonly entryMs: number;
  readonly attributesMs: number;
}

/** Bits of the kind in `st_mode`, and of an entry in a listing (the same, shifted). */
export const KIND_BITS = {
  file: 0o100000,
  directory: 0o040000,
  symlink: 0o120000,
} as const satisfies Record<InodeKind, number>;

export const ENTRY_BYTES = 128;
export const ATTRIBUTES_BYTES = 88;
const BLOCK_BYTES = 4096;
/** `st_blocks` counts these. */
const SECTOR_BYTES = 512;
const NS_PER_S = 1_000_000_000n;

/** The header of an answer: `errno` is positive, 0 when it went well. */
export function replyHeader(unique: number, errno: number, bodyBytes: number): Uint8Array {
  const header = new Uint8Array(REPLY_HEADER_BYTES);
  const view = new DataView(header.buffer);
  view.setUint32(0, REPLY_HEADER_BYTES + bodyBytes, true);
  view.setInt32(4, -errno, true);
  setUint64(view, 8, unique);
  return header;
}

/** The kernel's number of an inode: the root is always 1, so all others are one further. */
export function nodeIdOf(inode: InodeId, root: InodeId): number {
  return inode === root ? ROOT_NODE_ID : inode + 1;
}

/** The inode that the kernel means by a number. */
export function inodeOf(nodeId: number, root: InodeId): InodeId {
  return nodeId === ROOT_NODE_ID ? root : nodeId - 1;
}

export function setUint64(view: DataView, at: number, value: number): void {
  view.setUint32(at, value % 0x1_0000_0000, true);
  view.setUint32(at + 4, Math.floor(value / 0x1_0000_0000), true);
}

/** Writes `struct fuse_attr`. */
export function writeAttributes(view: DataView, at: number, attributes: Attributes): void {
  setUint64(view, at, attributes.inode);
  setUint64(view, at + 8, attributes.bytes);
  setUint64(view, at + 16, Math.ceil(attributes.bytes / SECTOR_BYTES));
  const times = [attributes.mtimeNs, attributes.mtimeNs, attributes.ctimeNs];
  for (const [index, timeNs] of times.entries()) {
    const fraction = ((timeNs % NS_PER_S) + NS_PER_S) % NS_PER_S;
    view.setBigInt64(at + 24 + index * 8, (timeNs - fraction) / NS_PER_S, true);
    view.setUint32(at + 48 + index * 4, Number(fraction), true);
  }
  view.setUint32(at + 60, KIND_BITS[attributes.kind] | attributes.mode, true);
  view.setUint32(at + 64, attributes.links, true);
  view.setUint32(at + 68, attributes.uid, true);
  view.setUint32(at + 72, attributes.gid, true);
  view.setUint32(at + 80, BLOCK_BYTES, true);
}

/** Writes `struct fuse_entry_out`. */
export function writeEntry(
  view: DataView,
  at: number,
  entry: { readonly attributes: Attributes; readonly root: InodeId; readonly timeouts: Timeouts },
): void {
  const { attributes, root, timeouts } = entry;
  setUint64(view, at, nodeIdOf(attributes.inode, root));
  // Inodes are never used again, so their generation is always 0.
  setUint64(view, at + 16, Math.floor(timeouts.entryMs / 1000));
  setUint64(view, at + 24, Math.floor(timeouts.attributesMs / 1000));
  view.setUint32(at + 32, (timeouts.entryMs % 1000) * 1_000_000, true);
  view.setUint32(at + 36, (timeouts.attributesMs % 1000) * 1_000_000, true);
  writeAttributes(view, at + 40, attributes);
}

/** The answer to whatever gives the kernel an inode by a name. */
export function entryReply(attributes: Attributes, root: InodeId, timeouts: Timeouts): Uint8Array {
  const bytes = new Uint8Array(ENTRY_BYTES);
  writeEntry(new DataView(bytes.buffer), 0, { attributes, root, timeouts });
  return bytes;
}

/** The answer to GETATTR and SETATTR. */
export function attributesReply(attributes: Attributes, timeouts: Timeouts): Uint8Array {
  const bytes = new Uint8Array(16 + ATTRIBUTES_BYTES);
  const view = new DataView(bytes.buffer);
  setUint64(view, 0, Math.floor(timeouts.attributesMs / 1000));
  view.setUint32(8, (timeouts.attributesMs % 1000) * 1_000_000, true);
  writeAttributes(view, 16, attributes);
  return bytes;
}

/** The answer to OPEN and OPENDIR, and the second part of that to CREATE. */
export function openReply(handle: number, flags: number): Uint8Array {
  const bytes = new Uint8Array(16);
  const view = new DataView(bytes.buffer);
  setUint64(view, 0, handle);
  view.setUint32(8, flags, true);
  return bytes;
}

/** The answer to WRITE, and to questions how long attributes are. */
export function countReply(count: number): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setUint32(0, count, true);
  return bytes;
}

/** The answer to STATFS. */
export function spaceReply(space: VolumeSpace, nameBytesMax: number): Uint8Array {
  const bytes = new Uint8Array(80);
  const view = new DataView(bytes.buffer);
  setUint64(view, 0, Math.floor(space.bytesTotal / BLOCK_BYTES));
  setUint64(view, 8, Math.floor(space.bytesFree / BLOCK_BYTES));
  setUint64(view, 16, Math.floor(space.bytesFree / BLOCK_BYTES));
  setUint64(view, 24, space.filesTotal);
  setUint64(view, 32, space.filesFree);
  view.setUint32(40, BLOCK_BYTES, true);
  view.setUint32(44, nameBytesMax, true);
  view.setUint32(48, BLOCK_BYTES, true);
  return bytes;
}

/** What was agreed on at the beginning. */
export interface Agreement {
  readonly minor: number;
  readonly readaheadBytes: number;
  readonly flags: number;
  readonly writeBytesMax: number;
  /** Of one request. */
  readonly pagesMax: number;
  /** Requests that the kernel may have under way on its own account: readahead and the like. */
  readonly backgroundMax: number;
}

/** The answer to INIT. */
export function initReply(agreement: Agreement): Uint8Array {
  const bytes = new Uint8Array(64);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, PROTOCOL.major, true);
  view.setUint32(4, agreement.minor, true);
  view.setUint32(8, agreement.readaheadBytes, true);
  view.setUint32(12, agreement.flags, true);
  view.setUint16(16, agreement.backgroundMax, true);
  // From here on the kernel holds back readers that could wait.
  view.setUint16(18, Math.floor((agreement.backgroundMax * 3) / 4), true);
  view.setUint32(20, agreement.writeBytesMax, true);
  view.setUint32(24, 1, true);
  view.setUint16(28, agreement.pagesMax, true);
  return bytes;
}
