/** What differs between two paths of volumes: both are listed side by side, in the order of names. */
import type { FileClient } from "../api/file-client.ts";
import type { FileList, FileView } from "../api/file-port.ts";
import type { ReadablePath } from "./shared-path.ts";

/** Names read at a time: one such page of each side is in memory for each folder on the way down. */
const PAGE_NAMES = 200;

/** One side of a difference. */
export interface DiffSide {
  readonly type: FileView["type"];
  readonly bytes: number;
  readonly cid: string | null;
  readonly target: string | null;
}

/** A path, relative to both, that is only on one side or is something else on the other; "" is what was named. */
export interface Difference {
  readonly change: "added" | "removed" | "changed";
  readonly path: string;
  readonly before: DiffSide | null;
  readonly after: DiffSide | null;
}

type Files = Pick<FileClient, "list" | "stat">;
type Entry = FileList["entries"][number];

/**
 * Differences in the order of paths; modes and times are none. Of a folder that is only on one side all that lies
 * below is told as well.
 */
export async function* diffShared(
  files: Files,
  before: ReadablePath,
  after: ReadablePath,
): AsyncGenerator<Difference, void, undefined> {
  const [left, right] = await Promise.all([
    files.stat({ ...before, follow: true }),
    files.stat({ ...after, follow: true }),
  ]);
  yield* compared(files, "", {
    left: { at: before, what: left },
    right: { at: after, what: right },
  });
}

/** Something that is there on one side. */
interface Seen {
  readonly at: ReadablePath;
  readonly what: FileView | Entry;
}

async function* compared(
  files: Files,
  path: string,
  { left, right }: { readonly left: Seen | undefined; readonly right: Seen | undefined },
): AsyncGenerator<Difference, void, undefined> {
  const before = left === undefined ? null : sideOf(left.what);
  const after = right === undefined ? null : sideOf(right.what);
  if (!isSame(before, after)) yield { change: changeOf(before, after), path, before, after };
  const leftFolder = before?.type === "directory" ? left?.at : undefined;
  const rightFolder = after?.type === "directory" ? right?.at : undefined;
  const lefts = entriesOf(files, leftFolder);
  const rights = entriesOf(files, rightFolder);
  let [one, other] = [await lefts.next(), await rights.next()];
  while (one.done !== true || other.done !== true) {
    const leftEntry = one.done === true ? undefined : one.value;
    const rightEntry = other.done === true ? undefined : other.value;
    const order = orderOf(leftEntry?.what.name, rightEntry?.what.name);
    const name = (order <= 0 ? leftEntry : rightEntry)?.what.name ?? "";
    yield* compared(files, path === "" ? name : `${path}/${name}`, {
      left: order <= 0 ? leftEntry : undefined,
      right: order >= 0 ? rightEntry : undefined,
    });
    if (order <= 0) one = await lefts.next();
    if (order >= 0) other = await rights.next();
  }
}

async function* entriesOf(
  files: Files,
  at: ReadablePath | undefined,
): AsyncGenerator<{ readonly at: ReadablePath; readonly what: Entry }, void, undefined> {
  let after: string | undefined;
  while (at !== undefined) {
    const page = await files.list({ ...at, limit: PAGE_NAMES, after });
    for (const what of page.entries) {
      const path = `${at.path.replace(/\/$/u, "")}/${what.name}`;
      yield { at: { ...at, path }, what };
    }
    if (page.next === null) return;
    after = page.next;
  }
}

/** In the order of bytes, as folders are listed; nothing comes last. */
function orderOf(left: string | undefined, right: string | undefined): number {
  if (left === undefined || right === undefined)
    return left === right ? 0 : left === undefined ? 1 : -1;
  return Buffer.compare(Buffer.from(left), Buffer.from(right));
}

function sideOf({ type, bytes, cid, target }: FileView | Entry): DiffSide {
  return { type, bytes, cid, target };
}

/** Content whose id nobody told is the same as none. */
function isSame(before: DiffSide | null, after: DiffSide | null): boolean {
  if (before === null || after === null || before.type !== after.type) return false;
  if (before.type === "symlink") return before.target === after.target;
  if (before.type === "directory") return true;
  return before.bytes === after.bytes && before.cid !== null && before.cid === after.cid;
}

function changeOf(before: DiffSide | null, after: DiffSide | null): Difference["change"] {
  if (before === null) return "added";
  return after === null ? "removed" : "changed";
}
