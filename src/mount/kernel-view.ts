/**
 * What the kernel was told of inodes, and may go by: K1: under which name it looked them up last; K2: with
 * which content it knows their size; K3: of which content it has pages. At each open these are compared
 * with what the volume says, so that caches of names, sizes and pages show nobody what was before a close.
 */
import { UNDER_WAY_MS } from "./freshness.ts";
import type { ContentId, InodeId, Place } from "./ports.ts";

/** Inodes that are remembered; of others names are not checked, and sizes and pages are read anew. */
export const NODES_MAX = 65_536;

/** Other names of an inode that are remembered; a file that is looked up by more within a second has hard links. */
const NAMES_MAX = 16;

interface Node {
  place: Place | undefined;
  /** Names by which it was looked up before, and until when the kernel may go by them. */
  readonly others: { readonly place: Place; readonly untilMs: number }[];
  /** The kernel was told to look its name up again, and has done so. */
  asked: "no" | "waiting" | "looked";
  sizeOf: ContentId | undefined;
  pagesOf: ContentId | undefined;
}

export class KernelView {
  readonly #nodes = new Map<InodeId, Node>();
  readonly #knownMs: number;

  /** `entryMs`: how long the kernel goes by a name. */
  constructor(entryMs: number) {
    this.#knownMs = entryMs + UNDER_WAY_MS;
  }

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

  /** The kernel has looked it up by this name. */
  named(inode: InodeId, place: Place, nowMs: number): void {
    const node = this.#node(inode);
    const { place: before } = node;
    if (before !== undefined && !isSame(before, place)) {
      if (node.others.length >= NAMES_MAX) node.others.shift();
      node.others.push({ place: before, untilMs: nowMs + this.#knownMs });
    }
    node.place = place;
    if (node.asked === "waiting") node.asked = "looked";
  }

  /** The kernel itself has moved the name. */
  moved(inode: InodeId, place: Place): void {
    this.#node(inode).place = place;
  }

  /**
   * Whether it is not known by which of several names the kernel opens it: somebody else may have moved it away from
   * all but the last. Asked once more after it was looked up, the kernel goes by the name that it has just looked up.
   */
  isDoubtful(inode: InodeId, nowMs: number): boolean {
    const node = this.#nodes.get(inode);
    if (node === undefined || node.others.length === 0) return false;
    const left = node.others.filter(({ untilMs }) => untilMs > nowMs);
    node.others.splice(0, node.others.length, ...left);
    if (left.length === 0 || node.asked === "looked") {
      node.asked = "no";
      return false;
    }
    node.asked = "waiting";
    return true;
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
    const node: Node = {
      ...{ place: undefined, others: [], asked: "no" },
      ...{ sizeOf: undefined, pagesOf: undefined },
    };
    this.#nodes.set(inode, node);
    return node;
  }
}

function isSame(left: Place, right: Place): boolean {
  return left.parent === right.parent && left.name === right.name;
}
