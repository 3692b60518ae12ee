/** The list of a file's blocks as it grows: in the inode while it is short, else staged in parts. */
import type { TreeCommand } from "../../scheduler/tree/commands.ts";
import {
  type FileBlock,
  type FileContent,
  INODE_BLOCKS_MAX,
  PART_BLOCKS_MAX,
} from "../../scheduler/tree/rows.ts";

/** Puts a command through and resolves with the number that it is answered with. */
export type StageCommand = (command: TreeCommand) => Promise<number>;

/** Holds the blocks of one part. One call at a time. */
export class ContentList {
  readonly #upload: string;
  readonly #stage: StageCommand;
  #blocks: FileBlock[] = [];
  #content = 0;
  #parts = 0;

  constructor(upload: string, stage: StageCommand) {
    this.#upload = upload;
    this.#stage = stage;
  }

  /** @throws {JobxError} `FS_PIN_LAPSED`, `FS_CONTENT_INVALID` for a file of too many parts. */
  async add(blocks: readonly FileBlock[]): Promise<void> {
    this.#blocks.push(...blocks);
    while (this.#blocks.length > PART_BLOCKS_MAX) {
      await this.#stagePart(this.#blocks.splice(0, PART_BLOCKS_MAX));
    }
  }

  /** The whole; nothing may be added any more. @throws as `add`. */
  async finish(): Promise<FileContent> {
    if (this.#parts === 0 && this.#blocks.length <= INODE_BLOCKS_MAX) {
      return { kind: "inline", blocks: this.#blocks };
    }
    await this.#stagePart(this.#blocks);
    return { kind: "listed", content: this.#content };
  }

  async #stagePart(blocks: readonly FileBlock[]): Promise<void> {
    const [upload, content, part] = [this.#upload, this.#content, this.#parts];
    this.#content = await this.#stage({ kind: "fs-stage", upload, content, part, blocks });
    this.#parts += 1;
  }
}
