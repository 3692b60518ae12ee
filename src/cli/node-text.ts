/** How a node's state is said on one line. */
import type { NodeView } from "../api/ports.ts";

/** The cluster versions that its program supports: `1` or `1-2`. */
export function versionsText({ min, max }: NodeView["versions"]): string {
  return min === max ? `${min}` : `${min}-${max}`;
}

/** Its state, and what is wrong with it. */
export function nodeState({ state, clockIsOff, damaged }: NodeView): string {
  const clock = clockIsOff ? ", clock off" : "";
  const damage = damaged.length === 0 ? "" : `, damaged: ${damaged.join(" ")}`;
  return `${state}${clock}${damage}`;
}
