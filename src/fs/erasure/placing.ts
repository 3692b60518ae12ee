/** On which nodes the blocks of a stripe are to be: on as many different ones as there are. */
import { rendezvousOrder } from "../../std/rendezvous.ts";
import type { NodeId } from "../../wire/dataset.ts";

/** A stripe as far as placing goes. */
export interface StripeToPlace {
  /** Names it, always the same: its first data block. */
  readonly seed: string;
  /** For each of its blocks, nodes that have it. */
  readonly holders: readonly (readonly NodeId[])[];
}

/** Nodes in the order in which they are likely to have a block of a stripe. */
export function likelyHolders(
  seed: string,
  index: number,
  nodes: readonly NodeId[],
): readonly NodeId[] {
  const order = rendezvousOrder(seed, nodes);
  if (order.length === 0) return order;
  const first = index % order.length;
  return [...order.slice(first), ...order.slice(0, first)];
}

/** How many blocks of a stripe one node has, where they are on as many different ones as there are. */
export function blocksPerNode(blocks: number, nodes: number): number {
  return Math.ceil(blocks / Math.max(nodes, 1));
}

/**
 * The node of each block, of those that are `able`; undefined for all where there are none. Who has a block keeps
 * it, as far as no node then has more than its part; the others go to the nodes that have fewest, in an order that
 * depends on the stripe.
 */
export function planStripe(
  { seed, holders }: StripeToPlace,
  able: readonly NodeId[],
): readonly (NodeId | undefined)[] {
  const order = rendezvousOrder(seed, able);
  const kept = keptPlaces(holders, order);
  const counts = new Map(order.map((node) => [node, kept.filter((one) => one === node).length]));
  return kept.map((node, index) => {
    if (node !== undefined) return node;
    const turn = likelyHolders(seed, index, able);
    const least = Math.min(...counts.values());
    const chosen = turn.find((one) => counts.get(one) === least);
    if (chosen !== undefined) counts.set(chosen, least + 1);
    return chosen;
  });
}

/**
 * As many blocks as can stay where they are, by augmenting paths (Kuhn, 1955): a block takes a node that has room,
 * or one whose block can go to another one that has it.
 */
function keptPlaces(
  holders: readonly (readonly NodeId[])[],
  order: readonly NodeId[],
): readonly (NodeId | undefined)[] {
  const room = blocksPerNode(holders.length, order.length);
  const places: (NodeId | undefined)[] = holders.map(() => undefined);
  const take = (index: number, tried: Set<NodeId>): boolean => {
    const turn = likelyOf(index, order);
    for (const node of turn) {
      if (tried.has(node) || holders[index]?.includes(node) !== true) continue;
      tried.add(node);
      const there = places.flatMap((one, at) => (one === node ? [at] : []));
      if (there.length < room || there.some((at) => take(at, tried))) {
        places[index] = node;
        return true;
      }
    }
    return false;
  };
  for (const index of holders.keys()) take(index, new Set());
  return places;
}

function likelyOf(index: number, order: readonly NodeId[]): readonly NodeId[] {
  const first = index % Math.max(order.length, 1);
  return [...order.slice(first), ...order.slice(0, first)];
}

/** How many nodes may be lost, whichever they are, with enough of a stripe left. */
export function nodesToSpare(places: readonly (NodeId | undefined)[], dataCount: number): number {
  const counts = new Map<NodeId, number>();
  for (const node of places) if (node !== undefined) counts.set(node, (counts.get(node) ?? 0) + 1);
  const largest = [...counts.values()].sort((a, b) => b - a);
  let left = largest.reduce((sum, count) => sum + count, 0);
  if (left < dataCount) return -1;
  const first = largest.findIndex((count) => {
    left -= count;
    return left < dataCount;
  });
  return first;
}
