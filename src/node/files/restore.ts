/** Brings back what a snapshot or a kept version has: names of the same content, so that no byte of it is moved. */
import { randomUUID } from "node:crypto";
import type { VolumeCopyAnswer } from "../../api/volume-port.ts";
import { treeError } from "../../scheduler/tree/errors.ts";
import { lookUp } from "../../scheduler/tree/reads.ts";
import { freePlace, putAside } from "./aside.ts";
import { copyInode, entriesOf } from "./copy.ts";
import type { SnapshotDeps } from "./take-snapshot.ts";
import { buildTree } from "./tree-build.ts";
import type { FileCall } from "./tree-reader.ts";
import { UploadPin } from "./upload-pin.ts";

/** From where to where; the paths without a slash before them. */
export interface Restored {
  /** The top folder of a snapshot, or the inode of a version. */
  readonly from: number;
  readonly path: string;
  readonly to: string;
  readonly replace: boolean;
}

/** @throws {JobxError} as `SnapshotPort.restore`. */
export async function restoreTree(
  deps: SnapshotDeps,
  { from, path, to, replace }: Restored,
  { call, signal }: { readonly call: FileCall; readonly signal: AbortSignal },
): Promise<VolumeCopyAnswer> {
  const { reader, command, self, timers } = deps;
  const found = await reader.ask(call, (view) => lookUp(view, { from, path }, { follow: false }));
  const answer = { path: `/${to}` };
  if (found.row.kind !== "fs-directory") {
    const place = await reader.place(call, to, { parents: true });
    const how = { exclusive: false, parents: true };
    return { ...answer, ...(await copyInode(command, how, { row: found.row, place })) };
  }
  const target = replace
    ? await reader.place(call, to, { parents: true })
    : await freePlace(reader, call, to);
  if (target.path === "") throw treeError("FS_EXISTS", "the root is there already");
  const upload = randomUUID();
  const pin = await UploadPin.begin({ upload, holder: self, timers, command });
  try {
    const over = replace ? "tree" : "posix";
    const counts = await putAside({ command, upload, target, over }, (base) =>
      buildTree(entriesOf(reader, call, found), { command, upload, base, signal }),
    );
    return { ...answer, ...counts };
  } finally {
    pin.release();
  }
}
