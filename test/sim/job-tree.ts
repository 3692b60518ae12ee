/**
 * What the simulated requests ask for: a tree that says how an invocation maps and what its leaves
 * return. It is the argument of each invocation as JSON.
 */
import type { Chance } from "./chance.ts";
import type { KeyValue } from "./pairs.ts";

/** How a request's steps treat failures and what their reducers do. */
export type Family = "sum" | "list" | "hold";

export const FAMILIES: readonly Family[] = ["sum", "list", "hold"];

export interface Leaf {
  readonly kind: "leaf";
  /** Decides its pairs. */
  readonly number: number;
  readonly pairCount: number;
  /** Its mapper fails until somebody heals it. */
  readonly poisoned: boolean;
}

export interface Branch {
  readonly kind: "branch";
  readonly children: readonly Tree[];
  /** Kept in the session for the reducer; 1 for none. */
  readonly scale: number;
}

export type Tree = Leaf | Branch;

/** Levels below the root, 0 to 2: steps are named by family and level. */
export const LEVELS: readonly string[] = ["a", "b", "c"];

export function stepName(family: Family, level: number): string {
  return `${LEVELS[level] ?? "c"}_${family}`;
}

/** What a leaf's mapper returns. */
export function leafPairs(leaf: Leaf): readonly KeyValue[] {
  const pairs: KeyValue[] = [];
  for (let at = 0; at < leaf.pairCount; at++) {
    const word = (leaf.number * 7 + at * 13) % 11;
    const key = word % 5 === 0 ? [word, "pair"] : word % 3 === 0 ? word - 4 : `word${word}`;
    pairs.push([key, 1 + ((leaf.number + at) % 9)]);
  }
  return pairs;
}

/** Draws a tree of at most `depth` levels below its root. */
export function drawTree(chance: Chance, options: { depth: number; poisonRatio: number }): Tree {
  const { depth, poisonRatio } = options;
  if (depth === 0) {
    const poisoned = chance.hits(poisonRatio);
    return { kind: "leaf", number: chance.whole(0, 99), pairCount: chance.whole(0, 5), poisoned };
  }
  const count = chance.whole(depth === 1 ? 0 : 1, 6);
  const children = Array.from({ length: count }, () =>
    drawTree(chance, { depth: chance.hits(0.2) ? 0 : depth - 1, poisonRatio }),
  );
  return { kind: "branch", children, scale: chance.whole(1, 3) };
}

/** A tree as it travels, short enough for an inline piece. */
export function treeToJson(tree: Tree): unknown {
  if (tree.kind === "leaf") return [tree.number, tree.pairCount, tree.poisoned ? 1 : 0];
  return { s: tree.scale, c: tree.children.map(treeToJson) };
}

/** @throws {TypeError} for anything that `treeToJson` did not make. */
export function treeOfJson(json: unknown): Tree {
  if (Array.isArray(json)) {
    const [number, pairCount, poisoned] = json.map(Number);
    if (number === undefined || pairCount === undefined) throw new TypeError("no leaf");
    return { kind: "leaf", number, pairCount, poisoned: poisoned === 1 };
  }
  if (typeof json !== "object" || json === null || !("s" in json) || !("c" in json))
    throw new TypeError("no tree");
  if (!Array.isArray(json.c)) throw new TypeError("no children");
  return { kind: "branch", scale: Number(json.s), children: json.c.map(treeOfJson) };
}

export function isPoisoned(tree: Tree): boolean {
  return tree.kind === "leaf" ? tree.poisoned : tree.children.some(isPoisoned);
}
