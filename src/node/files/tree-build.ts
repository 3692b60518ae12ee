/**
 * Puts a tree below a folder whose content is on its nodes already: copies, restored snapshots, archives. Only
 * names are made, many in one command.
 */
import {
  type FileCommit,
  FS_COMMAND_BLOCKS_MAX,
  FS_COMMAND_NAMES_MAX,
  FS_FILES_MAX,
  type Place,
  type TreeCommand,
} from "../../scheduler/tree/commands.ts";
import type { FileAttribute, FileContent } from "../../scheduler/tree/rows.ts";
import { FOLDER_MODE } from "./folder-mode.ts";
import { sideBySide } from "./side-by-side.ts";

/** Characters of all paths of one batch: with four bytes each far below the largest command. */
const BATCH_PATHS_LENGTH = 64 * 1024;

/** Staged lists in one batch: half of what an upload may have at once. */
const BATCH_LISTS = 32;

/** Folders whose mode and time are set at the end, since what is put into them changes the time. */
const FOLDERS_KEPT = 10_000;

interface Member {
  readonly path: string;
  /** Undefined: what new ones have. */
  readonly mode: number | undefined;
  readonly mtimeMicros: number | undefined;
  readonly attributes: readonly FileAttribute[];
}

/** Something to be put; the path is relative to the folder, and "" is the folder itself. */
export type BuildEntry =
  | ({
      readonly kind: "file";
      readonly root: string | undefined;
      readonly bytes: number;
      readonly content: FileContent;
    } & Member)
  | ({ readonly kind: "directory" } & Member)
  | { readonly kind: "symlink"; readonly path: string; readonly target: string };

/** What was put. */
export interface BuildCounts {
  readonly files: number;
  readonly directories: number;
  readonly links: number;
  readonly bytes: number;
}

export interface BuildOptions {
  readonly command: (command: TreeCommand) => Promise<unknown>;
  /** The pin of what is staged or put for it; undefined where all of it is named already. */
  readonly upload: string | undefined;
  /** The folder below which everything goes. */
  readonly base: number;
  readonly signal: AbortSignal;
}

type Folder = Extract<BuildEntry, { readonly kind: "directory" }>;
type File = Extract<BuildEntry, { readonly kind: "file" }>;

/** Folders come before what is in them. @throws {JobxError} what `entries` throws, and those of commands. */
export async function buildTree(
  entries: AsyncIterable<BuildEntry>,
  options: BuildOptions,
): Promise<BuildCounts> {
  const build = new TreeBuild(options);
  for await (const entry of entries) {
    options.signal.throwIfAborted();
    await build.add(entry);
  }
  return build.finish();
}

class TreeBuild {
  readonly #options: BuildOptions;
  #batch: BuildEntry[] = [];
  #blocks = 0;
  #lists = 0;
  #names = 0;
  #pathsLength = 0;
  #folders: Folder[] = [];
  #counts = { files: 0, directories: 0, links: 0, bytes: 0 };

  constructor(options: BuildOptions) {
    this.#options = options;
  }

  async add(entry: BuildEntry): Promise<void> {
    const blocks = entry.kind === "file" ? blocksOf(entry.content) : 0;
    const lists = entry.kind === "file" && entry.content.kind === "listed" ? 1 : 0;
    const names = entry.path.split("/").length;
    const isFull =
      this.#batch.length >= FS_FILES_MAX ||
      this.#blocks + blocks > FS_COMMAND_BLOCKS_MAX ||
      this.#lists + lists > BATCH_LISTS ||
      this.#names + names > FS_COMMAND_NAMES_MAX ||
      this.#pathsLength + entry.path.length > BATCH_PATHS_LENGTH;
    if (isFull) await this.#flush();
    this.#batch.push(entry);
    this.#blocks += blocks;
    this.#lists += lists;
    this.#names += names;
    this.#pathsLength += entry.path.length;
  }

  async finish(): Promise<BuildCounts> {
    await this.#flush();
    await this.#setFolders();
    return this.#counts;
  }

  async #flush(): Promise<void> {
    const batch = this.#batch;
    this.#batch = [];
    this.#blocks = 0;
    this.#lists = 0;
    this.#names = 0;
    this.#pathsLength = 0;
    const folders = batch.filter((entry) => entry.kind === "directory");
    await sideBySide(folders, (folder) => this.#makeFolder(folder));
    await this.#putFiles(batch.filter((entry) => entry.kind === "file"));
    const links = batch.filter((entry) => entry.kind === "symlink");
    await sideBySide(links, async ({ path, target }) => {
      await this.#options.command({ kind: "fs-symlink", place: this.#place(path), target });
      this.#counts.links += 1;
    });
  }

  async #makeFolder(folder: Folder): Promise<void> {
    const { path } = folder;
    if (path !== "") {
      const place = this.#place(path);
      const mode = folder.mode ?? FOLDER_MODE;
      await this.#options.command({ kind: "fs-mkdir", place, mode, parents: true });
      this.#counts.directories += 1;
    }
    this.#folders.push(folder);
    if (this.#folders.length >= FOLDERS_KEPT) await this.#setFolders();
  }

  async #putFiles(files: readonly File[]): Promise<void> {
    if (files.length === 0) return;
    const { command, upload } = this.#options;
    const commits = files.map((file): FileCommit => {
      const { path, mode, mtimeMicros, root, content } = file;
      const place = this.#place(path);
      return { place, expect: ANY, mode, mtimeMicros, root, content, keep: undefined };
    });
    await command({ kind: "fs-commit", upload, files: commits, parents: true });
    this.#counts.files += files.length;
    this.#counts.bytes += files.reduce((sum, { bytes }) => sum + bytes, 0);
    await sideBySide(files, (file) => this.#setAttributes(file));
  }

  async #setFolders(): Promise<void> {
    const folders = this.#folders;
    this.#folders = [];
    await sideBySide(folders, async (folder) => {
      const { path, mode, mtimeMicros } = folder;
      const how = { place: this.#place(path), expect: ANY, mode, mtimeMicros } as const;
      if (mode !== undefined || mtimeMicros !== undefined) {
        await this.#options.command({ kind: "fs-attributes", ...how });
      }
      await this.#setAttributes(folder);
    });
  }

  async #setAttributes({ path, attributes }: Member): Promise<void> {
    const place = this.#place(path);
    for (const { name, value } of attributes) {
      await this.#options.command({ kind: "fs-attribute", place, name, value, over: "any" });
    }
  }

  #place(path: string): Place {
    return { from: this.#options.base, path };
  }
}

const ANY = { kind: "any" } as const;

/** Rows that a command reads for the content. */
function blocksOf(content: FileContent): number {
  return content.kind === "inline" ? content.blocks.length : 1;
}
