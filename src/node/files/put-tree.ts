/** Puts a folder from an archive: name by name as it comes, or aside and then moved to its place in one step. */
import { randomUUID } from "node:crypto";
import { isJobxError } from "../../api/errors.ts";
import type { TreePut, TreePutAnswer } from "../../api/file-port.ts";
import { readTar } from "../../api/tar/tar-reader.ts";
import type { TreeCommand } from "../../scheduler/tree/commands.ts";
import { treeError } from "../../scheduler/tree/errors.ts";
import { volumeUse } from "../../scheduler/tree/reads.ts";
import { ClusterError } from "../cluster-errors.ts";
import { freePlace, putAside } from "./aside.ts";
import { FOLDER_MODE } from "./folder-mode.ts";
import { keyToSeal } from "./sealing.ts";
import { type FileCall, pathOf } from "./tree-reader.ts";
import { TreeUnpack, type UnpackDeps } from "./tree-unpack.ts";
import { CHUNKING, codingOf, type UploadDeps } from "./upload.ts";
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
  const target = input.atomic ? await freePlace(deps.reader, call, path) : undefined;
  const volume = await deps.reader.ask(call, volumeUse);
  const { copies: wanted, chunking } = volume;
  const key = await keyToSeal(deps.keys, call, volume);
  const pin = await UploadPin.begin({ upload, holder: deps.self, timers: deps.timers, command });
  let unpack: TreeUnpack | undefined;
  const fill = async (base: number): Promise<TreePutAnswer> => {
    const coding = codingOf(deps, call, volume);
    const options = { upload, base, wanted, chunking: CHUNKING[chunking], key, coding, signal };
    unpack = new TreeUnpack({ ...deps, command }, options);
    await unpack.unpack(readTar(archive));
    return { path: `/${path}`, ...unpack.counts, copies: unpack.copies, copiesWanted: wanted };
  };
  try {
    if (target !== undefined) return await putAside({ command, upload, target }, fill);
    return await fill(await baseOf(deps, call, path));
  } catch (error) {
    throw counted(error, target === undefined ? unpack : undefined);
  } finally {
    pin.release();
  }
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

/** The same error, with how much is there. */
function counted(error: unknown, unpack: TreeUnpack | undefined): unknown {
  if (!isJobxError(error)) return error;
  const counts = unpack?.counts ?? { files: 0, directories: 0, links: 0, bytes: 0 };
  const message = `${error.message}; ${counts.files} files were put`;
  return new ClusterError({ ...error.details, ...counts }, message, { cause: error });
}
