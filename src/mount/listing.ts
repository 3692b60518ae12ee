/**
 * A directory that is being listed. The kernel goes on by numbers, the volume by names: entry number n of
 * the listing is the n-th that was told, and of each page it is remembered after which name it begins.
 */
import type { Look } from "./freshness.ts";
import type { OpenFile } from "./open-file.ts";
import type { OpenFiles } from "./open-files.ts";
import type { Attributes, DirectoryEntry, InodeId, Volume } from "./ports.ts";

/** Entries that are asked of a volume at once: half a megabyte at most. */
export const PAGE_ENTRIES_MAX = 1000;

/** Pages whose beginnings are remembered: who goes back further reads from the last that is. */
export const BOOKMARKS_MAX = 4096;

/** The entries . and .. come first. */
const DOTS = [".", ".."];

export class Listing {
  readonly directory: InodeId;
  readonly #volume: Volume;
  readonly #files: OpenFiles;
  readonly #lookNow: () => Look;
  #look: Look;
  #self: Attributes | undefined;
  #page: readonly DirectoryEntry[] = [];
  /** Number of the first entry of the page. */
  #first = DOTS.length;
  #more = true;
  /** Where pages begin: number of their first entry, and the name before it. */
  readonly #bookmarks = new Map<number, string | undefined>([[DOTS.length, undefined]]);
  /** Files that the volume did not know when the listing began, but for those that it told since. */
  #new = new Map<string, OpenFile>();

  constructor(options: {
    readonly directory: InodeId;
    readonly volume: Volume;
    readonly files: OpenFiles;
    /** A look that begins now. */
    readonly look: () => Look;
  }) {
    this.directory = options.directory;
    this.#volume = options.volume;
    this.#files = options.files;
    this.#lookNow = options.look;
    this.#look = options.look();
  }

  /** When what was told last was asked of the volume. */
  get look(): Look {
    return this.#look;
  }

  /**
   * The entry with that number, or undefined at the end.
   * @throws {JobxError} of the volume
   */
  async at(index: number): Promise<DirectoryEntry | undefined> {
    const dot = DOTS[index];
    if (dot !== undefined) return { name: dot, attributes: await this.#ofSelf(index === 0) };
    if (index < this.#first) this.#rewind(index);
    while (index >= this.#first + this.#page.length) {
      if (!this.#more) return this.#newAt(index - this.#first - this.#page.length);
      await this.#nextPage();
    }
    return this.#page[index - this.#first];
  }

  async #ofSelf(isAgain: boolean): Promise<Attributes> {
    // Who begins again wants what is there now.
    if (isAgain) {
      this.#rewind(0);
      this.#self = await this.#volume.getattr(this.directory);
    }
    this.#self ??= await this.#volume.getattr(this.directory);
    return this.#self;
  }

  #newAt(position: number): DirectoryEntry | undefined {
    let at = 0;
    for (const [name, file] of this.#new) {
      if (file.isOrphan) continue;
      if (at === position) return { name, attributes: file.attributes };
      at += 1;
    }
    return undefined;
  }

  /** Goes back to the last page that is known to begin at `index` or before. */
  #rewind(index: number): void {
    let first = DOTS.length;
    for (const begin of this.#bookmarks.keys()) if (begin <= index) first = Math.max(first, begin);
    if (index < DOTS.length) {
      this.#bookmarks.clear();
      this.#bookmarks.set(first, undefined);
      this.#new = new Map(this.#files.newIn(this.directory));
    }
    this.#page = [];
    this.#first = first;
    this.#more = true;
  }

  async #nextPage(): Promise<void> {
    const after =
      this.#page.length === 0 ? this.#bookmarks.get(this.#first) : this.#page.at(-1)?.name;
    const first = this.#first + this.#page.length;
    const look = this.#lookNow();
    const page = await this.#volume.list(this.directory, { after, limit: PAGE_ENTRIES_MAX });
    for (const { name } of page.entries) this.#new.delete(name);
    this.#first = first;
    this.#page = page.entries;
    this.#look = look;
    this.#more = page.more && page.entries.length > 0;
    if (this.#bookmarks.size < BOOKMARKS_MAX) this.#bookmarks.set(first, after);
  }
}
