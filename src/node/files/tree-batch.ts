/** Members of an archive that are put together: in one batch of blocks and one command for the files. */
import { FS_COMMAND_NAMES_MAX, FS_FILES_MAX } from "../../scheduler/tree/commands.ts";

/** A file up to this size is read whole and put with others; larger ones go as streams. */
export const SMALL_FILE_BYTES = 1024 * 1024;

/** Content of one batch: a window of the store. */
const BATCH_BYTES = 8 * 1024 * 1024;

/** Characters of all paths of one batch: with four bytes each far below the largest command. */
const BATCH_PATHS_LENGTH = 64 * 1024;

interface Member {
  readonly path: string;
  readonly mode: number;
  readonly mtimeMicros: number | undefined;
}

export interface SmallFile extends Member {
  readonly kind: "file";
  readonly data: Uint8Array;
}

export type BatchMember =
  | SmallFile
  | ({ readonly kind: "directory" } & Member)
  | { readonly kind: "symlink"; readonly path: string; readonly target: string };

/** Takes members while they fit. */
export class TreeBatch {
  readonly members: BatchMember[] = [];
  /** Of all content. */
  bytes = 0;
  #names = 0;
  #pathsLength = 0;

  /** Whether it was taken; an empty batch takes any. */
  take(member: BatchMember): boolean {
    const bytes = member.kind === "file" ? member.data.length : 0;
    const names = member.path.split("/").length;
    const isFull =
      this.members.length >= FS_FILES_MAX ||
      this.bytes + bytes > BATCH_BYTES ||
      this.#names + names > FS_COMMAND_NAMES_MAX ||
      this.#pathsLength + member.path.length > BATCH_PATHS_LENGTH;
    if (isFull && this.members.length > 0) return false;
    this.members.push(member);
    this.bytes += bytes;
    this.#names += names;
    this.#pathsLength += member.path.length;
    return true;
  }
}
