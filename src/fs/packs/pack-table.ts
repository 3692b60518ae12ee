/**
 * Where packed blocks are: from hash to pack and ordinal, with open addressing in typed arrays. A
 * block takes 41 bytes in its pack's index (`PackIndex`) and 8 here, in a table that is at least three
 * eighths full: at most 63 bytes, so 63 MB for a million blocks. Pure.
 */
import { assert } from "../../std/assert.ts";
import { equalBytes, readUint32 } from "../../std/bytes.ts";
import type { Pack } from "./pack.ts";

/** A block in a pack. */
export interface PackedPlace {
  readonly pack: Pack;
  readonly ordinal: number;
}

const CELLS_MIN = 1024;

/** The packs of a store and the live blocks in them. */
export class PackTable {
  /** Two words for each cell: 1 + number of the pack or 0 when it is empty, and ordinal. */
  #cells = new Uint32Array(2 * CELLS_MIN);
  #used = 0;
  readonly #packs: (Pack | undefined)[] = [];
  /** Numbers of packs that are gone, to be given again. */
  readonly #free: number[] = [];
  readonly #numbers = new Map<Pack, number>();
  /** Whether a block may be alive in more than one pack. */
  #hasDuplicates = false;

  /** The packs, in no order. */
  get packs(): Iterable<Pack> {
    return this.#numbers.keys();
  }

  /** How many packs. */
  get packCount(): number {
    return this.#numbers.size;
  }

  /** How many different blocks are alive. */
  get blockCount(): number {
    return this.#used;
  }

  /** Whether it is one of the packs. */
  holds(pack: Pack): boolean {
    return this.#numbers.has(pack);
  }

  /** Takes a pack. Blocks that another one has as well are found in this one from now on. */
  add(pack: Pack): void {
    assert(!this.#numbers.has(pack), "a new pack");
    const number = this.#free.pop() ?? this.#packs.length;
    this.#packs[number] = pack;
    this.#numbers.set(pack, number);
    this.#insertAll(pack, number);
  }

  /** Forgets a pack that is gone, with what was found in it. Blocks that another has as well stay. */
  remove(pack: Pack): void {
    const number = this.#numbers.get(pack);
    if (number === undefined) return;
    // Without duplicates each of its live blocks is found in it, and nothing else is to be done.
    if (!this.#hasDuplicates) for (const ordinal of pack.live()) this.#erase(pack.hashOf(ordinal));
    this.#numbers.delete(pack);
    this.#packs[number] = undefined;
    this.#free.push(number);
    if (this.#hasDuplicates) this.#rebuild();
  }

  /** Where a live block of that hash is; undefined without one. */
  find(hash: Uint8Array): PackedPlace | undefined {
    const cell = this.#cellOf(hash);
    const pack = this.#packAt(cell);
    return pack && { pack, ordinal: this.#cells[2 * cell + 1] ?? 0 };
  }

  /** All live copies of a block. */
  findAll(hash: Uint8Array): readonly PackedPlace[] {
    const found = this.find(hash);
    if (found === undefined || !this.#hasDuplicates) return found === undefined ? [] : [found];
    return [...this.packs].flatMap((pack) => {
      const ordinal = pack.find(hash);
      return ordinal === undefined ? [] : [{ pack, ordinal }];
    });
  }

  /** Makes a block dead in this place; if it lives in another, it is found there. False when it was dead. */
  kill({ pack, ordinal }: PackedPlace): boolean {
    if (!pack.kill(ordinal)) return false;
    const hash = pack.hashOf(ordinal);
    const found = this.find(hash);
    if (found?.pack !== pack) return true;
    this.#erase(hash);
    if (!this.#hasDuplicates) return true;
    for (const other of this.packs) {
      const at = other.find(hash);
      if (at === undefined) continue;
      this.#put(hash, { number: this.#numbers.get(other) ?? 0, ordinal: at });
      break;
    }
    return true;
  }

  #insertAll(pack: Pack, number: number): void {
    for (const ordinal of pack.live()) this.#put(pack.hashOf(ordinal), { number, ordinal });
  }

  #rebuild(): void {
    this.#cells = new Uint32Array(this.#cells.length);
    this.#used = 0;
    this.#hasDuplicates = false;
    for (const [pack, number] of this.#numbers) this.#insertAll(pack, number);
  }

  #put(hash: Uint8Array, place: { readonly number: number; readonly ordinal: number }): void {
    if (4 * (this.#used + 1) > 3 * (this.#cells.length / 2)) this.#grow();
    const cell = this.#cellOf(hash);
    if (this.#cells[2 * cell] === 0) this.#used++;
    else this.#hasDuplicates = true;
    this.#cells[2 * cell] = place.number + 1;
    this.#cells[2 * cell + 1] = place.ordinal;
  }

  #grow(): void {
    const before = this.#cells;
    this.#cells = new Uint32Array(2 * before.length);
    const count = this.#cells.length / 2;
    for (let at = 0; at < before.length; at += 2) {
      const number = before[at] ?? 0;
      const ordinal = before[at + 1] ?? 0;
      const pack = this.#packs[number - 1];
      if (pack === undefined) continue;
      // All are different: the next empty cell is the right one.
      let cell = this.#homeOf(pack.hashStart(ordinal));
      while (this.#cells[2 * cell] !== 0) cell = (cell + 1) % count;
      this.#cells[2 * cell] = number;
      this.#cells[2 * cell + 1] = ordinal;
    }
  }

  /** The cell of a hash, or the empty one where it would be. */
  #cellOf(hash: Uint8Array): number {
    const count = this.#cells.length / 2;
    const start = readUint32(hash, 0);
    for (let cell = this.#homeOf(start); ; cell = (cell + 1) % count) {
      const pack = this.#packAt(cell);
      if (pack === undefined) return cell;
      const ordinal = this.#cells[2 * cell + 1] ?? 0;
      if (pack.hashStart(ordinal) === start && equalBytes(pack.hashOf(ordinal), hash)) return cell;
    }
  }

  /** Empties a hash's cell and moves up what was put behind it because it was taken. */
  #erase(hash: Uint8Array): void {
    const count = this.#cells.length / 2;
    let hole = this.#cellOf(hash);
    if (this.#cells[2 * hole] === 0) return;
    this.#used--;
    this.#cells[2 * hole] = 0;
    for (let cell = (hole + 1) % count; ; cell = (cell + 1) % count) {
      const number = this.#cells[2 * cell] ?? 0;
      const ordinal = this.#cells[2 * cell + 1] ?? 0;
      const pack = this.#packAt(cell);
      if (pack === undefined) return;
      const home = this.#homeOf(pack.hashStart(ordinal));
      // It may stay if its home lies behind the hole.
      if ((cell - home + count) % count < (cell - hole + count) % count) continue;
      this.#cells[2 * hole] = number;
      this.#cells[2 * hole + 1] = ordinal;
      this.#cells[2 * cell] = 0;
      hole = cell;
    }
  }

  /** Where a hash belongs: hashes are uniform already, and the count of cells is a power of two. */
  #homeOf(hashStart: number): number {
    return hashStart & (this.#cells.length / 2 - 1);
  }

  #packAt(cell: number): Pack | undefined {
    return this.#packs[(this.#cells[2 * cell] ?? 0) - 1];
  }
}
