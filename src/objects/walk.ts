/** All files below a folder, in an order that does not change: depth first, names by their bytes. */

/** A name in a folder. */
export interface FolderEntry {
  readonly name: string;
  readonly type: "file" | "directory" | "symlink" | "other";
}

/** Names of a folder in the order of their bytes, those after `after` only. Nothing where the folder is gone. */
export type ListFolder<E extends FolderEntry> = (
  path: string,
  after: string | undefined,
) => AsyncIterable<E>;

/**
 * Files below `folder`, after the one at `after`. `at` is the way from the folder: names between slashes.
 * Symbolic links are left out: they may lead anywhere, and round in circles.
 */
export async function* walkFiles<E extends FolderEntry>(
  list: ListFolder<E>,
  folder: string,
  after: string | undefined,
): AsyncGenerator<{ readonly at: string; readonly entry: E }, void, undefined> {
  const [first, ...more] = after === undefined ? [] : after.split("/");
  if (first !== undefined && more.length > 0) {
    // The folder in which the last one was comes before what follows it.
    yield* below(list, join(folder, first), { name: first, after: more.join("/") });
  }
  for await (const entry of list(folder, first)) {
    const { name, type } = entry;
    if (type === "directory") yield* below(list, join(folder, name), { name, after: undefined });
    else if (type === "file") yield { at: name, entry };
  }
}

async function* below<E extends FolderEntry>(
  list: ListFolder<E>,
  folder: string,
  of: { readonly name: string; readonly after: string | undefined },
): AsyncGenerator<{ readonly at: string; readonly entry: E }, void, undefined> {
  for await (const { at, entry } of walkFiles(list, folder, of.after)) {
    yield { at: `${of.name}/${at}`, entry };
  }
}

/** A name below a folder; the top folder may have no name. */
export function join(folder: string, name: string): string {
  if (folder === "") return name;
  return folder.endsWith("/") ? `${folder}${name}` : `${folder}/${name}`;
}
