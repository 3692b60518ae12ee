/** What changes of this mount come to, by their answers; undefined where one was refused. */
import type { InodeChange, InodeCommitted, InodeView } from "../../api/inode-port.ts";
import type { InodeId, Place } from "../ports.ts";
import type { OwnChange } from "./known-tree.ts";

/** An inode that kept its names. */
export function keptChange(
  inode: InodeId,
  answer: { readonly inode: InodeView | null | undefined } | undefined,
): OwnChange {
  const view = answer?.inode ?? undefined;
  if (view === undefined) return { names: [], inodes: [], changed: [inode] };
  return { names: [], inodes: [stat(view)], changed: [] };
}

/** A name for something new, or one name more; of a file also what its folder is by it. */
export function madeName(
  place: Place,
  made: InodeView | InodeCommitted | undefined,
  isFolder = false,
): OwnChange {
  const folder = made !== undefined && "folder" in made ? made.folder : null;
  const inodes = [made, folder].flatMap((view) => (view ? [stat(view)] : []));
  return {
    names: [{ place, to: made?.inode ?? "changed" }],
    inodes,
    changed: folder === null ? [place.parent] : [],
    emptyFolder: isFolder ? made?.inode : undefined,
  };
}

/** A name that is gone. */
export function takenName(place: Place, answer: InodeChange | undefined): OwnChange {
  const left = leftOf(answer?.inode);
  const to = answer === undefined ? "changed" : "absent";
  return { names: [{ place, to }], ...left, changed: [place.parent, ...left.changed] };
}

/** A name that has moved. One file under both names stays under both. */
export function movedName(from: Place, to: Place, answer: InodeChange | undefined): OwnChange {
  const moved = answer?.inode ?? undefined;
  const replaced = leftOf(answer?.replaced);
  return {
    names: [
      { place: from, to: "changed" },
      { place: to, to: moved?.inode ?? "changed" },
    ],
    inodes: [...(moved === undefined ? [] : [stat(moved)]), ...replaced.inodes],
    changed: [from.parent, to.parent, ...replaced.changed],
  };
}

/** What lost a name: it may have others. */
function leftOf(view: InodeView | null | undefined): Pick<OwnChange, "inodes" | "changed"> {
  if (!view) return { inodes: [], changed: [] };
  return view.links > 0
    ? { inodes: [stat(view)], changed: [] }
    : { inodes: [], changed: [view.inode] };
}

/** Just what `stat` shows, of an answer that says more. */
export function stat(view: InodeView): InodeView {
  const { inode, type, revision, mode, mtimeMicros, changedMs, links, bytes } = view;
  const { content, target } = view;
  return {
    ...{ inode, type, revision, mode, mtimeMicros, changedMs, links, bytes },
    ...{ content, target },
  };
}
