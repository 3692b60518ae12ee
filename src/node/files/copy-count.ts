/** How the blocks of a file stand, counted. */
import type { CopiesView } from "../../api/copy-port.ts";
import { nodesToSpare } from "../../fs/erasure/placing.ts";
import type { StripeRow } from "../../scheduler/tree/rows.ts";
import { membersOf } from "../../scheduler/tree/stripes.ts";
import type { Cid, NodeId } from "../../wire/dataset.ts";
import { type BlockPlaces, type BlockStanding, copiesOf, standingOf } from "./block-places.ts";
import { standingOfStripe } from "./stripe-healing.ts";

type NumberedStripe = StripeRow & { readonly number: number };

export class CopyCount {
  readonly #wanted: number;
  readonly #standings: Record<BlockStanding, number> = { whole: 0, short: 0, missing: 0, lost: 0 };
  readonly #nodes = new Map<NodeId, number>();
  readonly #stripes = new Set<number>();
  #blocks = 0;
  #parity = 0;
  #least = Number.POSITIVE_INFINITY;

  /** `wanted`: copies of blocks that are in no stripe. */
  constructor(wanted: number) {
    this.#wanted = wanted;
  }

  /** Blocks that have copies. */
  copied(cids: readonly Cid[], places: BlockPlaces): void {
    for (const cid of cids) {
      this.#standings[standingOf(cid, this.#wanted, places)]++;
      this.#blocks++;
      this.#note(copiesOf(cid, places));
      this.#least = Math.min(this.#least, copiesOf(cid, places).length);
    }
  }

  /** Stripes that were not counted yet, each once. */
  fresh(stripes: Iterable<NumberedStripe>): readonly NumberedStripe[] {
    return [...stripes].filter(({ number }) => {
      if (this.#stripes.has(number)) return false;
      this.#stripes.add(number);
      return true;
    });
  }

  /** All blocks of stripes, parity too. */
  coded(stripes: readonly StripeRow[], places: BlockPlaces): void {
    for (const stripe of stripes) {
      const { plan, standings } = standingOfStripe(stripe, places);
      for (const standing of standings) this.#standings[standing]++;
      this.#blocks += standings.length;
      this.#parity += stripe.parity.length;
      for (const cid of membersOf(stripe)) this.#note(copiesOf(cid, places));
      const there = plan.map((node, at) => (standings[at] === "whole" ? node : undefined));
      this.#least = Math.min(this.#least, 1 + nodesToSpare(there, stripe.data.length));
    }
  }

  view(bytes: number, nameOf: (node: NodeId) => string): CopiesView {
    const { short, missing, lost } = this.#standings;
    return {
      ...{ blocks: this.#blocks, bytes, short, missing, lost, copiesWanted: this.#wanted },
      ...{ stripes: this.#stripes.size, parity: this.#parity },
      copies: this.#blocks === 0 ? this.#wanted : this.#least,
      nodes: [...this.#nodes]
        .map(([node, blocks]) => ({ node: nameOf(node), blocks }))
        .sort((a, b) => (a.node < b.node ? -1 : 1)),
    };
  }

  #note(nodes: readonly NodeId[]): void {
    for (const node of nodes) this.#nodes.set(node, (this.#nodes.get(node) ?? 0) + 1);
  }
}
