/** Which inodes and names others have changed lately, as it was heard here: what was asked before may be old. */
import type { Place, VolumeChange } from "./ports.ts";

/** Changes that are remembered by what they changed; of what was asked before the oldest nothing is trusted. */
export const CHANGES_MAX = 4096;

export class HeardChanges {
  #count = 0;
  /** Of what was asked before so many changes it is not known what has changed since. */
  #floor = 0;
  /** The last change of an inode or a name, the oldest first. */
  readonly #changed = new Map<string, number>();

  /** So many changes were heard of: to be remembered when something is asked of the volume. */
  get count(): number {
    return this.#count;
  }

  /** Whether an inode or a name may have changed since so many changes were heard of. */
  isOld(after: number, key: string): boolean {
    return after < this.#floor || (this.#changed.get(key) ?? 0) > after;
  }

  heard(change: VolumeChange): void {
    if (change.kind === "all") {
      this.#count += 1;
      this.#floor = this.#count;
      this.#changed.clear();
      return;
    }
    this.note(change.kind === "entry" ? keyOf(change) : String(change.inode));
  }

  /** The same of one inode, by its number as text, or of one name. */
  note(key: string): void {
    this.#count += 1;
    this.#changed.delete(key);
    this.#changed.set(key, this.#count);
    if (this.#changed.size <= CHANGES_MAX) return;
    for (const [oldest, count] of this.#changed) {
      this.#floor = count;
      this.#changed.delete(oldest);
      break;
    }
  }
}

/** A name as a key; no number of an inode is one. */
export function keyOf({ parent, name }: Place): string {
  return `${parent}/${name}`;
}
