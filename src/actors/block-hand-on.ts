/**
 * Before a node leaves for ever: others fetch its blocks, until each is on as many of them as is asked for.
 * Harmless to repeat; what they have by then is not fetched again.
 */
import type { Cid, NodeId } from "../scheduler/dataset.ts";
import { rendezvousOrder } from "../std/rendezvous.ts";
import type { Caller } from "./caller.ts";
import { ActorError } from "./errors.ts";
import type { RunsPort } from "./work-ports.ts";

/** Blocks that others are asked about at once: a question of some ten KiB. */
export const BLOCKS_ASKED_MAX = 256;

/** Blocks of one order to fetch: it is answered when all are synced there. */
const BLOCKS_COPIED_MAX = 32;

const ASK_MS = 10_000;

/** For a few MiB over any network. */
const COPY_MS = 60_000;

/** A node that answers one of these cannot take a copy, however often it is asked. */
export const UNABLE_CODES: ReadonlySet<string> = new Set(["FS_DISK_FULL", "FS_IO"]);

export interface BlockHandOnDeps {
  readonly runs: Pick<RunsPort, "listBlocks">;
  readonly caller: Pick<Caller, "ask">;
  /** Nodes that stay and are up. */
  readonly heirs: () => readonly NodeId[];
  /** For each block on how many nodes it is to be. Rejects while nobody can say so. */
  readonly wanted: (cids: readonly Cid[]) => Promise<readonly number[]>;
}

/** A block on its way to more nodes. */
interface Handed {
  readonly cid: Cid;
  /** Nodes that are to have it, the first one first; taken from its front. */
  readonly targets: NodeId[];
  missing: number;
}

/**
 * @throws {ActorError} `NODE_BLOCKS_STAY` when a block is on fewer nodes than it could be: nobody, or too few of
 * those that have room, took it. What `wanted` rejects with.
 */
export async function handOnBlocks(deps: BlockHandOnDeps): Promise<void> {
  // A node without room is passed over for good: who asks again begins anew.
  const unable = new Set<NodeId>();
  for (let after = ""; ; ) {
    const page = await deps.runs.listBlocks(after, BLOCKS_ASKED_MAX);
    const last = page.at(-1);
    if (last === undefined) return;
    await handOnPage(page, unable, deps);
    after = last;
  }
}

async function handOnPage(
  page: readonly Cid[],
  unable: Set<NodeId>,
  deps: BlockHandOnDeps,
): Promise<void> {
  const heirs = deps.heirs();
  if (heirs.length === 0) throw staying("no other node is up that could take this node's blocks");
  const holders = await holdersOf(page, heirs, deps);
  const wanted = await deps.wanted(page);
  const blocks = page.map((cid, at) => {
    const having = holders.get(cid) ?? [];
    const targets = rendezvousOrder(cid, heirs).filter((node) => !having.includes(node));
    const missing = Math.min(wanted[at] ?? 1, heirs.length) - having.length;
    return { cid, targets: [...targets], missing, having };
  });
  for (;;) {
    const orders = ordersFor(blocks, unable);
    if (orders.length === 0) break;
    for (const order of orders) await carryOut(order, unable, deps);
  }
  const able = heirs.filter((node) => !unable.has(node)).length;
  for (const { cid, having, missing } of blocks) {
    if (missing <= 0) continue;
    // Fewer than asked for is enough only where no more nodes have room.
    const copies = Math.min(wanted[page.indexOf(cid)] ?? 1, heirs.length) - missing;
    const could = having.filter((node) => unable.has(node)).length + able;
    if (copies > 0 && copies >= could) continue;
    throw staying(`${copies} other nodes have the block ${cid.slice(0, 12)}, and too few took it`);
  }
}

function staying(text: string): ActorError {
  return new ActorError({ code: "NODE_BLOCKS_STAY" }, text);
}

/** Which of them have which blocks. One that does not answer has none. */
async function holdersOf(
  cids: readonly Cid[],
  heirs: readonly NodeId[],
  { caller }: BlockHandOnDeps,
): Promise<ReadonlyMap<Cid, readonly NodeId[]>> {
  const holders = new Map<Cid, NodeId[]>(cids.map((cid) => [cid, []]));
  for (const heir of heirs) {
    const answer = await caller.ask(heir, { kind: "have-blocks", cids }, ASK_MS);
    if (answer?.kind !== "blocks") continue;
    for (const [at, cid] of cids.entries())
      if (answer.here[at] === true) holders.get(cid)?.push(heir);
  }
  return holders;
}

interface Order {
  readonly node: NodeId;
  readonly part: readonly Handed[];
}

/** Each block is offered to the next nodes that were not asked yet. */
function ordersFor(blocks: readonly Handed[], unable: ReadonlySet<NodeId>): readonly Order[] {
  const byNode = new Map<NodeId, Handed[]>();
  for (const block of blocks) {
    for (let left = block.missing; left > 0; left--) {
      const node = block.targets.shift();
      if (node === undefined) break;
      if (unable.has(node)) left++;
      else byNode.set(node, [...(byNode.get(node) ?? []), block]);
    }
  }
  return [...byNode].flatMap(([node, list]) =>
    Array.from({ length: Math.ceil(list.length / BLOCKS_COPIED_MAX) }, (_, at) => ({
      node,
      part: list.slice(at * BLOCKS_COPIED_MAX, (at + 1) * BLOCKS_COPIED_MAX),
    })),
  );
}

async function carryOut(
  { node, part }: Order,
  unable: Set<NodeId>,
  { caller }: BlockHandOnDeps,
): Promise<void> {
  if (unable.has(node)) return;
  const call = { kind: "copy-blocks", cids: part.map(({ cid }) => cid) } as const;
  const answer = await caller.ask(node, call, COPY_MS);
  if (answer?.kind === "done") for (const block of part) block.missing--;
  if (answer?.kind === "error" && UNABLE_CODES.has(answer.code)) unable.add(node);
}
