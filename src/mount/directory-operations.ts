/** Directories: a listing for each that is open. */
import { type Answer, type Caller, inodeAt, type MountContext } from "./context.ts";
import { Listing } from "./listing.ts";
import { asSeenHere, noteEntry } from "./name-operations.ts";
import { DirectoryReply } from "./protocol/directory-reply.ts";
import { DONE, openReply } from "./protocol/reply.ts";
import type { RequestBody } from "./protocol/request.ts";

/** Bytes of one answer, whatever the kernel has room for. */
export const LISTING_BYTES_MAX = 128 << 10;

export function opendir(context: MountContext, caller: Caller): Answer {
  context.handles.checkRoom();
  const { volume, files, fresh } = context;
  const directory = inodeAt(context, caller.nodeId);
  const listing = new Listing({ directory, volume, files, look: () => fresh.look() });
  const number = context.handles.add({ kind: "directory", listing });
  return {
    parts: [openReply(number, 0)],
    undo: () => {
      context.handles.remove(number);
      return Promise.resolve();
    },
  };
}

export async function readdir(
  context: MountContext,
  request: Extract<RequestBody, { readonly kind: "readdir" }>,
): Promise<Answer> {
  const { listing } = context.handles.directory(request.handle);
  const reply = new DirectoryReply({
    length: Math.min(request.length, LISTING_BYTES_MAX),
    plus: request.plus,
    root: context.volume.root,
  });
  for (let index = request.offset; ; index += 1) {
    const entry = await listing.at(index);
    if (entry === undefined) break;
    const attributes = asSeenHere(context, entry.attributes);
    const { name } = entry;
    const place = { parent: listing.directory, name };
    const timeouts = context.fresh.timeouts(listing.look, attributes.inode, place);
    if (!reply.add({ name, attributes, timeouts }, index + 1)) break;
    if (request.plus) noteEntry(context, attributes, place);
  }
  return { parts: [reply.bytes()] };
}

export function releasedir(context: MountContext, handle: number): Answer {
  context.handles.remove(handle);
  return { parts: DONE };
}
