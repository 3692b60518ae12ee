/** Rendezvous hashing: where something is to be, by its name and those that are there alone. */
import { hash64 } from "./hash64.ts";

const NOTHING = new Uint8Array(0);

/**
 * The nodes in the order in which they are to have what is named by `key` (Thaler and Ravishankar, 1998).
 * Each key has an order of its own, which does not depend on the order of `nodes`; a node that goes or comes
 * changes nothing about the order of the others. Both are ASCII.
 */
export function rendezvousOrder(key: string, nodes: readonly string[]): readonly string[] {
  return nodes
    .map((node) => ({ node, ...hash64(`${key} ${node}`, NOTHING) }))
    .sort((a, b) => b.high - a.high || b.low - a.low || (a.node < b.node ? -1 : 1))
    .map(({ node }) => node);
}
