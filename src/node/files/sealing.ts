/** Which key content is sealed with, and opened. */
import type { SealKey } from "../../fs/seal.ts";
import type { FileBlock, VolumeOptions } from "../../scheduler/tree/rows.ts";
import type { Deadline } from "../../std/deadline.ts";
import { type FileCall, stepDeadline } from "./tree-reader.ts";

/** The key of a workflow, by its group. @throws {ClusterError} `FS_KEY_MISSING` where this node does not have it. */
export type KeySource = (group: number, deadline: Deadline) => Promise<SealKey>;

/** With which key the blocks of a volume are sealed; undefined: not at all. @throws {ClusterError} `FS_KEY_MISSING`. */
export function keyToSeal(
  keys: KeySource,
  call: FileCall,
  { sealing }: Pick<VolumeOptions, "sealing">,
): Promise<SealKey | undefined> {
  if (sealing === undefined) return Promise.resolve(undefined);
  return keys(call.group, stepDeadline(call));
}

/** With which key the blocks are opened; undefined where none is sealed. @throws {ClusterError} `FS_KEY_MISSING`. */
export function keyToOpen(
  keys: KeySource,
  call: FileCall,
  blocks: readonly FileBlock[],
): Promise<SealKey | undefined> {
  if (blocks.every(({ plain }) => plain === undefined)) return Promise.resolve(undefined);
  return keys(call.group, stepDeadline(call));
}
