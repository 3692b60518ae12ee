/** All files that are open on this mount, and the names of those that no volume knows yet. */
import { OpenFile, type OpenFileOptions } from "./open-file.ts";
import type { Attributes, InodeId, OpenedFile, Place } from "./ports.ts";

export class OpenFiles {
  readonly #options: Omit<OpenFileOptions, "onPlaced">;
  readonly #files = new Map<InodeId, OpenFile>();
  /** New files by directory and name. */
  readonly #new = new Map<InodeId, Map<string, OpenFile>>();

  constructor(options: Omit<OpenFileOptions, "onPlaced">) {
    this.#options = options;
  }

  get(inode: InodeId): OpenFile | undefined {
    return this.#files.get(inode);
  }

  /** The new file of that name, if there is one that the volume does not know. */
  newAt({ parent, name }: Place): OpenFile | undefined {
    return this.#new.get(parent)?.get(name);
  }

  /** New files of a directory with their names, as of now. */
  newIn(directory: InodeId): readonly (readonly [string, OpenFile])[] {
    return [...(this.#new.get(directory) ?? [])];
  }

  /** Enters a file that is made here. */
  make(attributes: Attributes, place: Place & { readonly exclusive: boolean }): OpenFile {
    const file = OpenFile.make(this.#fileOptions(), attributes, place);
    this.#files.set(attributes.inode, file);
    const names = this.#new.get(place.parent) ?? new Map<string, OpenFile>();
    names.set(place.name, file);
    this.#new.set(place.parent, names);
    return file;
  }

  /** Enters a file of the volume. */
  add(opened: OpenedFile): OpenFile {
    const file = OpenFile.known(this.#fileOptions(), opened);
    this.#files.set(opened.attributes.inode, file);
    return file;
  }

  /** A name is gone, or another has it now; the inode has `attributes.links` left. */
  unlinked(attributes: Attributes): void {
    if (attributes.links === 0) this.#files.get(attributes.inode)?.orphan(attributes);
  }

  /** A new file gives up its name, and gets no other. */
  dropNew(file: OpenFile): void {
    if (file.place !== undefined) this.#forgetName(file, file.place);
    file.orphan(undefined);
  }

  /** What was written is lost, and was said to be: whoever opens the file from now on finds the old one. */
  giveUp(inode: InodeId, file: OpenFile, error: unknown): void {
    file.fail(error);
    if (file.place !== undefined) this.#forgetName(file, file.place);
    if (this.#files.get(inode) === file) this.#files.delete(inode);
  }

  /** One handle fewer; the last one ends the file. @throws {JobxError} of `OpenFile.end` */
  async release(inode: InodeId, file: OpenFile): Promise<void> {
    file.handles -= 1;
    if (file.handles > 0) return;
    await file.end(() => {
      if (this.#files.get(inode) === file) this.#files.delete(inode);
      if (file.place !== undefined) this.#forgetName(file, file.place);
    });
  }

  #fileOptions(): OpenFileOptions {
    return { ...this.#options, onPlaced: (file, place) => this.#forgetName(file, place) };
  }

  #forgetName(file: OpenFile, { parent, name }: Place): void {
    const names = this.#new.get(parent);
    // Another may have got the name since.
    if (names?.get(name) !== file) return;
    names.delete(name);
    if (names.size === 0) this.#new.delete(parent);
  }
}
