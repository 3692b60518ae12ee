/**
 * What is wrong with the data on a machine's disk, as long as it is there: a bit that has flipped, a record
 * that was written over another one, batches that the disk has only claimed to have synced.
 */
import { IDENTITY_NAME } from "../../src/store/identity-file.ts";
import type { DatabaseName } from "../../src/store/ports.ts";
import { MARK_NAME } from "../../src/store/sequence-mark.ts";
import { type FakeDisk, flipped } from "../lib/fake-disk.ts";
import type { Chance } from "./chance.ts";

/** Records by what they are for: where they lie, and what their keys begin with. */
const RECORDS = {
  entries: [["log", "e/"]],
  row: [["state", "d/"]],
  sequence: [
    ["log", "q/"],
    ["state", "q/"],
  ],
  head: [["log", "g/"]],
  applied: [["state", "a/"]],
  base: [
    ["log", "b"],
    ["state", "b"],
    ["state", "k"],
  ],
} as const satisfies Record<string, readonly (readonly [DatabaseName, string])[]>;

/** Rows are many, and what is about them only shows when they are read. */
const KINDS = [
  "entries",
  "entries",
  "row",
  "row",
  "row",
  "sequence",
  "head",
  "applied",
  "base",
] as const;

/** Chance that a file is hit instead of a record. */
const FILE_RATIO = 0.15;

interface Rot {
  /** The store in which it is. */
  readonly storeId: string;
  /** Whose record it is; undefined for what all groups stand on. */
  readonly group: number | undefined;
  /** Whether opening the store reads it for certain. */
  readonly showsAtOpening: boolean;
  /** Whether it is still there; what is overwritten is sound. */
  readonly isThere: () => boolean;
}

export class HostRot {
  readonly #disk: FakeDisk;
  #rots: Rot[] = [];
  /** Stores that were set aside until the newest one was opened. */
  #asideCount = 0;
  /** How many of those had a reason to be, before they were lost as well. */
  #explainedAsideCount = 0;

  constructor(disk: FakeDisk) {
    this.#disk = disk;
  }

  /** Whether the host's data is not what was written. */
  get isThere(): boolean {
    // A store that was just set aside is gone, and the new one is not known yet.
    if (this.#disk.asideCount !== this.#asideCount) return true;
    this.#rots = this.#rots.filter((rot) => rot.isThere());
    return this.#rots.length > 0;
  }

  /** One bit of one record, or of a file, is another one from now on. @returns what was hit, if there is any. */
  flip(storeId: string, chance: Chance): string | undefined {
    if (chance.hits(FILE_RATIO)) return this.#flipFile(storeId, chance);
    const record = this.#draw(chance);
    if (record === undefined) return undefined;
    const { name, key, value } = record;
    if (value.length === 0) return undefined;
    this.#set(storeId, { name, key, value: flipped(value, chance) });
    return `${name} ${key}`;
  }

  /** A record lies under the key of another one of its kind, too. @returns which and where, if there are two. */
  misdirect(storeId: string, chance: Chance): string | undefined {
    const record = this.#draw(chance);
    if (record === undefined) return undefined;
    const { name, key, value, others } = record;
    const places = others.filter((other) => other !== key);
    if (places.length === 0) return undefined;
    const place = chance.pick(places);
    this.#set(storeId, { name, key: place, value: value.slice() });
    return `${name} ${key} at ${place}`;
  }

  /** The process ends, and its disk turns out to have lied. @returns what is gone, if there was anything. */
  crashLying(storeId: string, chance: Chance): string | undefined {
    const name = chance.pick(["log", "log", "state"] as const);
    const what = chance.pick(["end", "middle"] as const);
    if (!this.#disk.crashLying(name, what)) return undefined;
    // Seen or made up for when the store is opened next.
    this.#rots.push({ storeId, group: undefined, showsAtOpening: true, isThere: () => true });
    return `the ${what} of ${name}`;
  }

  /** The store is gone, with all that was wrong. */
  wiped(): void {
    if (this.#explainsAll) this.#explainedAsideCount = this.#disk.asideCount;
    this.#rots = [];
  }

  /** A store was opened: what does not show now is not there, unless it is read later. */
  opened(storeId: string, isDamaged: boolean): void {
    this.#asideCount = this.#disk.asideCount;
    this.#rots = this.#rots.filter(
      (rot) => rot.storeId === storeId && (isDamaged || !rot.showsAtOpening),
    );
  }

  /** All of a group's data was deleted. */
  destroyed(group: number, anyDamaged: boolean): void {
    this.#rots = this.#rots.filter(
      (rot) => rot.group !== group && (anyDamaged || rot.group !== undefined),
    );
  }

  /** Whether a replica of the group may be damaged. */
  explains(group: number): boolean {
    return this.#rots.some((rot) => (rot.group ?? group) === group && rot.isThere());
  }

  /** Whether the stores that were set aside may have been damaged as a whole. */
  get explainsAside(): boolean {
    return this.#explainsAll || this.#disk.asideCount === this.#explainedAsideCount;
  }

  get #explainsAll(): boolean {
    return this.#rots.some(({ group }) => group === undefined);
  }

  #flipFile(storeId: string, chance: Chance): string | undefined {
    const name = chance.pick([MARK_NAME, IDENTITY_NAME]);
    const hit = name === MARK_NAME ? this.#disk.flipMark(name) : this.#disk.flipFile(name);
    if (!hit) return undefined;
    this.#rots.push({ storeId, group: undefined, showsAtOpening: true, isThere: () => true });
    return name;
  }

  #draw(chance: Chance) {
    const kind = chance.pick(KINDS);
    const [name, prefix] = chance.pick<readonly [DatabaseName, string]>(RECORDS[kind]);
    const rows = this.#disk.find(name)?.rows;
    if (rows === undefined) return undefined;
    const others: string[] = [];
    for (let at = rows.position(prefix); at < rows.size; at++) {
      const key = rows.keyAt(at);
      if (key?.startsWith(prefix) !== true) break;
      others.push(key);
    }
    if (others.length === 0) return undefined;
    const key = chance.pick(others);
    return { name, key, value: rows.get(key) ?? new Uint8Array(), others };
  }

  #set(
    storeId: string,
    record: { readonly name: DatabaseName; readonly key: string; readonly value: Uint8Array },
  ): void {
    const { name, key, value } = record;
    this.#disk.database(name).setRow(key, value);
    this.#rots.push({
      storeId,
      group: groupOf(key),
      showsAtOpening: !key.startsWith("d/"),
      isThere: () => this.#disk.find(name)?.holds(key, value) === true,
    });
  }
}

/** Whose record it is, by its key. */
function groupOf(key: string): number | undefined {
  const group = /^[eagd]\/([0-9]+)/.exec(key)?.[1];
  return group === undefined ? undefined : Number(group);
}
