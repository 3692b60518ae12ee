/** R25: has the blocks of stripes that this node stored copied to the nodes where they are to be. */
import type { Caller } from "../../actors/caller.ts";
import { nodesToSpare, planStripe } from "../../fs/erasure/placing.ts";
import type { Cid, NodeId } from "../../wire/dataset.ts";
import {
  BLOCKS_COPIED_AT_ONCE,
  type BlockCopiesDeps,
  COPY_MS_MAX,
  COPY_PAUSE_MS,
  COPY_TRIES_MAX,
  isUnable,
} from "./block-copies.ts";

export interface StripePlacesDeps extends BlockCopiesDeps {
  readonly self: NodeId;
}

/** A stripe whose blocks are all here. */
export interface StripeHere {
  /** The data first. */
  readonly members: readonly Cid[];
  readonly dataCount: number;
}

/** Where the blocks of a stripe are by now. */
class Placing {
  readonly members: readonly Cid[];
  readonly dataCount: number;
  readonly places: (NodeId | undefined)[];

  constructor({ members, dataCount }: StripeHere) {
    this.members = members;
    this.dataCount = dataCount;
    this.places = members.map(() => undefined);
  }

  /** Blocks that are not where they are to be, and where that is. */
  left(able: readonly NodeId[]): readonly { readonly at: number; readonly node: NodeId }[] {
    const holders = this.places.map((node) => (node === undefined ? [] : [node]));
    const plan = planStripe({ seed: this.members[0] ?? "", holders }, able);
    return plan.flatMap((node, at) =>
      node === undefined || this.places[at] !== undefined ? [] : [{ at, node }],
    );
  }
}

interface Order {
  readonly node: NodeId;
  readonly blocks: readonly { readonly placing: Placing; readonly at: number }[];
}

/**
 * Resolves with the node of each block of each stripe: on different ones as far as there are so many that take one.
 * What this node is to have stays; the rest is somewhere else then, and here too.
 */
export async function placeStripes(
  stripes: readonly StripeHere[],
  deps: StripePlacesDeps,
  signal: AbortSignal,
): Promise<readonly (readonly NodeId[])[]> {
  const placings = stripes.map((stripe) => new Placing(stripe));
  const excluded = new Set<NodeId>();
  const blocksMax = Math.max(...stripes.map(({ members }) => members.length));
  for (let tries = 1; ; tries++) {
    signal.throwIfAborted();
    const able = [deps.self, ...deps.others()].filter((node) => !excluded.has(node));
    const orders = ordersFor(placings, able);
    if (orders.length === 0) break;
    const failed = new Set<NodeId>();
    await Promise.all(
      orders.map(async (order) => {
        const how = await carryOut(order, deps);
        if (how === "done")
          for (const { placing, at } of order.blocks) placing.places[at] = order.node;
        else failed.add(order.node);
        if (how === "unable") excluded.add(order.node);
      }),
    );
    // Who does not answer is waited for where without it blocks would have to share a node.
    const others = able.filter((node) => !failed.has(node)).length;
    if (others >= blocksMax || tries >= COPY_TRIES_MAX)
      for (const node of failed) excluded.add(node);
    else if (failed.size > 0) await deps.sleep(COPY_PAUSE_MS);
  }
  return placings.map(({ places }) => places.map((node) => node ?? deps.self));
}

/** As copies of a block would be counted: one more than the nodes that may be lost. */
export function copiesLike(places: readonly NodeId[], dataCount: number): number {
  return 1 + nodesToSpare(places, dataCount);
}

function ordersFor(placings: readonly Placing[], able: readonly NodeId[]): readonly Order[] {
  const byNode = new Map<NodeId, { readonly placing: Placing; readonly at: number }[]>();
  for (const placing of placings) {
    for (const { at, node } of placing.left(able)) {
      const blocks = byNode.get(node) ?? [];
      blocks.push({ placing, at });
      byNode.set(node, blocks);
    }
  }
  return [...byNode].flatMap(([node, blocks]) =>
    Array.from({ length: Math.ceil(blocks.length / BLOCKS_COPIED_AT_ONCE) }, (_, at) => ({
      node,
      blocks: blocks.slice(at * BLOCKS_COPIED_AT_ONCE, (at + 1) * BLOCKS_COPIED_AT_ONCE),
    })),
  );
}

async function carryOut(
  { node, blocks }: Order,
  { caller, self }: { readonly caller: Pick<Caller, "ask">; readonly self: NodeId },
): Promise<"done" | "failed" | "unable"> {
  if (node === self) return "done";
  const cids = blocks.map(({ placing, at }) => placing.members[at] ?? "");
  const answer = await caller.ask(node, { kind: "copy-blocks", cids }, COPY_MS_MAX);
  if (answer?.kind === "done") return "done";
  return isUnable(answer) ? "unable" : "failed";
}
