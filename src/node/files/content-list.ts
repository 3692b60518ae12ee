/** The list of a file's blocks as it grows: in the inode while it is short, else staged in parts. */
import type { TreeCommand } from "../../scheduler/tree/commands.ts";
import {
  type FileBlock,
  type FileContent,
  INODE_BLOCKS_MAX,
  PART_BLOCKS_MAX,
  type Stripe,
} from "../../scheduler/tree/rows.ts";
import { withStripes } from "./stripe-writer.ts";

/** Puts a command through and resolves with the number that it is answered with. */
export type StageCommand = (command: TreeCommand) => Promise<number>;

/** Holds the blocks of one part. One call at a time. */
export class ContentList {
  readonly #upload: string;
  readonly #stage: StageCommand;
  #blocks: FileBlock[] = [];
  /** Which blocks of the content have to be named before each. */
  #stripes: { readonly stripe: Stripe; readonly untilBlock: number }[] = [];
  #content = 0;
  #parts = 0;

  constructor(upload: string, stage: StageCommand) {
    this.#upload = upload;
    this.#stage = stage;
  }

  /** @throws {JobxError} `FS_PIN_LAPSED`, `FS_CONTENT_INVALID` for a file of too many parts. */
  async add(blocks: readonly FileBlock[], stripes: readonly Stripe[] = []): Promise<void> {
    this.#blocks.push(...blocks);
    const untilBlock = this.#parts * PART_BLOCKS_MAX + this.#blocks.length;
    this.#stripes.push(...stripes.map((stripe) => ({ stripe, untilBlock })));
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

  /** Stripes of blocks that no part has told of: they belong to the command that names the content. */
  get stripes(): readonly Stripe[] {
    return this.#stripes.map(({ stripe }) => stripe);
  }

  async #stagePart(blocks: readonly FileBlock[]): Promise<void> {
    const [upload, content, part] = [this.#upload, this.#content, this.#parts];
    const staged = part * PART_BLOCKS_MAX + blocks.length;
    // A stripe is told of with the part that has the last of its blocks.
    const ready = this.#stripes.filter(({ untilBlock }) => untilBlock <= staged);
    this.#stripes = this.#stripes.filter(({ untilBlock }) => untilBlock > staged);
    const stripes = ready.map(({ stripe }) => stripe);
    const command = { kind: "fs-stage", upload, content, part, blocks } as const;
    this.#content = await this.#stage(withStripes(command, stripes));
    this.#parts += 1;
  }
}
