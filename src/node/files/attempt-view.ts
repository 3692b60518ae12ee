/**
 * The workspace of a request as one of its attempts sees it: what is committed, below what the attempt itself has
 * written. That lies in a folder of its own until the attempt ends well (R17); what it has removed is kept here,
 * since it is gone with the attempt, and so is whoever asks for it with this node.
 */
import type { FilePort, FileView } from "../../api/file-port.ts";
import type { CallOptions } from "../../api/ports.ts";
import type { VolumePort } from "../../api/volume-port.ts";
import {
  ATTEMPTS_FOLDER,
  attemptPath,
  PUBLISHED_FOLDER,
  STAGED_FOLDER,
} from "../../scheduler/tree/attempts-folder.ts";
import { FS_PREPARED_MAX } from "../../scheduler/tree/commands.ts";
import { treeError } from "../../scheduler/tree/errors.ts";
import type { PreparedPublish } from "../../scheduler/tree/rows.ts";
import { workspacePath } from "../../scheduler/tree/workspace.ts";
import type { Token } from "../../scheduler/unit.ts";
import { isJobxError } from "../../std/errors.ts";
import { pathOf } from "./tree-reader.ts";

/** What an attempt's view stands upon: the volume as everybody sees it. */
export interface Below {
  readonly files: FilePort;
  readonly volumes: Pick<VolumePort, "copy" | "openCar" | "importCar">;
}

/** Names of a folder that are copied up at a time. */
const PAGE_NAMES = 200;

/** What a path of the workspace leads to, and the path under which everybody sees it. */
export interface Seen {
  readonly at: string;
  readonly view: FileView;
}

export class AttemptView {
  readonly workflow: string;
  readonly below: Below;
  /** Paths of the workspace that its end takes away, without what lies under others of them. */
  readonly removed = new Set<string>();
  readonly published: PreparedPublish[] = [];
  readonly #workspace: string;
  readonly #folder: string;
  #staging: Promise<unknown> | undefined;
  #aside = 0;
  readonly #run: number;
  #isSettled = false;

  constructor(
    below: Below,
    of: {
      readonly workflow: string;
      readonly request: string;
      readonly token: Token;
      /** Which run of its handlers; what an earlier one has written is not there for it. */
      readonly run: number;
    },
  ) {
    this.below = below;
    this.workflow = of.workflow;
    this.#workspace = workspacePath(of.request);
    this.#folder = attemptPath(of.token);
    this.#run = of.run;
  }

  /** Whether the attempt has changed anything in the workspace. */
  get isChanged(): boolean {
    return this.#staging !== undefined || this.removed.size > 0;
  }

  /**
   * The path within the workspace, empty for that itself; undefined for what lies elsewhere in the volume.
   * @throws {TreeError} `FS_NOT_FOUND` for what attempts have written: nobody sees that yet.
   */
  within(path: string): string | undefined {
    const plain = pathOf(path);
    if (plain === ATTEMPTS_FOLDER || plain.startsWith(`${ATTEMPTS_FOLDER}/`)) {
      throw notFound(path);
    }
    if (plain === this.#workspace) return "";
    const prefix = `${this.#workspace}/`;
    return plain.startsWith(prefix) ? plain.slice(prefix.length) : undefined;
  }

  /** Where everybody would see what the attempt has written at a path of the workspace. */
  staged(rel: string): string {
    const folder = this.#run === 0 ? STAGED_FOLDER : `${STAGED_FOLDER}.${this.#run}`;
    return joined(`${this.#folder}/${this.#isSettled ? STAGED_FOLDER : folder}`, rel);
  }

  /** What the last run has written is where the attempt's end takes it from, in place of an earlier run's. */
  async settle(options: CallOptions): Promise<void> {
    await this.stage(options);
    if (this.#run === 0 || this.#isSettled) return;
    const from = this.staged("");
    this.#isSettled = true;
    const move = { workflow: this.workflow, from, to: this.staged("") };
    await this.below.files.publish(move, options);
  }

  /** Where everybody sees what is committed there. */
  committed(rel: string): string {
    return joined(this.#workspace, rel);
  }

  /** Makes the folder in which the attempt writes, the first time. */
  async stage(options: CallOptions): Promise<void> {
    const { files } = this.below;
    this.#staging ??= files.mkdir(
      { workflow: this.workflow, path: this.staged(""), parents: true },
      options,
    );
    try {
      await this.#staging;
    } catch (error) {
      this.#staging = undefined;
      throw error;
    }
  }

  /** What the attempt itself has written at that path. @throws {JobxError} `FS_NOT_DIRECTORY` below a file. */
  async findStaged(rel: string, options: CallOptions, follow = false): Promise<Seen | undefined> {
    if (this.#staging === undefined) return undefined;
    return this.#statIfThere(this.staged(rel), options, follow);
  }

  /** What is committed at that path and the attempt has not removed; it may have written over it. */
  async findCommitted(
    rel: string,
    options: CallOptions,
    follow = false,
  ): Promise<Seen | undefined> {
    if (this.isRemoved(rel)) return undefined;
    return this.#statIfThere(this.committed(rel), options, follow);
  }

  /** What the attempt sees at that path. @throws {JobxError} `FS_NOT_DIRECTORY` below a file. */
  async find(rel: string, options: CallOptions, follow = false): Promise<Seen | undefined> {
    const own = await this.findStaged(rel, options, follow);
    return own ?? (await this.findCommitted(rel, options, follow));
  }

  /** The same, of what has to be there. @throws {JobxError} `FS_NOT_FOUND`. */
  async findThere(rel: string, options: CallOptions, follow = false): Promise<Seen> {
    const seen = await this.find(rel, options, follow);
    if (seen === undefined) throw notFound(this.committed(rel));
    return seen;
  }

  /** Whether what is committed there has gone for the attempt. */
  isRemoved(rel: string): boolean {
    for (let path = rel; path !== ""; path = folderOf(path)) {
      if (this.removed.has(path)) return true;
    }
    return false;
  }

  /** Has it gone for the attempt, and with its end for all. @throws {TreeError} `COMMAND_TOO_LARGE`. */
  remove(rel: string): void {
    for (const path of this.removed) if (path.startsWith(`${rel}/`)) this.removed.delete(path);
    this.checkRoom();
    this.removed.add(rel);
  }

  /** A path of its own, for what is to be at another place with the attempt's end. */
  putAside(): { readonly at: string; readonly from: string } {
    this.#aside += 1;
    const from = `${PUBLISHED_FOLDER}/${this.#run}-${this.#aside}`;
    return { at: `${this.#folder}/${from}`, from };
  }

  /** @throws {TreeError} `COMMAND_TOO_LARGE` where the end of the attempt could not say one thing more. */
  checkRoom(): void {
    if (this.removed.size + this.published.length < FS_PREPARED_MAX) return;
    const message = `an attempt removes and publishes at most ${FS_PREPARED_MAX} names of its workspace`;
    throw treeError("COMMAND_TOO_LARGE", message);
  }

  /** A path under which everybody would find all that the attempt sees at that one. @throws {JobxError} */
  async whole(rel: string, options: CallOptions): Promise<string> {
    const own = await this.findStaged(rel, options);
    const committed = await this.findCommitted(rel, options);
    if (own === undefined && committed === undefined) throw notFound(this.committed(rel));
    if (committed === undefined || (own !== undefined && !areFolders(own, committed))) {
      return this.staged(rel);
    }
    if (own === undefined && !this.#isCut(rel)) return committed.at;
    await this.copyUp(rel, options);
    return this.staged(rel);
  }

  /** All that the attempt sees at that path is its own from now on. Without moving content. @throws {JobxError} */
  async copyUp(rel: string, options: CallOptions): Promise<void> {
    const committed = await this.findCommitted(rel, options);
    if (committed === undefined) return;
    const own = await this.findStaged(rel, options);
    if (own === undefined && !this.#isCut(rel)) {
      await this.#copy(rel, options);
      return;
    }
    if (own !== undefined && !areFolders(own, committed)) return;
    const { workflow } = this;
    const { files } = this.below;
    await files.mkdir({ workflow, path: this.staged(rel), parents: true }, options);
    let after: string | undefined;
    do {
      const page = { workflow, path: this.committed(rel), after, limit: PAGE_NAMES };
      const { entries, next } = await files.list(page, options);
      for (const { name } of entries) await this.copyUp(joined(rel, name), options);
      after = next ?? undefined;
    } while (after !== undefined);
  }

  /** Whether something that is committed below has gone for the attempt. */
  #isCut(rel: string): boolean {
    return [...this.removed].some((path) => rel === "" || path.startsWith(`${rel}/`));
  }

  async #copy(rel: string, options: CallOptions): Promise<void> {
    await this.stage(options);
    const paths = { from: this.committed(rel), to: this.staged(rel) };
    const how = { recursive: true, exclusive: true, parents: true };
    await this.below.volumes.copy({ workflow: this.workflow, ...paths, ...how }, options);
  }

  async #statIfThere(
    path: string,
    options: CallOptions,
    follow: boolean,
  ): Promise<Seen | undefined> {
    const { workflow } = this;
    try {
      return { at: path, view: await this.below.files.stat({ workflow, path, follow }, options) };
    } catch (error) {
      if (isJobxError(error) && error.code === "FS_NOT_FOUND") return undefined;
      throw error;
    }
  }
}

function areFolders(one: Seen, other: Seen): boolean {
  return one.view.type === "directory" && other.view.type === "directory";
}

/** A path below a folder. */
export function joined(folder: string, rel: string): string {
  if (folder === "" || rel === "") return folder + rel;
  return `${folder}/${rel}`;
}

/** The folder of a path; empty for a name by itself. */
export function folderOf(rel: string): string {
  return rel.slice(0, Math.max(0, rel.lastIndexOf("/")));
}

export function notFound(path: string): Error {
  return treeError("FS_NOT_FOUND", "there is no such file or folder", { path });
}
