/** What the simulated reducers yield for one key. */
import type { OrderedKey } from "../../src/std/ordered-key.ts";
import type { Family } from "./job-tree.ts";
import type { KeyValue } from "./pairs.ts";

/** `scale` comes from the invocation's session; only one family looks at it. */
export function reduceGroup(group: {
  readonly family: Family;
  readonly key: OrderedKey;
  readonly values: readonly unknown[];
  readonly scale: number;
}): readonly KeyValue[] {
  const { family, key, values, scale } = group;
  switch (family) {
    case "sum":
      return [[key, sum(values)]];
    case "list": {
      // Every value in its place, so that a wrong order shows; and a key that belongs to another part.
      const list = values.flat();
      return typeof key === "string"
        ? [
            [key, list],
            [key.length, list.length],
          ]
        : [[key, list]];
    }
    case "hold":
      return [[key, sum(values) * scale]];
  }
}

function sum(values: readonly unknown[]): number {
  return values.reduce((total: number, value) => total + Number(value), 0);
}
