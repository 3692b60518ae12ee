/** Who cannot send to whom while the network is in parts. */
import type { Chance } from "./chance.ts";

/** Some from the others; one from the others; one towards one other, or all others; halves with one node that sees both; a line of neighbours. */
const KINDS = ["split", "isolate", "one-way", "one-way-all", "bridge", "chain"] as const;

/** A bridge, or a line, of fewer would be a split. */
const BRIDGE_NODES_MIN = 3;

export interface Partition {
  /** For people. */
  readonly text: string;
  /** Directions that are cut: from, to. */
  readonly cuts: readonly (readonly [string, string])[];
}

/** One of the kinds, among two nodes or more. */
export function drawPartition(ids: readonly string[], chance: Chance): Partition {
  const kind = chance.pick(ids.length < BRIDGE_NODES_MIN ? KINDS.slice(0, 4) : KINDS);
  switch (kind) {
    case "split":
    case "isolate": {
      const some = chance.sample(ids, kind === "split" ? chance.whole(1, ids.length - 1) : 1);
      return apart(kind, some, without(ids, some));
    }
    case "one-way":
    case "one-way-all": {
      const some = chance.sample(ids, 1);
      const others = without(ids, some);
      const deaf = kind === "one-way" ? [chance.pick(others)] : others;
      const cuts = some.flatMap((one) => deaf.map((other) => [one, other] as const));
      return { text: `${kind}: ${some.join()} is not heard by ${deaf.join()}`, cuts };
    }
    case "bridge": {
      const [between = "", ...rest] = chance.sample(ids, ids.length);
      const half = rest.slice(0, chance.whole(1, rest.length - 1));
      const { text, cuts } = apart(kind, half, without(rest, half));
      return { text: `${text}, over ${between}`, cuts };
    }
    case "chain": {
      const line = chance.sample(ids, ids.length);
      const cuts = line.flatMap((one, at) =>
        line.flatMap((other, place) => (Math.abs(at - place) > 1 ? [[one, other] as const] : [])),
      );
      return { text: `chain: ${line.join("-")}`, cuts };
    }
  }
}

function apart(kind: string, some: readonly string[], others: readonly string[]): Partition {
  const cuts = some.flatMap((one) =>
    others.flatMap((other) => [[one, other] as const, [other, one] as const]),
  );
  return { text: `${kind}: ${some.join()} from ${others.join()}`, cuts };
}

function without(ids: readonly string[], some: readonly string[]): readonly string[] {
  return ids.filter((id) => !some.includes(id));
}
