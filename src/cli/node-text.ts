/** How a node's state is said on one line. */
import type { NodeView } from "../api/ports.ts";

/** Its state, and what is wrong with it. */
export function nodeState({ state, clockIsOff, damaged }: NodeView): string {
  const clock = clockIsOff ? ", clock off" : "";
  const damage = damaged.length === 0 ? "" : `, damaged: ${damaged.join(" ")}`;
  return `${state}${clock}${damage}`;
}
