/** Has copies that are too many given up: a node that comes back may have what was copied meanwhile. */
import type { Cid, NodeId } from "../../wire/dataset.ts";
import type { PlacesDeps } from "./block-places.ts";

/** Blocks of one order: each is read on all keepers before it is answered. */
const BLOCKS_DROPPED_AT_ONCE = 64;

/** Until all keepers have read them, and they are deleted. */
const DROP_MS_MAX = 60_000;

/** A block with too many copies. */
export interface Surplus {
  readonly cid: Cid;
  /** Nodes that have it and are to have it. */
  readonly keepers: readonly NodeId[];
  /** Other nodes that have it. */
  readonly extra: readonly NodeId[];
}

/** Orders nodes to drop blocks; each does so only where all keepers say that they have theirs. */
export async function dropSurplus(
  surplus: readonly Surplus[],
  { caller }: Pick<PlacesDeps, "caller">,
): Promise<void> {
  const orders = new Map<string, { node: NodeId; keepers: readonly NodeId[]; cids: Cid[] }>();
  for (const { cid, keepers, extra } of surplus) {
    for (const node of extra) {
      const key = [node, ...keepers].join(" ");
      const order = orders.get(key) ?? { node, keepers, cids: [] };
      order.cids.push(cid);
      orders.set(key, order);
    }
  }
  for (const { node, keepers, cids } of orders.values()) {
    for (let at = 0; at < cids.length; at += BLOCKS_DROPPED_AT_ONCE) {
      const part = cids.slice(at, at + BLOCKS_DROPPED_AT_ONCE);
      // What it does not drop stays for the next round.
      await caller.ask(node, { kind: "drop-blocks", cids: part, keepers }, DROP_MS_MAX);
    }
  }
}
