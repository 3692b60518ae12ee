/** What stands beside the content: attributes, extended ones, the space of the volume. */

import { NAME_BYTES_MAX } from "../std/name-bounds.ts";
import { type Answer, type Caller, inodeAt, type MountContext, NO_CHANGE } from "./context.ts";
import { MountError, volumeError } from "./errors.ts";
import { asSeenHere } from "./name-operations.ts";
import type { OpenFile } from "./open-file.ts";
import type { AttributeChange, Attributes, InodeId } from "./ports.ts";
import { attributesReply, countReply, DONE, spaceReply } from "./protocol/reply.ts";
import type { RequestBody, SetattrBody } from "./protocol/request.ts";

type Body<Kind extends RequestBody["kind"]> = Extract<RequestBody, { readonly kind: Kind }>;

const PERMISSIONS = 0o7777;
const SET_USER_ID = 0o4000;
const SET_GROUP_ID = 0o2000;
const GROUP_EXECUTES = 0o0010;

/** Attributes that belong to the kernel's own modules: none are kept, so it need not wait for a volume. */
const NOT_KEPT = ["security.", "system."];

const encoder = new TextEncoder();

export async function getattr(context: MountContext, caller: Caller): Promise<Answer> {
  return told(context, caller, await current(context, inodeAt(context, caller.nodeId)));
}

function told(context: MountContext, { look }: Caller, attributes: Attributes): Answer {
  if (attributes.kind === "file") context.view.sized(attributes.inode, attributes.content);
  const timeouts = context.fresh.timeouts(look, attributes.inode, undefined);
  return { parts: [attributesReply(attributes, timeouts)] };
}

async function current(context: MountContext, inode: InodeId): Promise<Attributes> {
  const file = context.files.get(inode);
  // The volume does not know it, or not any more.
  if (file !== undefined && (file.place !== undefined || file.isOrphan)) return file.attributes;
  return asSeenHere(context, await context.volume.getattr(inode));
}

export async function setattr(
  context: MountContext,
  caller: Caller,
  body: SetattrBody,
): Promise<Answer> {
  const inode = inodeAt(context, caller.nodeId);
  const file = context.files.get(inode);
  let change: AttributeChange = {
    mode: body.mode === undefined ? undefined : body.mode & PERMISSIONS,
    uid: body.uid,
    gid: body.gid,
    mtimeNs: body.mtimeNs === "now" ? context.wallNs() : body.mtimeNs,
    bytes: body.bytes,
  };
  if (body.killPrivileges) change = await withoutPrivileges(context, inode, change);
  if (file !== undefined) change = await changeOpen(file, change, body.handle);
  if (hasChange(change)) {
    const attributes = await context.volume.setattr(inode, change);
    if (change.bytes !== undefined) context.view.paged(inode, undefined);
    context.files.get(inode)?.changed(attributes);
  }
  return told(context, caller, await current(context, inode));
}

/** What of a change is the volume's to do, after what goes with the content of an open file was done. */
async function changeOpen(
  file: OpenFile,
  change: AttributeChange,
  handle: number | undefined,
): Promise<AttributeChange> {
  const { bytes } = change;
  if (bytes !== undefined) await file.truncate(bytes);
  const left = file.change({ ...change, bytes: undefined });
  // Who cut it by its name closes nothing afterwards.
  if (bytes !== undefined && handle === undefined && file.place === undefined) {
    await file.commit("close");
  }
  return left;
}

async function withoutPrivileges(
  context: MountContext,
  inode: InodeId,
  change: AttributeChange,
): Promise<AttributeChange> {
  const mode = change.mode ?? (await current(context, inode)).mode;
  const lost = SET_USER_ID | ((mode & GROUP_EXECUTES) === 0 ? 0 : SET_GROUP_ID);
  return (mode & lost) === 0 ? change : { ...change, mode: mode & ~lost };
}

function hasChange(change: AttributeChange): boolean {
  return Object.keys(NO_CHANGE).some((name) => Reflect.get(change, name) !== undefined);
}

export async function readlink(context: MountContext, { nodeId }: Caller): Promise<Answer> {
  const target = await context.volume.readlink(inodeAt(context, nodeId));
  return { parts: [encoder.encode(target)] };
}

export async function statfs(context: MountContext): Promise<Answer> {
  return { parts: [spaceReply(await context.volume.statfs(), NAME_BYTES_MAX)] };
}

export async function getxattr(
  context: MountContext,
  caller: Caller,
  { name, length }: Body<"getxattr">,
): Promise<Answer> {
  const inode = inodeAt(context, caller.nodeId);
  if (isNotKept(name) || isOnlyHere(context, inode)) {
    throw volumeError("VOLUME_ATTRIBUTE_MISSING", "no such attribute is kept");
  }
  return sized(await context.volume.getxattr(inode, name), length);
}

export async function setxattr(
  context: MountContext,
  caller: Caller,
  { name, value, mode }: Body<"setxattr">,
): Promise<Answer> {
  if (isNotKept(name)) throw unsupported();
  const inode = inodeAt(context, caller.nodeId);
  const file = context.files.get(inode);
  // The volume can only note it of what it knows.
  if (file?.place !== undefined) await file.commit("close");
  await context.volume.setxattr(inode, { name, value, mode });
  return { parts: DONE };
}

export async function listxattr(
  context: MountContext,
  caller: Caller,
  { length }: Body<"listxattr">,
): Promise<Answer> {
  const inode = inodeAt(context, caller.nodeId);
  const names = isOnlyHere(context, inode) ? [] : await context.volume.listxattr(inode);
  return sized(encoder.encode(names.map((name) => `${name}\0`).join("")), length);
}

export async function removexattr(
  context: MountContext,
  caller: Caller,
  { name }: Body<"removexattr">,
): Promise<Answer> {
  if (isNotKept(name)) throw unsupported();
  const inode = inodeAt(context, caller.nodeId);
  if (isOnlyHere(context, inode)) {
    throw volumeError("VOLUME_ATTRIBUTE_MISSING", "no such attribute is kept");
  }
  await context.volume.removexattr(inode, name);
  return { parts: DONE };
}

function isNotKept(name: string): boolean {
  return NOT_KEPT.some((prefix) => name.startsWith(prefix));
}

function isOnlyHere(context: MountContext, inode: InodeId): boolean {
  const file = context.files.get(inode);
  return file !== undefined && (file.place !== undefined || file.isOrphan);
}

/** Callers ask for the length first, with room for nothing. */
function sized(value: Uint8Array, length: number): Answer {
  if (length === 0) return { parts: [countReply(value.length)] };
  if (value.length > length) {
    throw new MountError({ code: "MOUNT_ROOM_TOO_SMALL" }, "more than there is room for");
  }
  return { parts: [value] };
}

function unsupported(): MountError {
  return new MountError({ code: "MOUNT_ATTRIBUTE_UNSUPPORTED" }, "no such attributes are kept");
}
