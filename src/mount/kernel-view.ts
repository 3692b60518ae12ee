/**
 * What the kernel was told of inodes, and may go by: K1: under which name it looked them up last; K2: with
 * which content it knows their size; K3: of which content it has pages. At each open these are compared
 * with what the volume says, so that caches of names, sizes and pages show nobody what was before a close.
 */
import type { ContentId, InodeId, Place } from "./ports.ts";

/** Inodes that are remembered; of others names are not checked, and sizes and pages are read anew. */
export const NODES_MAX = 65_536;

interface Node {
  place: Place | undefined;
  sizeOf: ContentId | undefined;
  pagesOf: ContentId | undefined;
}

export class KernelView {
  readonly #nodes = new Map<InodeId, Node>();

  /** The name by which the kernel knows the inode (K1). */
  placeOf(inode: InodeId): Place | undefined {
    return this.#nodes.get(inode)?.place;
  }

  /** Whether the kernel's size is that of this content (K2). */
  hasSizeOf(inode: InodeId, content: ContentId | undefined): boolean {
    return content !== undefined && this.#nodes.get(inode)?.sizeOf === content;
  }

  /** Whether the kernel's pages, if any, are of this content (K3). */
  hasPagesOf(inode: InodeId, content: ContentId | undefined): boolean {
    return content !== undefined && this.#nodes.get(inode)?.pagesOf === content;
  }

  named(inode: InodeId, place: Place): void {
    this.#node(inode).place = place;
  }

  /** The name is gone, or another's. */
  unnamed(inode: InodeId, { parent, name }: Place): void {
    const node = this.#nodes.get(inode);
    if (node?.place?.parent === parent && node.place.name === name) node.place = undefined;
  }

  /** The kernel was told the size of this content; undefined for what nobody has committed. */
  sized(inode: InodeId, content: ContentId | undefined): void {
    this.#node(inode).sizeOf = content;
  }

  /** From now on the kernel's pages are of this content; undefined when that is not known. */
  paged(inode: InodeId, content: ContentId | undefined): void {
    this.#node(inode).pagesOf = content;
  }

  /** The kernel has dropped the inode. */
  forget(inode: InodeId): void {
    this.#nodes.delete(inode);
  }

  #node(inode: InodeId): Node {
    const known = this.#nodes.get(inode);
    if (known !== undefined) return known;
    if (this.#nodes.size >= NODES_MAX) {
      for (const oldest of this.#nodes.keys()) {
        this.#nodes.delete(oldest);
        break;
      }
    }
    const node: Node = { place: undefined, sizeOf: undefined, pagesOf: undefined };
    this.#nodes.set(inode, node);
    return node;
  }
}
