/** Values of arrays, objects and leaves made worse in one or a few places. */
import type { Chance } from "../sim/chance.ts";
import { mutateBytes } from "./mutate-bytes.ts";

/** Levels that one walk goes down at most: deeper than any of our formats. */
const DEPTH_MAX = 24;

/** Values in a list that is not repeated any more. */
const LENGTH_MAX = 100;

/** Values in one that is made by repeating: some tens of kilobytes. */
const WEIGHT_MAX = 5_000;
const LINE_LENGTH = 80;

/** What may stand in the place of a value. */
export type Leaf = (chance: Chance) => unknown;

const NUMBERS = [
  ...[0, -0, 1, -1, 2, 127, 128, 255, 256, 65_535, 65_536, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1],
  ...[2 ** 32, 2 ** 53 - 1, 2 ** 53, -(2 ** 53), 0.5, 1e308, 1700000000000],
];
const TEXTS = [
  ...["", "a", "__proto__", "constructor", "\u0000", "\ud800", "ü", "😀", "../..", "NaN", "1e999"],
  ...[
    "null",
    "_",

    "a".repeat(129),
    "x".repeat(2049),
    "-1",
    "9".repeat(30),
    "%00",
    "\r\n\r\n",
  ],
];

/** A value that formats of bytes can hold. */
export const plainLeaf: Leaf = (chance) => {
  const kind = chance.whole(0, 6);
  if (kind === 0) return null;
  if (kind === 1) return chance.hits(0.5);
  if (kind === 2) return new Uint8Array(chance.pick([0, 1, 32, 70]));
  if (kind === 5)
    return chance.hits(0.8) ? chance.pick(NUMBERS) : nestedLists(chance.pick([5, 40]));
  if (kind === 3) return chance.pick(TEXTS);
  if (kind === 4) return Array.from({ length: chance.whole(0, 4) }, () => chance.pick(NUMBERS));
  return chance.pick([...NUMBERS, Number.NaN, Number.POSITIVE_INFINITY]);
};

/** A value that JSON can hold. */
export const jsonLeaf: Leaf = (chance) => {
  const kind = chance.whole(0, 6);
  if (kind === 0) return null;
  if (kind === 1) return chance.hits(0.5);
  if (kind === 2) return { [chance.pick(TEXTS)]: chance.pick(NUMBERS) };
  if (kind === 3) return chance.pick(TEXTS);
  if (kind === 4) return [chance.pick(NUMBERS), [chance.pick(TEXTS), []]];
  if (kind === 5) return nested(chance.pick([3, 40, 300]));
  return chance.pick(NUMBERS);
};

/** One to three changes. Only what is changed is copied. */
export function mutateValue(value: unknown, chance: Chance, leaf: Leaf): unknown {
  let mutant = value;
  for (let left = chance.whole(1, 3); left > 0; left--) mutant = changed(mutant, chance, leaf, 0);
  return mutant;
}

function changed(value: unknown, chance: Chance, leaf: Leaf, depth: number): unknown {
  const goesOn = depth < DEPTH_MAX && chance.hits(depth < 2 ? 0.95 : 0.8);
  if (Array.isArray(value)) {
    const items: readonly unknown[] = value;
    if (!goesOn || items.length === 0) return changedList(items, chance, leaf);
    const at = chance.whole(0, items.length - 1);
    return items.with(at, changed(items[at], chance, leaf, depth + 1));
  }
  if (typeof value === "object" && value !== null && !(value instanceof Uint8Array)) {
    const entries: (readonly [string, unknown])[] = Object.entries(value);
    if (!goesOn || entries.length === 0) return changedMembers(entries, chance, leaf);
    const [name, member] = chance.pick(entries);
    return { ...value, [name]: changed(member, chance, leaf, depth + 1) };
  }
  return changedLeaf(value, chance, leaf);
}

function changedList(items: readonly unknown[], chance: Chance, leaf: Leaf): readonly unknown[] {
  const at = chance.whole(0, Math.max(0, items.length - 1));
  switch (chance.whole(0, 4)) {
    case 0:
      return items.toSpliced(at, 1);
    case 1:
      return items.toSpliced(at, 0, items[at] ?? null);
    case 2:
      return items.toSpliced(at, 0, leaf(chance));
    case 3:
      return items.toReversed();
    default:
      return repeated(items[at] ?? null, chance.pick([17, 70, 300]));
  }
}

/** A list of one value, unless that is so large already that it would be a test of patience. */
function repeated(item: unknown, length: number): readonly unknown[] {
  const items: readonly unknown[] = Array.isArray(item) ? item : [];
  if (weightOf(items) > LENGTH_MAX) return items;
  return weightOf(item) * length > WEIGHT_MAX ? [item] : Array.from({ length }, () => item);
}

/** Values in a value, and roughly how often a line of text fits into it; exact only below `WEIGHT_MAX`. */
function weightOf(value: unknown): number {
  let weight = 0;
  const left: unknown[] = [value];
  while (left.length > 0 && weight < WEIGHT_MAX) {
    const one = left.pop();
    weight += 1;
    if (typeof one === "string" || one instanceof Uint8Array) weight += one.length / LINE_LENGTH;
    else if (typeof one === "object" && one !== null) {
      const inner: readonly unknown[] = Object.values(one);
      left.push(...inner);
    }
  }
  return weight;
}

function changedMembers(
  entries: readonly (readonly [string, unknown])[],
  chance: Chance,
  leaf: Leaf,
): unknown {
  if (entries.length === 0) return { [chance.pick(TEXTS)]: leaf(chance) };
  const at = chance.whole(0, entries.length - 1);
  const [name = "x", member = null] = entries[at] ?? [];
  switch (chance.whole(0, 3)) {
    case 0:
      return Object.fromEntries(entries.toSpliced(at, 1));
    case 1:
      return Object.fromEntries([...entries, [chance.pick(TEXTS), member]]);
    case 2:
      return Object.fromEntries(entries.with(at, [name, leaf(chance)]));
    default:
      return entries;
  }
}

function changedLeaf(value: unknown, chance: Chance, leaf: Leaf): unknown {
  if (chance.hits(0.5)) return leaf(chance);
  if (typeof value === "number") return value + chance.pick([-1, 1, 256, -value, value, 0.5]);
  if (typeof value === "boolean") return !value;
  if (value instanceof Uint8Array)
    return chance.hits(0.2) ? new Uint8Array() : mutateBytes(value, chance);
  if (typeof value !== "string") return leaf(chance);
  // Of the right length, in what may be an alphabet: hex digits that are no number.
  if (chance.hits(0.1)) return chance.pick(["0", "f"]).repeat(value.length);
  const cut = chance.whole(0, value.length);
  return value.slice(0, cut) + chance.pick(TEXTS) + value.slice(chance.whole(cut, value.length));
}

function nestedLists(levels: number): unknown {
  let value: unknown = 1;
  for (let level = 0; level < levels; level++) value = [value];
  return value;
}

function nested(levels: number): unknown {
  let value: unknown = 1;
  for (let level = 0; level < levels; level++) value = level % 2 === 0 ? [value] : { a: value };
  return value;
}
