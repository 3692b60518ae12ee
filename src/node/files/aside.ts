/** A tree that is made aside and then moved to its place in one step: seen whole, or not at all. */
import type { MoveOver, Place, TreeCommand } from "../../scheduler/tree/commands.ts";
import { treeError } from "../../scheduler/tree/errors.ts";
import { ROOT_INODE } from "../../scheduler/tree/rows.ts";
import { UPLOADS_FOLDER, uploadPath } from "../../scheduler/tree/uploads-folder.ts";
import { FOLDER_MODE } from "./folder-mode.ts";
import type { FileCall, TreeReader } from "./tree-reader.ts";

/** What is put aside, and for where. */
export interface Aside {
  readonly command: PutCommand;
  /** Whose pin lives meanwhile: what lies aside without one is removed. */
  readonly upload: string;
  readonly target: Place;
  /** What is done where the target is there: `posix` unless said. */
  readonly over?: MoveOver;
}

type PutCommand = (command: TreeCommand) => Promise<{ readonly inode: number }>;

/**
 * Has a folder filled aside, and moves it to `target`. Where that fails nothing of it stays; what a node leaves
 * that dies is removed when its pin has lapsed.
 * @throws {JobxError} what `fill` and commands throw.
 */
export async function putAside<Answer>(
  { command, upload, target, over = "posix" }: Aside,
  fill: (base: number) => Promise<Answer>,
): Promise<Answer> {
  const aside = { from: ROOT_INODE, path: uploadPath(upload) };
  try {
    const made = { kind: "fs-mkdir", place: aside, mode: FOLDER_MODE, parents: true } as const;
    const answer = await fill((await command(made)).inode);
    const moves = [{ from: aside, to: target, keep: undefined }];
    await command({ kind: "fs-rename", moves, over, parents: true });
    return answer;
  } catch (error) {
    await quietly(command, { kind: "fs-remove", place: aside });
    throw error;
  } finally {
    await quietly(command, { kind: "fs-rmdir", place: { from: ROOT_INODE, path: UPLOADS_FOLDER } });
  }
}

/** Where nothing is or an empty folder. @throws {TreeError} */
export async function freePlace(reader: TreeReader, call: FileCall, path: string): Promise<Place> {
  const found = await reader.findIfThere(call, path, { follow: false });
  if (found !== undefined && found.row.kind !== "fs-directory") {
    throw treeError("FS_NOT_DIRECTORY", "it is not a folder", { path });
  }
  if (found?.row.kind === "fs-directory" && found.row.entries > 0) {
    throw treeError("FS_NOT_EMPTY", "only an empty folder is replaced at once", { path });
  }
  const place = await reader.place(call, path, { parents: true });
  if (place.path === "") throw treeError("FS_EXISTS", "the root is there already");
  return place;
}

/** Nobody is told where it fails: what it would do away with harms nobody. */
async function quietly(command: PutCommand, one: TreeCommand): Promise<void> {
  await command(one).catch(() => undefined);
}
