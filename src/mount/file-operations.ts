/** Content: open, create, read, write, and the moments at which what was written is committed. */
import { constants } from "node:fs";
import { errorText } from "../std/errors.ts";
import { type Answer, type Caller, inodeAt, type MountContext, nowMsOf } from "./context.ts";
import { volumeError } from "./errors.ts";
import type { FileHandle } from "./handles.ts";
import { makeFile, noteEntry } from "./name-operations.ts";
import type { OpenFile } from "./open-file.ts";
import type { Attributes, InodeId, OpenedFile } from "./ports.ts";
import { inodeChanged } from "./protocol/notification.ts";
import { OPEN_REPLY } from "./protocol/opcode.ts";
import { countReply, DONE, entryReply, nodeIdOf, openReply } from "./protocol/reply.ts";
import type { RequestBody } from "./protocol/request.ts";

type Body<Kind extends RequestBody["kind"]> = Extract<RequestBody, { readonly kind: Kind }>;

const ACCESS_MASK = 3;

/** Close-to-open: asks the volume what the file is now, unless this mount is ahead of it. */
export async function open(
  context: MountContext,
  caller: Caller,
  { flags }: Body<"open">,
): Promise<Answer> {
  context.handles.checkRoom();
  const inode = inodeAt(context, caller.nodeId);
  const writes = (flags & ACCESS_MASK) !== constants.O_RDONLY;
  const { file, own } = await openFile(context, inode, writes);
  try {
    if ((flags & constants.O_TRUNC) !== 0) await file.truncate(0);
  } catch (error) {
    await endHandle(context, { kind: "file", inode, file, own });
    throw error;
  }
  const cache = own === undefined ? cacheFlags(context, inode, file) : OPEN_REPLY.DIRECT_IO;
  refreshSize(context, inode, own?.attributes ?? file.attributes);
  const number = context.handles.add({ kind: "file", inode, file, own });
  return {
    parts: [openReply(number, cache | (writes ? 0 : OPEN_REPLY.NO_FLUSH))],
    undo: () => endNumber(context, number),
  };
}

/** The file with one handle more, and content that only this handle is to read. */
async function openFile(
  context: MountContext,
  inode: InodeId,
  writes: boolean,
): Promise<Pick<FileHandle, "file" | "own">> {
  const { files, volume } = context;
  const ahead = files.get(inode);
  if (ahead !== undefined && (ahead.isDirty || ahead.isOrphan)) {
    ahead.handles += 1;
    return { file: ahead, own: undefined };
  }
  if (context.view.isDoubtful(inode, nowMsOf(context))) {
    throw volumeError("VOLUME_STALE", "the kernel may go by an older name");
  }
  const opened = await volume.open(inode, context.view.placeOf(inode));
  const file = files.get(inode);
  if (file === undefined) {
    const added = files.add(opened);
    added.handles += 1;
    return { file: added, own: undefined };
  }
  file.handles += 1;
  try {
    return { file, own: await joinFile(context, file, { opened, writes }) };
  } catch (error) {
    await files.release(inode, file);
    throw error;
  }
}

/** For a file that others have open: they may have other content, which the kernel has pages of. */
async function joinFile(
  { volume }: MountContext,
  file: OpenFile,
  { opened, writes }: { readonly opened: OpenedFile; readonly writes: boolean },
): Promise<FileHandle["own"]> {
  const isOther = file.content !== opened.attributes.content;
  if (isOther && !writes && !file.isDirty && !file.isOrphan) {
    return { ...opened, changes: file.changes };
  }
  // Who writes must begin with what is there now, and so must all others here from then on.
  if (isOther && (await file.adopt(opened))) return undefined;
  await volume.close(opened.hold);
  return undefined;
}

/** Whether the kernel's pages are of what was opened. */
function cacheFlags({ view }: MountContext, inode: InodeId, file: OpenFile): number {
  const { content } = file;
  // What is written here goes through the kernel's pages, so they are right.
  if (content === undefined) return file.attributes.bytes > 0 ? OPEN_REPLY.KEEP_CACHE : 0;
  if (file.attributes.bytes > 0 && view.hasPagesOf(inode, content)) return OPEN_REPLY.KEEP_CACHE;
  view.paged(inode, content);
  return 0;
}

/**
 * The kernel may have the size of other content, and go by it until that times out: it is to ask again.
 * Attributes alone are dropped without waiting for anything.
 */
function refreshSize(
  { view, volume, tell }: MountContext,
  inode: InodeId,
  { content, bytes }: Pick<Attributes, "content" | "bytes">,
): void {
  if (content === undefined) return;
  // Empty content is the same again and again, so knowing it once says nothing of what was in between.
  if (bytes > 0 && view.hasSizeOf(inode, content)) return;
  tell(inodeChanged(nodeIdOf(inode, volume.root), true));
}

export async function create(
  context: MountContext,
  caller: Caller,
  { name, mode, flags }: Body<"create">,
): Promise<Answer> {
  context.handles.checkRoom();
  const exclusive = (flags & constants.O_EXCL) !== 0;
  const file = await makeFile(context, caller, { name, mode, exclusive });
  file.handles += 1;
  const { attributes } = file;
  const { inode } = attributes;
  const place = { parent: inodeAt(context, caller.nodeId), name };
  noteEntry(context, attributes, place);
  const timeouts = context.fresh.timeouts(caller.look, inode, place);
  const number = context.handles.add({ kind: "file", inode, file, own: undefined });
  return {
    parts: [entryReply(attributes, context.volume.root, timeouts), openReply(number, 0)],
    undo: async () => {
      context.files.dropNew(file);
      await endNumber(context, number);
    },
  };
}

export async function read(
  context: MountContext,
  { handle, at, length }: Body<"read">,
): Promise<Answer> {
  const { file, own } = context.handles.file(handle);
  const range = { at, length };
  if (own !== undefined && own.changes === file.changes) {
    return { parts: [await context.volume.read(own.hold, range)] };
  }
  return { parts: [await file.read(range)] };
}

export async function write(
  context: MountContext,
  { handle, at, data, killPrivileges }: Body<"write">,
): Promise<Answer> {
  const { file, inode } = context.handles.file(handle);
  // Until it is committed the pages are of no content that anybody else knows.
  context.view.paged(inode, undefined);
  await file.write(data, at, killPrivileges);
  return { parts: [countReply(data.length)] };
}

/** FLUSH comes at each close, FSYNC when it is asked for: errors of what was written belong there. */
export async function commit(
  context: MountContext,
  handle: number,
  reason: "close" | "fsync",
): Promise<Answer> {
  const { file, inode } = context.handles.file(handle);
  const { isDirty: wasDirty, place } = file;
  try {
    await file.commit(reason);
  } catch (error) {
    if (reason === "close") giveUp(context, handle, error);
    throw error;
  }
  if (wasDirty && !file.isOrphan) {
    // The kernel's pages are what was written through them. The times are the volume's from now on, and
    // whoever compares them (git does) must not find the ones from before the commit and then these.
    context.view.paged(inode, file.content);
    context.view.sized(inode, file.content);
    context.tell(inodeChanged(nodeIdOf(inode, context.volume.root), true));
    // The same goes for the folder in which it has its name by now.
    if (place !== undefined) {
      context.tell(inodeChanged(nodeIdOf(place.parent, context.volume.root), true));
    }
  }
  return { parts: DONE };
}

/** The kernel's pages and size are of what was lost. */
function giveUp(
  { files, handles, view, volume, tell }: MountContext,
  handle: number,
  error: unknown,
): void {
  const { file, inode } = handles.file(handle);
  files.giveUp(inode, file, error);
  view.forget(inode);
  tell(inodeChanged(nodeIdOf(inode, volume.root), true));
}

export async function release(context: MountContext, handle: number): Promise<Answer> {
  await endNumber(context, handle);
  return { parts: DONE };
}

async function endNumber(context: MountContext, number: number): Promise<void> {
  const handle = context.handles.file(number);
  context.handles.remove(number);
  await endHandle(context, handle);
}

async function endHandle(context: MountContext, handle: FileHandle): Promise<void> {
  const { inode, file, own } = handle;
  try {
    if (own !== undefined) await context.volume.close(own.hold);
    await context.files.release(inode, file);
  } catch (error) {
    // Nobody waits for this answer: the file was closed long ago.
    context.log.warn("what was written after the last close is lost", { error: errorText(error) });
  }
}
