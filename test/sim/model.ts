/** The dumb second version: what a request's result must be, computed by recursion in one place. */
import { type Family, isPoisoned, leafPairs, type Tree } from "./job-tree.ts";
import { groupPairs, type KeyValue, pairsOfPart, sortPairs } from "./pairs.ts";
import { reduceGroup } from "./reducers.ts";

/** What a request comes to. */
export type Expected =
  | { readonly kind: "pairs"; readonly pairs: readonly KeyValue[] }
  | { readonly kind: "failed" };

/** Partitions of the steps by level. */
export type Partitions = readonly number[];

/** `healed`: the poisoned leaves work again, as after a resumed pause. */
export function expectedOf(family: Family, tree: Tree, partitions: Partitions): Expected {
  const skips = family === "list" && tree.kind === "branch";
  if (isPoisoned(tree) && family !== "hold" && !skips) return { kind: "failed" };
  return { kind: "pairs", pairs: evaluate(family, tree, { level: 0, partitions }) };
}

/** The pairs that an invocation hands to its parent, or the request's result at the root. */
function evaluate(
  family: Family,
  tree: Tree,
  place: { readonly level: number; readonly partitions: Partitions },
): readonly KeyValue[] {
  const { level, partitions } = place;
  const root = level === 0;
  if (tree.kind === "leaf") {
    if (tree.poisoned && family === "list") return [];
    return order(reduceAll(family, leafPairs(tree), 1), root);
  }
  const below = tree.children.flatMap((child) =>
    evaluate(family, child, { level: level + 1, partitions }),
  );
  const parts = partitions[level] ?? 1;
  const output: KeyValue[] = [];
  for (let part = 0; part < parts; part++) {
    const reduced = reduceAll(family, pairsOfPart(below, part, parts), tree.scale);
    output.push(...order(reduced, root));
  }
  return output;
}

function reduceAll(family: Family, pairs: readonly KeyValue[], scale: number): readonly KeyValue[] {
  return groupPairs(pairs).flatMap(([key, values]) => reduceGroup({ family, key, values, scale }));
}

/** The root's result stays as its reducers yielded it. */
function order(pairs: readonly KeyValue[], root: boolean): readonly KeyValue[] {
  return root ? pairs : sortPairs(pairs);
}
