/** On which nodes blocks are, and which have too few copies. */
import type { Caller } from "../../actors/caller.ts";
import type { Cid, NodeId } from "../../wire/dataset.ts";

/** Blocks that nodes are asked about at once. */
export const BLOCKS_PLACED_AT_ONCE = 256;

const ASK_MS = 10_000;

/** A member as far as its blocks are concerned. */
export interface BlockMember {
  readonly node: NodeId;
  readonly isUp: boolean;
  /** False for one that is being removed: what it has can be fetched, and does not count. */
  readonly stays: boolean;
}

export interface PlacesDeps {
  readonly caller: Pick<Caller, "ask">;
  /** All members, this node among them. */
  readonly members: () => readonly BlockMember[];
}

/** Where blocks are. */
export interface BlockPlaces {
  /** By block: nodes that say that they have it. */
  readonly holders: ReadonlyMap<Cid, readonly NodeId[]>;
  /** Nodes that are up, stay, and answered. */
  readonly able: readonly NodeId[];
  /** Whether no other member may have some: all have answered. */
  readonly areAll: boolean;
  /** Nodes that are being removed. */
  readonly leaving: ReadonlySet<NodeId>;
}

/** How one block stands against the copies that are asked for. */
export type BlockStanding =
  | "whole"
  /** Fewer copies than can be. */
  | "short"
  /** None that answers; a member that is away may have one. */
  | "missing"
  /** R26: none, and all members have answered. */
  | "lost";

/** Asks all members that are up, at most `BLOCKS_PLACED_AT_ONCE` blocks. */
export async function placesOf(cids: readonly Cid[], deps: PlacesDeps): Promise<BlockPlaces> {
  const members = deps.members();
  const up = members.filter(({ isUp }) => isUp);
  const answers = await Promise.all(
    up.map(async ({ node, stays }) => {
      const answer = await deps.caller.ask(node, { kind: "have-blocks", cids }, ASK_MS);
      return answer?.kind === "blocks" ? [{ node, stays, here: answer.here }] : [];
    }),
  );
  const said = answers.flat();
  const holders = new Map(
    cids.map((cid, at) => {
      const having = said.filter(({ here }) => here[at] === true);
      return [cid, having.map(({ node }) => node)];
    }),
  );
  return {
    holders,
    able: said.flatMap(({ node, stays }) => (stays ? [node] : [])),
    areAll: said.length === members.length,
    leaving: new Set(members.flatMap(({ node, stays }) => (stays ? [] : [node]))),
  };
}

/** Copies of a block that count: those on nodes that stay. */
export function copiesOf(cid: Cid, { holders, leaving }: BlockPlaces): readonly NodeId[] {
  return (holders.get(cid) ?? []).filter((node) => !leaving.has(node));
}

/** How a block stands where a volume asks for `wanted` copies: no more than there are nodes to have them. */
export function standingOf(cid: Cid, wanted: number, places: BlockPlaces): BlockStanding {
  if ((places.holders.get(cid) ?? []).length === 0) return places.areAll ? "lost" : "missing";
  const copies = copiesOf(cid, places).length;
  return copies < Math.min(wanted, places.able.length) ? "short" : "whole";
}
