/** Puts a folder from an archive: name by name as it comes, or aside and then moved to its place in one step. */
import { randomUUID } from "node:crypto";
import { isJobxError } from "../../api/errors.ts";
import type { TreePut, TreePutAnswer } from "../../api/file-port.ts";
import { readTar } from "../../api/tar/tar-reader.ts";
import type { Place, TreeCommand } from "../../scheduler/tree/commands.ts";
import { treeError } from "../../scheduler/tree/errors.ts";
import { volumeUse } from "../../scheduler/tree/reads.ts";
import { ROOT_INODE } from "../../scheduler/tree/rows.ts";
import { UPLOADS_FOLDER, uploadPath } from "../../scheduler/tree/uploads-folder.ts";
import { ClusterError } from "../cluster-errors.ts";
import { FOLDER_MODE } from "./folder-mode.ts";
import { type FileCall, pathOf } from "./tree-reader.ts";
import { TreeUnpack, type UnpackDeps } from "./tree-unpack.ts";
import { CHUNKING, type UploadDeps } from "./upload.ts";
import { UploadPin } from "./upload-pin.ts";

export type TreeDeps = Omit<UploadDeps, "contents"> & Pick<UnpackDeps, "contents">;

/**
 * Puts a folder.
 * @throws {JobxError} as `FilePort.putTree`, with the counts of what is there by then.
 */
export async function putTree(
  deps: TreeDeps,
  input: TreePut,
  how: {
    readonly call: FileCall;
    readonly archive: AsyncIterable<Uint8Array>;
    readonly signal: AbortSignal;
  },
): Promise<TreePutAnswer> {
  const { call, archive, signal } = how;
  const path = pathOf(input.path);
  const upload = randomUUID();
  const command = (one: TreeCommand) => deps.command(call, one);
  const target = input.atomic ? await freePlace(deps, call, path) : undefined;
  const { copies: wanted, chunking } = await deps.reader.ask(call, volumeUse);
  const pin = await UploadPin.begin({ upload, holder: deps.self, timers: deps.timers, command });
  const aside = { from: ROOT_INODE, path: uploadPath(upload) };
  let unpack: TreeUnpack | undefined;
  try {
    const mkdir = (place: Place) =>
      command({ kind: "fs-mkdir", place, mode: FOLDER_MODE, parents: true });
    const base = target === undefined ? await baseOf(deps, call, path) : (await mkdir(aside)).inode;
    const options = { upload, base, wanted, chunking: CHUNKING[chunking], signal };
    unpack = new TreeUnpack({ ...deps, command }, options);
    await unpack.unpack(readTar(archive));
    if (target !== undefined) {
      const moves = [{ from: aside, to: target, keep: undefined }];
      await command({ kind: "fs-rename", moves, over: "posix", parents: true });
    }
    return { path: `/${path}`, ...unpack.counts, copies: unpack.copies, copiesWanted: wanted };
  } catch (error) {
    if (target !== undefined) await quietly(command, { kind: "fs-remove", place: aside });
    throw counted(error, target === undefined ? unpack : undefined);
  } finally {
    pin.release();
    if (target !== undefined) {
      await quietly(command, {
        kind: "fs-rmdir",
        place: { from: ROOT_INODE, path: UPLOADS_FOLDER },
      });
    }
  }
}

/** Where nothing is or an empty folder. @throws {TreeError} */
async function freePlace({ reader }: TreeDeps, call: FileCall, path: string): Promise<Place> {
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

/** The folder at the path, which is made where it is missing. @throws {TreeError} */
async function baseOf(deps: TreeDeps, call: FileCall, path: string): Promise<number> {
  const found = await deps.reader.findIfThere(call, path);
  if (found === undefined) {
    const place = await deps.reader.place(call, path, { parents: true });
    const how = { mode: FOLDER_MODE, parents: true };
    return (await deps.command(call, { kind: "fs-mkdir", place, ...how })).inode;
  }
  if (found.row.kind !== "fs-directory") {
    throw treeError("FS_NOT_DIRECTORY", "it is not a folder", { path });
  }
  return found.inode;
}

/** Nobody is told where it fails: what it would do away with harms nobody. */
async function quietly(
  command: (one: TreeCommand) => Promise<unknown>,
  one: TreeCommand,
): Promise<void> {
  await command(one).catch(() => undefined);
}

/** The same error, with how much is there. */
function counted(error: unknown, unpack: TreeUnpack | undefined): unknown {
  if (!isJobxError(error)) return error;
  const counts = unpack?.counts ?? { files: 0, directories: 0, links: 0, bytes: 0 };
  const message = `${error.message}; ${counts.files} files were put`;
  return new ClusterError({ ...error.details, ...counts }, message, { cause: error });
}
