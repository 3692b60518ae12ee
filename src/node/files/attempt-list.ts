/** A folder of a workspace as an attempt sees it: two folders, page by page, in the order of names. */
import type { FileAt, FileList } from "../../api/file-port.ts";
import type { CallOptions } from "../../api/ports.ts";
import { treeError } from "../../scheduler/tree/errors.ts";
import { type AttemptView, joined, notFound } from "./attempt-view.ts";

type Page = Pick<FileList, "entries" | "next">;

/** @throws {JobxError} `FS_NOT_FOUND`, `FS_NOT_DIRECTORY`. */
export async function listSeen(
  view: AttemptView,
  of: FileAt & { readonly rel: string; readonly limit: number; readonly after: string | undefined },
  options: CallOptions,
): Promise<FileList> {
  const { workflow, path, rel, limit, after } = of;
  const own = await view.findStaged(rel, options, true);
  const committed = await view.findCommitted(rel, options, true);
  const top = own ?? committed;
  if (top === undefined) throw notFound(path);
  if (top.view.type !== "directory") {
    throw treeError("FS_NOT_DIRECTORY", "it is not a folder", { path });
  }
  const { files } = view.below;
  const read = (at: string): Promise<Page> =>
    files.list({ workflow, path: at, limit, after }, options);
  const ours = own === undefined ? undefined : await read(own.at);
  const isJoined = committed?.view.type === "directory";
  const others = isJoined ? await read(committed.at) : undefined;
  const shown = others && {
    ...others,
    entries: others.entries.filter(({ name }) => !view.isRemoved(joined(rel, name))),
  };
  return { path, ...merged(ours, shown, { limit, last: lastOf(others) }) };
}

/** Entries of two folders, of which the first one's hide the other's, as one page. */
function merged(
  ours: Page | undefined,
  others: Page | undefined,
  { limit, last }: { readonly limit: number; readonly last: string | undefined },
): Page {
  const byName = new Map((others?.entries ?? []).map((entry) => [entry.name, entry]));
  for (const entry of ours?.entries ?? []) byName.set(entry.name, entry);
  // Beyond the last name of a page that has a next one the folder is not known yet.
  const ends = [
    ...(ours?.next === undefined || ours.next === null ? [] : [ours.next]),
    ...(others?.next === undefined || others.next === null || last === undefined ? [] : [last]),
  ].toSorted(byBytes);
  const [end] = ends;
  const known = [...byName.values()]
    .filter(({ name }) => end === undefined || byBytes(name, end) <= 0)
    .toSorted((one, other) => byBytes(one.name, other.name));
  const entries = known.slice(0, limit);
  const next = known.length > limit ? entries.at(-1)?.name : end;
  return { entries, next: next ?? null };
}

/** Of what was read, also where it was left out. */
function lastOf(page: Page | undefined): string | undefined {
  return page?.next ?? undefined;
}

function byBytes(one: string, other: string): number {
  return Buffer.compare(Buffer.from(one), Buffer.from(other));
}
