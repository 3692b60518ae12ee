/**
 * What a mount knows of the tree: inodes, what names lead to, and folders of which it knows all names. It may be gone
 * by while the mount has a lease, since others that change something are answered only when it was heard here.
 *
 * K1: what others changed is dropped as it is heard, before the mount says that it knows of it. K2: what was asked
 * before something changed, by others or by this mount, and is answered after, is not kept. K3: of two answers about
 * an inode the one of the later revision is kept. K4: where it is not known what a change of this mount came to, all is
 * dropped.
 */
import type { InodeList, InodeView } from "../../api/inode-port.ts";
import { HeardChanges, keyOf } from "../heard-changes.ts";
import type { InodeId, Place, VolumeChange } from "../ports.ts";
import { BoundedMap } from "./bounded-map.ts";

/** Of names, inodes and folders together. */
export const KNOWN_BYTES_MAX = 32 << 20;

/** Folders whose listing is under way at once, after which all their names are known. */
export const KNOWN_LISTINGS_MAX = 64;

/** About what an entry of a map takes beside its texts. */
const NAME_BYTES = 150;
const INODE_BYTES = 400;
const FOLDER_BYTES = 100;

/** Shares of names, inodes and folders. */
const NAMES_SHARE = 0.3;
const INODES_SHARE = 0.6;
const FOLDERS_SHARE = 0.1;

interface Named {
  readonly parent: InodeId;
  /** `changed`: something has happened to the name, so that it is to be asked for. */
  readonly to: InodeId | "absent" | "changed";
}

interface Listing {
  /** The name after which its next page begins. */
  readonly after: string | undefined;
  /** From when on names that change are kept for it. */
  readonly since: number;
}

/** What a change of this mount came to. */
export interface OwnChange {
  /** What names lead to now; `changed` where the answer does not say. */
  readonly names: readonly {
    readonly place: Place;
    readonly to: InodeId | "absent" | "changed";
  }[];
  /** Inodes as they are by the change. */
  readonly inodes: readonly InodeView[];
  /** Inodes that have changed, or are gone. */
  readonly changed: readonly InodeId[];
  /** A folder that was made by it. */
  readonly emptyFolder?: InodeId | undefined;
}

export class KnownTree {
  readonly #heard = new HeardChanges();
  readonly #names: BoundedMap<string, Named>;
  readonly #inodes: BoundedMap<InodeId, InodeView>;
  readonly #whole: BoundedMap<InodeId, true>;
  readonly #listings = new Map<InodeId, Listing>();

  constructor(bytesMax: number = KNOWN_BYTES_MAX) {
    this.#names = new BoundedMap(bytesMax * NAMES_SHARE, (_, { parent }) => {
      this.#notWhole(parent);
    });
    // An answer that is under way may be older than what was forgotten (K3).
    this.#inodes = new BoundedMap(bytesMax * INODES_SHARE, (inode) => {
      this.#heard.note(String(inode));
    });
    this.#whole = new BoundedMap(bytesMax * FOLDERS_SHARE, () => undefined);
  }

  get bytes(): number {
    return this.#names.bytes + this.#inodes.bytes + this.#whole.bytes;
  }

  /** To be taken before something is asked of the volume, and given with the answer (K2). */
  look(): number {
    return this.#heard.count;
  }

  inode(inode: InodeId): InodeView | undefined {
    return this.#inodes.get(inode);
  }

  /** What a name leads to; undefined where that is not known. */
  named(place: Place): InodeView | "absent" | undefined {
    const named = this.#names.get(keyOf(place));
    if (named === undefined) return this.#whole.get(place.parent) && "absent";
    if (named.to === "absent") return "absent";
    return named.to === "changed" ? undefined : this.#inodes.get(named.to);
  }

  sawInode(view: InodeView, look: number): void {
    const { inode, revision, target, content } = view;
    const known = this.#inodes.get(inode);
    if (known !== undefined && known.revision >= revision) return;
    this.#inodes.delete(inode);
    if (this.#heard.isOld(look, String(inode))) return;
    const textBytes = (target?.length ?? 0) + (content?.length ?? 0);
    this.#inodes.set(inode, view, INODE_BYTES + textBytes);
  }

  /** A name was looked up: undefined where nothing has it. */
  sawName(place: Place, view: InodeView | undefined, look: number): void {
    if (view !== undefined) this.sawInode(view, look);
    this.#sawName(place, view?.inode ?? "absent", look);
  }

  /** A page of a folder is going to be asked for. */
  listing(folder: InodeId, after: string | undefined): number {
    if (after === undefined) {
      this.#listings.delete(folder);
      this.#listings.set(folder, { after, since: this.look() });
      for (const oldest of this.#listings.keys()) {
        if (this.#listings.size <= KNOWN_LISTINGS_MAX) break;
        this.#listings.delete(oldest);
      }
    }
    return this.look();
  }

  /** The page that was asked for. After pages from the first to the last all names are known. */
  sawPage(
    folder: InodeId,
    page: InodeList & { readonly after: string | undefined },
    look: number,
  ): void {
    for (const entry of page.entries) {
      const place = { parent: folder, name: entry.name };
      this.sawName(place, viewOf(entry), look);
      if (this.#names.get(keyOf(place)) === undefined) this.#nameChanged(place);
    }
    const listing = this.#listings.get(folder);
    if (listing === undefined || listing.after !== page.after || look < listing.since) return;
    if (page.next !== null) {
      this.#listings.set(folder, { after: page.next, since: listing.since });
      return;
    }
    this.#listings.delete(folder);
    this.#whole.set(folder, true, FOLDER_BYTES);
  }

  /** Others have changed something (K1). */
  heard(change: VolumeChange): void {
    this.#heard.heard(change);
    switch (change.kind) {
      case "all":
        this.clear();
        return;
      case "entry":
        this.#nameChanged(change);
        return;
      case "inode":
      case "attributes":
        this.#inodes.delete(change.inode);
    }
  }

  /** This mount has changed something, which it has asked for at `look`. */
  changed({ names, inodes, changed, emptyFolder }: OwnChange, look: number): void {
    for (const { place, to } of names) {
      // Of two changes at once it is not known which came last.
      const isOld = this.#heard.isOld(look, keyOf(place));
      this.#heard.note(keyOf(place));
      if (to === "changed" || isOld) this.#nameChanged(place);
      else this.#setName(place, to);
    }
    for (const inode of changed) {
      this.#heard.note(String(inode));
      this.#inodes.delete(inode);
    }
    for (const view of inodes) this.sawInode(view, look);
    if (emptyFolder === undefined || this.#heard.isOld(look, String(emptyFolder))) return;
    this.#whole.set(emptyFolder, true, FOLDER_BYTES);
  }

  /** Knows nothing any more; and what is under way is not kept (K4). */
  forgetAll(): void {
    this.heard({ kind: "all" });
  }

  clear(): void {
    this.#names.clear();
    this.#inodes.clear();
    this.#whole.clear();
    this.#listings.clear();
  }

  #sawName(place: Place, to: InodeId | "absent", look: number): void {
    if (this.#heard.isOld(look, keyOf(place))) return;
    this.#setName(place, to);
  }

  #setName(place: Place, to: Named["to"]): void {
    const { parent, name } = place;
    this.#names.set(keyOf(place), { parent, to }, NAME_BYTES + name.length);
  }

  /** Where all names are known, or soon will be, it is kept that this one is not. */
  #nameChanged(place: Place): void {
    const { parent } = place;
    const isCounted = this.#whole.get(parent) === true || this.#listings.has(parent);
    if (isCounted) this.#setName(place, "changed");
    else this.#names.delete(keyOf(place));
  }

  #notWhole(folder: InodeId): void {
    this.#whole.delete(folder);
    this.#listings.delete(folder);
  }
}

function viewOf({ name: _, ...view }: InodeList["entries"][number]): InodeView {
  return view;
}
