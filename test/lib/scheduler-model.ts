/**
 * Random trees of work and what must come of them, computed the dumb way: by recursion, without units,
 * attempts or order. Values are numbers; each handler call keeps its input and shares it out by modulo.
 */
import type { Dataset } from "../../src/scheduler/dataset.ts";
import type { FailurePolicy } from "../../src/scheduler/rows.ts";
import type { Path, UnitRef } from "../../src/scheduler/unit.ts";
import { textData, textsOf } from "./scheduler-values.ts";

/** One invocation: a leaf, or one that maps. The step of level n is `s` and n. */
export interface Tree {
  readonly children: readonly Tree[] | undefined;
  readonly value: number;
  /** How often its mapper fails before it succeeds, and each of its reduce units. */
  readonly mapFails: number;
  readonly reduceFails: number;
  /** A leaf whose reducer has to run elsewhere. */
  readonly combines: boolean;
  /** Pads a result, so that some need rows of their own. */
  readonly bytesMin: number;
}

export interface Level {
  readonly partitions: number;
  readonly retries: number;
  readonly onFailure: FailurePolicy;
}

/** Parts of a result, or that the request fails. */
export type Expected =
  | { readonly kind: "parts"; readonly parts: readonly (readonly number[])[] }
  | { readonly kind: "fails" };

function share(values: readonly number[], parts: number): readonly (readonly number[])[] {
  return Array.from({ length: parts }, (_, part) => values.filter((one) => one % parts === part));
}

/** What the invocation at `depth` must come to, cut into `parts`. */
export function expected(
  tree: Tree,
  levels: readonly Level[],
  at: { readonly depth: number; readonly parts: number },
): Expected {
  const level = levels[at.depth] ?? { partitions: 1, retries: 0, onFailure: "fail" };
  const bad = failedInvocation(level, at);
  if (failsForGood(tree.mapFails, level)) return bad;
  if (tree.children === undefined) {
    if (tree.combines && failsForGood(tree.reduceFails, level)) return bad;
    return { kind: "parts", parts: share([tree.value], at.parts) };
  }
  const below = { depth: at.depth + 1, parts: level.partitions };
  const children = tree.children.map((child) => expected(child, levels, below));
  if (children.some((child) => child.kind === "fails")) return { kind: "fails" };
  if (failsForGood(tree.reduceFails, level)) return bad;
  const outputs = Array.from({ length: level.partitions }, (_, part) =>
    share(
      children.flatMap((child) => (child.kind === "parts" ? (child.parts[part] ?? []) : [])),
      at.parts,
    ),
  );
  const parts = Array.from({ length: at.parts }, (_, part) =>
    outputs.flatMap((output) => output[part] ?? []),
  );
  return { kind: "parts", parts };
}

/** A paused request is always resumed, so it never fails for good. */
function failsForGood(fails: number, level: Level): boolean {
  return level.onFailure !== "pause" && fails > level.retries;
}

function failedInvocation(
  level: Level,
  at: { readonly depth: number; readonly parts: number },
): Expected {
  if (level.onFailure !== "skip" || at.depth === 0) return { kind: "fails" };
  return { kind: "parts", parts: Array.from({ length: at.parts }, () => []) };
}

/** The invocation at a path. */
export function treeAt(tree: Tree, path: Path): Tree {
  const [first, ...rest] = path;
  const child = first === undefined ? tree : tree.children?.[first];
  if (child === undefined) throw new Error("no such invocation");
  return first === undefined ? child : treeAt(child, rest);
}

/** How often the unit fails before it succeeds. */
export function failsOf(tree: Tree, unit: UnitRef): number {
  const place = treeAt(tree, unit.path);
  return unit.kind === "map" ? place.mapFails : place.reduceFails;
}

/** Numbers as datasets, one for each part. */
export function asParts(
  values: readonly number[],
  parts: number,
  bytesMin: number,
): readonly Dataset[] {
  return share(values, parts).map((one) =>
    one.length === 0 ? [] : textData(one.join(","), bytesMin),
  );
}

export function numbersOf(dataset: Dataset): readonly number[] {
  return textsOf(dataset).flatMap((text) => text.split(",").map(Number));
}
