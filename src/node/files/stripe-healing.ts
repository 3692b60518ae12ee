/**
 * R25, for blocks of stripes: sees to it that each is on a node of its own. Whoever heals orders a node to have a
 * block, from who has it or made from the others; and who has one that another node keeps too gives it up.
 */
import { planStripe } from "../../fs/erasure/placing.ts";
import type { StripeRow } from "../../scheduler/tree/rows.ts";
import { membersOf, parityBytes } from "../../scheduler/tree/stripes.ts";
import type { Cid, NodeId } from "../../wire/dataset.ts";
import { type Healed, type HealingDeps, NOTHING_HEALED } from "./block-healing.ts";
import {
  BLOCKS_PLACED_AT_ONCE,
  type BlockPlaces,
  type BlockStanding,
  copiesOf,
  placesOf,
} from "./block-places.ts";
import { dropSurplus, type Surplus } from "./block-surplus.ts";

/** For all blocks of a stripe over any network. */
const REBUILD_MS_MAX = 120_000;

/** Nodes named as those that may have blocks. */
const SOURCES_MAX = 64;

/** A stripe with all its blocks as they stand. */
export interface StripeStanding {
  /** In the order of the blocks, the data first. */
  readonly members: readonly Cid[];
  /** Where each is to be. */
  readonly plan: readonly (NodeId | undefined)[];
  readonly standings: readonly BlockStanding[];
}

/** How a stripe stands. `short`: a block is not where it is to be, or nowhere and can be made. */
export function standingOfStripe(stripe: StripeRow, places: BlockPlaces): StripeStanding {
  const members = membersOf(stripe);
  const counted = members.map((cid) => copiesOf(cid, places));
  const able = new Set(places.able);
  const holders = counted.map((nodes) => nodes.filter((node) => able.has(node)));
  const plan = planStripe({ seed: members[0] ?? "", holders }, places.able);
  const there = members.filter((cid) => (places.holders.get(cid) ?? []).length > 0).length;
  const standings = members.map((cid, at): BlockStanding => {
    const target = plan[at];
    if (target !== undefined && holders[at]?.includes(target) === true) return "whole";
    if (there >= stripe.data.length || (places.holders.get(cid) ?? []).length > 0) return "short";
    return places.areAll ? "lost" : "missing";
  });
  return { members, plan, standings };
}

/** Stripes so few that their blocks can be asked about at once. */
export function* stripePages<S extends StripeRow>(stripes: Iterable<S>): Generator<readonly S[]> {
  let page: S[] = [];
  let blocks = 0;
  for (const stripe of stripes) {
    const more = membersOf(stripe).length;
    if (blocks + more > BLOCKS_PLACED_AT_ONCE) {
      yield page;
      page = [];
      blocks = 0;
    }
    page.push(stripe);
    blocks += more;
  }
  if (page.length > 0) yield page;
}

/** Heals stripes, as many as are asked about at once. A node that does not take a block is passed over. */
export async function healStripes(
  stripes: readonly StripeRow[],
  deps: HealingDeps,
  signal: AbortSignal,
): Promise<Healed> {
  const places = await placesOf(stripes.flatMap(membersOf), deps);
  let healed: Healed = NOTHING_HEALED;
  const surplus: Surplus[] = [];
  for (const stripe of stripes) {
    signal.throwIfAborted();
    const standing = standingOfStripe(stripe, places);
    const taken = await healStripe(stripe, { standing, places }, deps);
    const { members, plan, standings } = standing;
    for (const [at, cid] of members.entries()) {
      const node = plan[at];
      const isThere = standings[at] === "whole" || taken.has(cid);
      if (node === undefined || !isThere) continue;
      const extra = copiesOf(cid, places).filter((other) => other !== node);
      if (extra.length > 0) surplus.push({ cid, keepers: [node], extra });
    }
    const count = (wanted: BlockStanding): number =>
      members.filter((cid, at) => standings[at] === wanted && !taken.has(cid)).length;
    healed = {
      blocks: healed.blocks + members.length,
      copied: healed.copied + taken.size,
      copiedBytes: healed.copiedBytes + taken.size * parityBytes(stripe),
      short: healed.short + count("short"),
      missing: healed.missing + count("missing"),
      lost: healed.lost + count("lost"),
    };
  }
  await dropSurplus(surplus, deps);
  return healed;
}

/** The blocks that are where they are to be then. */
async function healStripe(
  stripe: StripeRow,
  of: { readonly standing: StripeStanding; readonly places: BlockPlaces },
  deps: HealingDeps,
): Promise<ReadonlySet<Cid>> {
  const { members, plan, standings } = of.standing;
  const { holders } = of.places;
  const from = [...new Set(members.flatMap((cid) => holders.get(cid) ?? []))].slice(0, SOURCES_MAX);
  const wanted = new Map<NodeId, Cid[]>();
  for (const [at, cid] of members.entries()) {
    const node = plan[at];
    if (standings[at] !== "short" || node === undefined) continue;
    wanted.set(node, [...(wanted.get(node) ?? []), cid]);
  }
  const taken = new Set<Cid>();
  for (const [node, cids] of wanted) {
    // One that is made takes as many blocks as there is data.
    const reads = cids.reduce(
      (sum, cid) => sum + ((holders.get(cid) ?? []).length > 0 ? 1 : stripe.data.length),
      0,
    );
    await deps.pace(reads * parityBytes(stripe));
    const { data, parity } = stripe;
    const order = { kind: "rebuild-blocks", stripe: { data, parity }, cids, from } as const;
    const answer = await deps.caller.ask(node, order, REBUILD_MS_MAX);
    const here = answer?.kind === "blocks" ? answer.here : [];
    for (const [at, cid] of cids.entries()) if (here[at] === true) taken.add(cid);
  }
  return taken;
}

/** Has a node make blocks from others of their stripes; how many of them it has then. */
export async function rebuildAt(
  order: { readonly node: NodeId; readonly cids: readonly Cid[]; readonly from: readonly NodeId[] },
  stripes: readonly StripeRow[],
  { caller }: Pick<HealingDeps, "caller">,
): Promise<number> {
  const { node, from } = order;
  let made = 0;
  for (const { data, parity } of new Set(stripes)) {
    const members = membersOf({ data, parity });
    const cids = order.cids.filter((cid) => members.includes(cid));
    if (cids.length === 0) continue;
    const call = { kind: "rebuild-blocks", stripe: { data, parity }, cids, from } as const;
    const answer = await caller.ask(node, call, REBUILD_MS_MAX);
    made += answer?.kind === "blocks" ? answer.here.filter((is) => is).length : 0;
  }
  return made;
}
