/** Copies within a volume: the same content under another name, so that no byte of it is moved. */

import { randomUUID } from "node:crypto";
import { isJobxError } from "../../api/errors.ts";
import type { VolumeCopy, VolumeCopyAnswer } from "../../api/volume-port.ts";
import { ATTEMPTS_FOLDER } from "../../scheduler/tree/attempts-folder.ts";
import type { Place, TreeCommand } from "../../scheduler/tree/commands.ts";
import { treeError } from "../../scheduler/tree/errors.ts";
import type { Found } from "../../scheduler/tree/reads.ts";
import { type InodeRow, ROOT_INODE } from "../../scheduler/tree/rows.ts";
import { UPLOADS_FOLDER } from "../../scheduler/tree/uploads-folder.ts";
import type { Timers } from "../../std/clock.ts";
import { freePlace, putAside } from "./aside.ts";
import { type BuildCounts, type BuildEntry, buildTree } from "./tree-build.ts";
import { walkBelow } from "./tree-pages.ts";
import { type FileCall, pathOf, type TreeReader } from "./tree-reader.ts";
import { UploadPin } from "./upload-pin.ts";

/** Of the root: what is being put, a copy itself among it, and what attempts that live have written. */
const WAITING: ReadonlySet<string> = new Set([UPLOADS_FOLDER, ATTEMPTS_FOLDER]);

/** How often it is begun anew where files are replaced or removed while they are copied. */
const COPY_TRIES = 5;

export interface CopyDeps {
  readonly reader: TreeReader;
  readonly command: (command: TreeCommand) => Promise<{ readonly inode: number }>;
  /** This node, which holds the pin of a copy that is under way. */
  readonly self: string;
  readonly timers: Timers;
}

/** @throws {JobxError} as `VolumePort.copy`. */
export async function copyWithin(
  deps: CopyDeps,
  input: VolumeCopy,
  how: { readonly call: FileCall; readonly signal: AbortSignal },
): Promise<VolumeCopyAnswer> {
  for (let left = COPY_TRIES; ; left -= 1) {
    try {
      return await copyOnce(deps, input, how);
    } catch (error) {
      if (!isJobxError(error) || error.code !== "FS_PIN_LAPSED") throw error;
      if (left === 1) {
        const message = "what is to be copied changes all the time";
        throw treeError("FS_CHANGED", message, { path: input.from });
      }
    }
  }
}

async function copyOnce(
  deps: CopyDeps,
  input: VolumeCopy,
  how: { readonly call: FileCall; readonly signal: AbortSignal },
): Promise<VolumeCopyAnswer> {
  const { reader } = deps;
  const { call } = how;
  const from = pathOf(input.from);
  const to = pathOf(input.to);
  const found = await reader.find(call, from, { follow: false });
  if (found.row.kind === "fs-directory") {
    if (!input.recursive) {
      throw treeError("FS_IS_DIRECTORY", "a folder is copied with recursive", { path: from });
    }
    const counts = await copyFolder(deps, { call, found, to, signal: how.signal });
    return { path: `/${to}`, ...counts };
  }
  const place = await reader.place(call, to, { parents: input.parents });
  return { path: `/${to}`, ...(await copyInode(deps.command, input, { row: found.row, place })) };
}

async function copyFolder(
  { reader, command, self, timers }: CopyDeps,
  copy: {
    readonly call: FileCall;
    readonly found: Found;
    readonly to: string;
    readonly signal: AbortSignal;
  },
): Promise<BuildCounts> {
  const { call, found, to, signal } = copy;
  const target = await freePlace(reader, call, to);
  const upload = randomUUID();
  const pin = await UploadPin.begin({ upload, holder: self, timers, command });
  try {
    // Its content needs no pin: what is not named any more is not to be copied.
    return await putAside({ command, upload, target }, (base) =>
      buildTree(entriesOf(reader, call, found), { command, upload: undefined, base, signal }),
    );
  } finally {
    pin.release();
  }
}

/** Copies what is no folder, with its attributes. @throws {JobxError} those of commands. */
export async function copyInode(
  command: CopyDeps["command"],
  input: Pick<VolumeCopy, "exclusive" | "parents">,
  {
    row,
    place,
  }: { readonly row: Exclude<InodeRow, { readonly kind: "fs-directory" }>; readonly place: Place },
): Promise<Omit<VolumeCopyAnswer, "path">> {
  const none = { files: 0, directories: 0, links: 0, bytes: 0 };
  if (row.kind === "fs-symlink") {
    await command({ kind: "fs-symlink", place, target: row.target });
    return { ...none, links: 1 };
  }
  const { mode, mtimeMicros, root, content, bytes } = row;
  const expect = input.exclusive ? ({ kind: "absent" } as const) : ({ kind: "any" } as const);
  const file = { place, expect, mode, mtimeMicros, root, content, keep: undefined };
  const { parents } = input;
  const { inode } = await command({ kind: "fs-commit", upload: undefined, files: [file], parents });
  const copy = { from: inode, path: "" };
  for (const { name, value } of row.attributes) {
    await command({ kind: "fs-attribute", place: copy, name, value, over: "any" });
  }
  return { ...none, files: 1, bytes };
}

/** A folder and all below it, but for what is being put. */
export async function* entriesOf(
  reader: TreeReader,
  call: FileCall,
  folder: Found,
): AsyncGenerator<BuildEntry, void, undefined> {
  yield entryOf("", folder.row);
  for await (const { path, row } of walkBelow(reader, call, folder)) {
    const [top = ""] = path.split("/");
    if (folder.inode !== ROOT_INODE || !WAITING.has(top)) yield entryOf(path, row);
  }
}

function entryOf(path: string, row: InodeRow): BuildEntry {
  const { mode, mtimeMicros, attributes } = row;
  switch (row.kind) {
    case "fs-file": {
      const { root, bytes, content } = row;
      return { kind: "file", path, mode, mtimeMicros, attributes, root, bytes, content };
    }
    case "fs-directory":
      return { kind: "directory", path, mode, mtimeMicros, attributes };
    case "fs-symlink":
      return { kind: "symlink", path, target: row.target };
  }
}
