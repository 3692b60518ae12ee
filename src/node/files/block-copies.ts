/** R25: has blocks that this node stored copied to as many nodes as a volume asks for. */
import type { Caller } from "../../actors/caller.ts";
import type { Call, CallAnswer } from "../../actors/ports.ts";
import { rendezvousOrder } from "../../std/rendezvous.ts";
import type { Cid, NodeId } from "../../wire/dataset.ts";

/** Blocks of one order to fetch; orders to the same node go side by side. */
export const BLOCKS_COPIED_AT_ONCE = 8;

/** For a few MiB over any network. */
export const COPY_MS_MAX = 60_000;

/**
 * How often nodes that are up are asked once more that did not take a copy, and how long between: links break
 * and come back, and a node that was killed counts as up for a moment.
 */
export const COPY_TRIES_MAX = 20;
export const COPY_PAUSE_MS = 250;

/** A node that answers one of these cannot take a copy, however often it is asked. */
const UNABLE_CODES: ReadonlySet<string> = new Set(["FS_DISK_FULL", "FS_IO"]);

export interface BlockCopiesDeps {
  readonly caller: Pick<Caller, "ask">;
  /** Other members that are up and stay. */
  readonly others: () => readonly NodeId[];
  readonly sleep: (ms: number) => Promise<void>;
}

/** What makes another node have blocks. */
export type CopyOrder = Extract<Call, { readonly kind: "copy-blocks" | "store-blocks" }>;

/** A block on its way to its nodes. */
interface Copied {
  readonly cid: Cid;
  readonly holders: Set<NodeId>;
}

/**
 * Resolves with on how many nodes each block is then, this one included: `wanted`, or fewer where no more are
 * up that can take one. Nodes are taken in the order in which blocks are placed.
 */
export async function copyBlocks(
  cids: readonly Cid[],
  deps: BlockCopiesDeps,
  how: {
    readonly wanted: number;
    readonly signal: AbortSignal;
    /** The only block, where it is to come along, so that it need not be stored here yet. */
    readonly data?: Uint8Array | undefined;
  },
): Promise<number> {
  const { wanted, signal, data } = how;
  const blocks: readonly Copied[] = [...new Set(cids)].map((cid) => ({ cid, holders: new Set() }));
  const unable = new Set<NodeId>();
  for (let tries = 0; tries < COPY_TRIES_MAX; tries++) {
    const failed = new Set<NodeId>(unable);
    for (;;) {
      signal.throwIfAborted();
      const able = deps.others().filter((node) => !failed.has(node));
      const orders = ordersFor(blocks, { able, wanted });
      if (orders.length === 0) break;
      await Promise.all(
        orders.map(async ({ node, part }) => {
          const answer = await deps.caller.ask(node, orderOf(part, data), COPY_MS_MAX);
          if (answer?.kind === "done") for (const { holders } of part) holders.add(node);
          else failed.add(node);
          if (isUnable(answer)) unable.add(node);
        }),
      );
    }
    const reached = 1 + Math.min(...blocks.map(({ holders }) => holders.size), wanted - 1);
    const mayBeMore = deps.others().some((node) => failed.has(node) && !unable.has(node));
    if (reached >= wanted || !mayBeMore) return reached;
    await deps.sleep(COPY_PAUSE_MS);
  }
  return 1 + Math.min(...blocks.map(({ holders }) => holders.size), wanted - 1);
}

function orderOf(part: readonly Copied[], data: Uint8Array | undefined): CopyOrder {
  return data === undefined
    ? { kind: "copy-blocks", cids: part.map(({ cid }) => cid) }
    : { kind: "store-blocks", blocks: [data] };
}

/** Which nodes are asked for which blocks next. */
function ordersFor(
  blocks: readonly Copied[],
  { able, wanted }: { readonly able: readonly NodeId[]; readonly wanted: number },
): readonly { readonly node: NodeId; readonly part: readonly Copied[] }[] {
  const byNode = new Map<NodeId, Copied[]>();
  for (const block of blocks) {
    const { cid, holders } = block;
    const fresh = rendezvousOrder(cid, able).filter((node) => !holders.has(node));
    for (const node of fresh.slice(0, wanted - 1 - holders.size)) {
      const list = byNode.get(node) ?? [];
      list.push(block);
      byNode.set(node, list);
    }
  }
  return [...byNode].flatMap(([node, list]) =>
    Array.from({ length: Math.ceil(list.length / BLOCKS_COPIED_AT_ONCE) }, (_, at) => ({
      node,
      part: list.slice(at * BLOCKS_COPIED_AT_ONCE, (at + 1) * BLOCKS_COPIED_AT_ONCE),
    })),
  );
}

/** Whether the node cannot take a copy, however often it is asked. */
export function isUnable(answer: CallAnswer | undefined): boolean {
  return answer?.kind === "error" && UNABLE_CODES.has(answer.code);
}
