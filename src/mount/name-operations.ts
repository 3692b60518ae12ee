/**
 * Names: lookup, and what makes, moves and removes them. A file that was made here and is not committed
 * yet has its name on this mount only (`OpenFiles.newAt`); what moves or doubles the name commits it first.
 */
import { type Answer, type Caller, inodeAt, type MountContext, nowMsOf } from "./context.ts";
import { VolumeError, volumeError } from "./errors.ts";
import { checkName } from "./file-name.ts";
import type { OpenFile } from "./open-file.ts";
import type { Attributes, Place } from "./ports.ts";
import { DONE, entryReply, KIND_BITS } from "./protocol/reply.ts";
import type { RequestBody } from "./protocol/request.ts";

type Body<Kind extends RequestBody["kind"]> = Extract<RequestBody, { readonly kind: Kind }>;

const PERMISSIONS = 0o7777;
const KIND_MASK = 0o170000;
/** Flags of rename: the only one that is kept is not to replace. */
const RENAME_NOREPLACE = 1;

export async function lookup(
  context: MountContext,
  caller: Caller,
  { name }: Body<"lookup">,
): Promise<Answer> {
  const place = { parent: inodeAt(context, caller.nodeId), name };
  const made = context.files.newAt(place);
  if (made !== undefined) return entry(context, caller, made.attributes, place);
  const attributes = await context.volume.lookup(place);
  return entry(context, caller, asSeenHere(context, attributes), place);
}

/** What was written here, and is not committed, counts; then the content is nobody's. */
export function asSeenHere(context: MountContext, attributes: Attributes): Attributes {
  return context.files.get(attributes.inode)?.refresh(attributes) ?? attributes;
}

/** Remembers what the kernel is told of a file at a name. */
export function noteEntry(context: MountContext, attributes: Attributes, place: Place): void {
  if (attributes.kind !== "file") return;
  context.view.named(attributes.inode, place, nowMsOf(context));
  context.view.sized(attributes.inode, attributes.content);
}

export async function mkdir(
  context: MountContext,
  caller: Caller,
  { name, mode }: Body<"mkdir">,
): Promise<Answer> {
  const place = freePlace(context, caller, name);
  const { uid, gid } = caller;
  const made = { mode: mode & PERMISSIONS, uid, gid };
  return entry(context, caller, await context.volume.mkdir(place, made), place);
}

export async function symlink(
  context: MountContext,
  caller: Caller,
  { name, target }: Body<"symlink">,
): Promise<Answer> {
  const place = freePlace(context, caller, name);
  const { uid, gid } = caller;
  const made = { mode: 0o777, uid, gid };
  return entry(context, caller, await context.volume.symlink(place, target, made), place);
}

/** Regular files only: an empty one, committed at once. */
export async function mknod(
  context: MountContext,
  caller: Caller,
  { name, mode }: Body<"mknod">,
): Promise<Answer> {
  if ((mode & KIND_MASK) !== KIND_BITS.file && (mode & KIND_MASK) !== 0) {
    throw volumeError("VOLUME_FORBIDDEN", "only regular files can be made here");
  }
  const file = await makeFile(context, caller, { name, mode, exclusive: true });
  file.handles += 1;
  try {
    await file.commit("close");
    const place = { parent: inodeAt(context, caller.nodeId), name };
    return entry(context, caller, file.attributes, place);
  } finally {
    await context.files.release(file.attributes.inode, file);
  }
}

/** A file that has its name here, and in the volume when it is committed. */
export async function makeFile(
  context: MountContext,
  { nodeId, uid, gid }: Caller,
  wanted: { readonly name: string; readonly mode: number; readonly exclusive: boolean },
): Promise<OpenFile> {
  const { name, exclusive } = wanted;
  checkName(name);
  const parent = inodeAt(context, nodeId);
  const inode = await context.nextInode();
  const nowNs = context.wallNs();
  // Nothing waits between this look and the entry.
  if (context.files.newAt({ parent, name }) !== undefined) throw exists();
  const attributes: Attributes = {
    inode,
    kind: "file",
    mode: wanted.mode & PERMISSIONS,
    uid,
    gid,
    links: 1,
    bytes: 0,
    mtimeNs: nowNs,
    ctimeNs: nowNs,
    content: undefined,
  };
  return context.files.make(attributes, { parent, name, exclusive });
}

export async function link(
  context: MountContext,
  caller: Caller,
  { nodeId, name }: Body<"link">,
): Promise<Answer> {
  const place = freePlace(context, caller, name);
  const inode = inodeAt(context, nodeId);
  await commitName(context.files.get(inode));
  const attributes = await context.volume.link(inode, place);
  context.files.get(inode)?.changed(attributes);
  return entry(context, caller, asSeenHere(context, attributes), place);
}

export async function unlink(
  context: MountContext,
  caller: Caller,
  { name }: Body<"unlink">,
): Promise<Answer> {
  const place = { parent: inodeAt(context, caller.nodeId), name };
  const made = context.files.newAt(place);
  if (made !== undefined) {
    context.files.dropNew(made);
    return { parts: DONE };
  }
  const attributes = await context.volume.unlink(place);
  context.view.unnamed(attributes.inode, place);
  if (attributes.links > 0) context.files.get(attributes.inode)?.changed(attributes);
  context.files.unlinked(attributes);
  return { parts: DONE };
}

export async function rmdir(
  context: MountContext,
  caller: Caller,
  { name }: Body<"rmdir">,
): Promise<Answer> {
  const place = { parent: inodeAt(context, caller.nodeId), name };
  const { inode } = await context.volume.lookup(place);
  if (context.files.newIn(inode).length > 0) {
    throw volumeError("VOLUME_NOT_EMPTY", "a file is being written in the directory");
  }
  await context.volume.rmdir(place);
  return { parts: DONE };
}

export async function rename(
  context: MountContext,
  caller: Caller,
  { name, newName, newParent, flags }: Body<"rename">,
): Promise<Answer> {
  if ((flags & ~RENAME_NOREPLACE) !== 0) {
    const reason = "names cannot be exchanged";
    throw new VolumeError({ code: "VOLUME_INVALID", reason }, reason);
  }
  const replace = (flags & RENAME_NOREPLACE) === 0;
  const from = { parent: inodeAt(context, caller.nodeId), name };
  const to = { parent: inodeAt(context, newParent), name: newName };
  await commitName(context.files.newAt(from));
  const inTheWay = context.files.newAt(to);
  if (inTheWay !== undefined && !replace) throw exists();
  const { moved, replaced } = await context.volume.rename(from, to, { replace });
  if (replaced !== undefined) {
    context.view.unnamed(replaced.inode, to);
    context.files.unlinked(replaced);
  }
  context.view.moved(moved, to);
  // Only now: had the volume refused, the file would still be the one of that name.
  const still = context.files.newAt(to);
  if (still !== undefined && still === inTheWay) context.files.dropNew(still);
  return { parts: DONE };
}

/** A new file gets its name in the volume, with what was written so far. */
async function commitName(file: OpenFile | undefined): Promise<void> {
  if (file?.place !== undefined) await file.commit("close");
}

function freePlace(context: MountContext, { nodeId }: Caller, name: string): Place {
  const place = { parent: inodeAt(context, nodeId), name };
  if (context.files.newAt(place) !== undefined) throw exists();
  return place;
}

function exists(): VolumeError {
  return volumeError("VOLUME_EXISTS", "a file of that name is being written");
}

/** What the kernel is told of an inode that it finds at a name. */
function entry(
  context: MountContext,
  { look }: Caller,
  attributes: Attributes,
  place: Place,
): Answer {
  noteEntry(context, attributes, place);
  const timeouts = context.fresh.timeouts(look, attributes.inode, place);
  return { parts: [entryReply(attributes, context.volume.root, timeouts)] };
}
