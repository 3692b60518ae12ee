/** What is said to the kernel without being asked: that something it may have kept is not so any more. */
import { NOTIFY, REPLY_HEADER_BYTES } from "./opcode.ts";
import { setUint64 } from "./reply.ts";

const encoder = new TextEncoder();

/** Attributes of a node, and all cached pages unless they are still right. */
export function inodeChanged(nodeId: number, keepsPages: boolean): Uint8Array {
  const bytes = notification(NOTIFY.INVAL_INODE, 24);
  const view = new DataView(bytes.buffer);
  setUint64(view, REPLY_HEADER_BYTES, nodeId);
  // From 0 on, of length 0, is everything; from before 0 is nothing but the attributes.
  if (keepsPages) view.setBigInt64(REPLY_HEADER_BYTES + 8, -1n, true);
  return bytes;
}

/** What a name in a directory refers to, or that nothing has it. */
export function entryChanged(parentNodeId: number, name: string): Uint8Array {
  const nameBytes = encoder.encode(name);
  const bytes = notification(NOTIFY.INVAL_ENTRY, 16 + nameBytes.length + 1);
  const view = new DataView(bytes.buffer);
  setUint64(view, REPLY_HEADER_BYTES, parentNodeId);
  view.setUint32(REPLY_HEADER_BYTES + 8, nameBytes.length, true);
  bytes.set(nameBytes, REPLY_HEADER_BYTES + 16);
  return bytes;
}

/** A message whose `unique` is 0, with its number where answers have their error. */
function notification(code: number, bodyBytes: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(REPLY_HEADER_BYTES + bodyBytes);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, bytes.length, true);
  view.setInt32(4, code, true);
  return bytes;
}
