/**
 * R25: sees to it that blocks of a volume are on as many nodes as it asks for. Whoever heals asks the members
 * what they have and orders nodes to fetch what is short from those that have it; no block passes through it.
 */

import type { FileBlock } from "../../scheduler/tree/rows.ts";
import { rendezvousOrder } from "../../std/rendezvous.ts";
import type { Cid, NodeId } from "../../wire/dataset.ts";
import {
  type BlockPlaces,
  copiesOf,
  type PlacesDeps,
  placesOf,
  standingOf,
} from "./block-places.ts";

import { dropSurplus, type Surplus } from "./block-surplus.ts";

/** Blocks of one order: it is answered when all are synced. Bounds what one step of the rate is. */
const BLOCKS_ORDERED_AT_ONCE = 8;

/** For a few MiB over any network. */
const TAKE_MS_MAX = 60_000;

/** Nodes named as those that have the blocks of an order. */
const SOURCES_MAX = 16;

export interface HealingDeps extends PlacesDeps {
  /** Resolves when so many bytes more may be ordered. */
  readonly pace: (bytes: number) => Promise<void>;
}

/** What healing came to. */
export interface Healed {
  readonly blocks: number;
  /** Copies that were made, and their bytes. */
  readonly copied: number;
  readonly copiedBytes: number;
  /** Blocks that still have fewer copies than can be. */
  readonly short: number;
  readonly missing: number;
  readonly lost: number;
}

/** Nothing yet. */
export const NOTHING_HEALED: Healed = {
  ...{ blocks: 0, copied: 0, copiedBytes: 0 },
  ...{ short: 0, missing: 0, lost: 0 },
};

/** Both together. */
export function addHealed(a: Healed, b: Healed): Healed {
  return {
    blocks: a.blocks + b.blocks,
    copied: a.copied + b.copied,
    copiedBytes: a.copiedBytes + b.copiedBytes,
    short: a.short + b.short,
    missing: a.missing + b.missing,
    lost: a.lost + b.lost,
  };
}

/** A block on its way to more nodes. */
interface Short {
  readonly block: FileBlock;
  readonly holders: readonly NodeId[];
  /** Nodes that are to have it, the first one first; taken from its front. */
  readonly targets: NodeId[];
  missing: number;
}

/**
 * Has blocks copied, at most `BLOCKS_PLACED_AT_ONCE` of them, to the nodes that come first for each. A node that
 * does not take one is passed over.
 */
export async function healBlocks(
  blocks: readonly FileBlock[],
  deps: HealingDeps,
  how: { readonly wanted: number; readonly signal: AbortSignal },
): Promise<Healed> {
  const { wanted, signal } = how;
  const places = await placesOf(
    blocks.map(({ cid }) => cid),
    deps,
  );
  const shorts = blocks.flatMap((block) => shortOf(block, wanted, places));
  let [copied, copiedBytes] = [0, 0];
  for (;;) {
    const orders = ordersFor(shorts);
    if (orders.length === 0) break;
    for (const order of orders) {
      signal.throwIfAborted();
      const taken = await carryOut(order, deps);
      copied += taken.length;
      copiedBytes += taken.reduce((sum, { block }) => sum + block.bytes, 0);
      for (const short of taken) short.missing--;
    }
  }
  const standings = blocks.map(({ cid }) => standingOf(cid, wanted, places));
  await dropSurplus(surplusOf(blocks, wanted, places), deps);
  return {
    ...{ blocks: blocks.length, copied, copiedBytes },
    short: shorts.filter(({ missing }) => missing > 0).length,
    missing: standings.filter((standing) => standing === "missing").length,
    lost: standings.filter((standing) => standing === "lost").length,
  };
}

/** Copies beyond those that are wanted, in the order in which blocks are placed. */
function surplusOf(
  blocks: readonly FileBlock[],
  wanted: number,
  places: BlockPlaces,
): readonly Surplus[] {
  return blocks.flatMap(({ cid }) => {
    const order = rendezvousOrder(cid, copiesOf(cid, places));
    const extra = order.slice(wanted);
    return extra.length === 0 ? [] : [{ cid, keepers: order.slice(0, wanted), extra }];
  });
}

function shortOf(block: FileBlock, wanted: number, places: BlockPlaces): readonly Short[] {
  if (standingOf(block.cid, wanted, places) !== "short") return [];
  const holders = places.holders.get(block.cid) ?? [];
  const counted = copiesOf(block.cid, places).length;
  const targets = rendezvousOrder(block.cid, places.able).filter((node) => !holders.includes(node));
  return [
    {
      block,
      holders,
      targets: [...targets],
      missing: Math.min(wanted, places.able.length) - counted,
    },
  ];
}

interface Order {
  readonly node: NodeId;
  readonly part: readonly Short[];
}

/** Each short block is ordered of the next nodes that were not asked yet. */
function ordersFor(shorts: readonly Short[]): readonly Order[] {
  const byNode = new Map<NodeId, Short[]>();
  for (const short of shorts) {
    for (const node of short.targets.splice(0, short.missing)) {
      byNode.set(node, [...(byNode.get(node) ?? []), short]);
    }
  }
  return [...byNode].flatMap(([node, list]) =>
    Array.from({ length: Math.ceil(list.length / BLOCKS_ORDERED_AT_ONCE) }, (_, at) => ({
      node,
      part: list.slice(at * BLOCKS_ORDERED_AT_ONCE, (at + 1) * BLOCKS_ORDERED_AT_ONCE),
    })),
  );
}

/** Those that the node has then. */
async function carryOut({ node, part }: Order, deps: HealingDeps): Promise<readonly Short[]> {
  await deps.pace(part.reduce((sum, { block }) => sum + block.bytes, 0));
  const from = [...new Set(part.flatMap(({ holders }) => holders))].slice(0, SOURCES_MAX);
  const here = await takeBlocks({ node, cids: part.map(({ block }) => block.cid), from }, deps);
  return part.filter((_, at) => here[at] === true);
}

/** Has a node fetch blocks; tells for each whether it has it then, and nothing where it did not answer. */
export async function takeBlocks(
  order: { readonly node: NodeId; readonly cids: readonly Cid[]; readonly from: readonly NodeId[] },
  { caller }: Pick<PlacesDeps, "caller">,
): Promise<readonly boolean[]> {
  const { node, cids, from } = order;
  const answer = await caller.ask(node, { kind: "take-blocks", cids, from }, TAKE_MS_MAX);
  return answer?.kind === "blocks" ? answer.here : [];
}
