/** The handlers of the simulated workflow, as generators, and the workflow's definition. */
import { hash } from "node:crypto";
import type { StepInput } from "../../src/scheduler/commands.ts";
import type { FailurePolicy, HandlerDefinition, JobDefinition } from "../../src/scheduler/rows.ts";
import type { OrderedKey } from "../../src/std/ordered-key.ts";
import type { HandlerType } from "../../src/wire/dataset.ts";
import {
  FAMILIES,
  type Family,
  LEVELS,
  leafPairs,
  stepName,
  treeOfJson,
  treeToJson,
} from "./job-tree.ts";
import type { Partitions } from "./model.ts";
import type { KeyValue } from "./pairs.ts";
import { reduceGroup } from "./reducers.ts";

/** A mapper's first word: a step, or null for "return". */
export interface Direction {
  readonly step: string | null;
}

/** What a mapper may do besides yielding. */
export interface MapContext {
  readonly step: string;
  sessionSet(key: string, value: number): void;
  /** @throws {Error} when the leaf is poisoned and not healed. */
  leaf(poisoned: boolean): void;
}

/** The mapper of all steps: expands the tree that is its argument. */
export function* expand(
  pairs: readonly KeyValue[],
  context: MapContext,
): Generator<Direction | KeyValue, void, undefined> {
  const tree = treeOfJson(pairs[0]?.[1]);
  const [letter = "a", family = "sum"] = context.step.split("_");
  if (tree.kind === "leaf") {
    yield { step: null };
    context.leaf(tree.poisoned);
    yield* leafPairs(tree);
    return;
  }
  if (tree.scale !== 1) context.sessionSet("scale", tree.scale);
  yield { step: stepName(familyOf(family), LEVELS.indexOf(letter) + 1) };
  let child = 0;
  for (const below of tree.children) yield [child++, treeToJson(below)];
}

/** A combiner: adds up the values of each key early. */
export function* sumPairs(
  groups: Iterable<readonly [key: OrderedKey, values: readonly unknown[]]>,
): Generator<readonly [key: OrderedKey, values: readonly unknown[]], void, undefined> {
  for (const [key, values] of groups) {
    yield [key, [values.reduce((sum: number, value) => sum + Number(value), 0)]];
  }
}

export function* reduceBy(
  family: Family,
  groups: Iterable<readonly [key: OrderedKey, values: readonly unknown[]]>,
  scale: number,
): Generator<KeyValue, void, undefined> {
  for (const [key, values] of groups) yield* reduceGroup({ family, key, values, scale });
}

function familyOf(text: string): Family {
  const family = FAMILIES.find((one) => one === text);
  if (family === undefined) throw new Error(`no family of steps: ${text}`);
  return family;
}

/** What the reducer of that name does. */
export function familyOfReducer(name: string): Family {
  return familyOf(name.replace("reduce_", ""));
}

/** Repetitions of a failed unit; the runner makes none fail more often by chance. */
export const RETRIES = 3;

/** A handler that takes longer is killed. */
export const HANDLER_TIMEOUT_MS = 4_000;

/** The source under which a handler is stored. */
export function sourceOf(name: string): string {
  return `a simulated handler: ${name}`;
}

function handler(name: string, type: HandlerType, capability: string): HandlerDefinition {
  return {
    handler: {
      name,
      version: hash("sha256", sourceOf(name), "hex"),
      language: "javascript",
      type,
      argumentType: null,
      memoryBytes: undefined,
    },
    capability,
    retries: RETRIES,
    timeoutMs: HANDLER_TIMEOUT_MS,
    description: "",
  };
}

/** Capability of the list family's reducer: not every node offers it. */
export const RARE_CAPABILITY = "rare";

export const HANDLERS: readonly HandlerDefinition[] = [
  handler("expand", "mapper", "none"),
  handler("sum_pairs", "combiner", "none"),
  handler("reduce_sum", "reducer", "none"),
  handler("reduce_list", "reducer", RARE_CAPABILITY),
  handler("reduce_hold", "reducer", "none"),
];

const ON_FAILURE: Readonly<Record<Family, FailurePolicy>> = {
  sum: "fail",
  list: "skip",
  hold: "pause",
};

const SAID = { retries: RETRIES, timeoutMs: HANDLER_TIMEOUT_MS } as const;
const NOT_SAID = { retries: undefined, timeoutMs: undefined } as const;

export function stepsOf(partitions: Partitions): readonly StepInput[] {
  return FAMILIES.flatMap((family) =>
    LEVELS.map((_, level) => ({
      name: stepName(family, level),
      description: "",
      map: "expand",
      combine: family === "sum" ? "sum_pairs" : undefined,
      reduce: `reduce_${family}`,
      partitions: partitions[level] ?? 1,
      // One family leaves both to its handlers.
      ...(family === "list" ? NOT_SAID : SAID),
      onFailure: ON_FAILURE[family],
    })),
  );
}

export const JOBS: readonly JobDefinition[] = FAMILIES.map((family) => ({
  name: family,
  step: stepName(family, 0),
  description: "",
}));
