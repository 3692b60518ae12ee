/**
 * Orders to copy or store one block each, of many uploads at once, gathered by node: while some are under way to a
 * node, those that come wait and go together. An order is a call, and a connection's worth of work at who fetches, for
 * many blocks as for one. One that nothing is under way for goes at once.
 */
import type { Caller } from "../../actors/caller.ts";
import type { Call, CallAnswer } from "../../actors/ports.ts";
import type { Cid, NodeId } from "../../wire/dataset.ts";
import type { CopyOrder } from "./block-copies.ts";

/** Gathered orders to one node that are under way at once. */
const ORDERS_AT_ONCE = 2;

/** Blocks of one gathered order; the others wait for the next. */
export const BLOCKS_GATHERED_MAX = 32;

/** Bytes that come along with one gathered order, or one block: what else is sent waits no longer than for so much. */
const ORDER_BYTES_MAX = 128 * 1024;

interface Waiting {
  /** A block to be fetched, or to be stored. */
  readonly block: Cid | Uint8Array;
  readonly timeoutMs: number;
  readonly resolve: (answer: CallAnswer | undefined) => void;
}

interface Target {
  readonly node: NodeId;
  underWay: number;
  /** As many as uploads are under way, each of which waits for its own. */
  readonly waiting: Waiting[];
}

export class CopyOrders implements Pick<Caller, "ask"> {
  readonly #caller: Pick<Caller, "ask">;
  /** By node, and by what is asked of it. */
  readonly #targets = new Map<string, Target>();

  constructor(caller: Pick<Caller, "ask">) {
    this.#caller = caller;
  }

  /** As `Caller.ask`. */
  ask(node: NodeId, call: Call, timeoutMs: number): Promise<CallAnswer | undefined> {
    const block = onlyBlockOf(call);
    if (block === undefined) return this.#caller.ask(node, call, timeoutMs);
    return new Promise((resolve) => {
      const key = `${call.kind} ${node}`;
      const target = this.#targets.get(key) ?? { node, underWay: 0, waiting: [] };
      this.#targets.set(key, target);
      target.waiting.push({ block, timeoutMs, resolve });
      this.#send(key, target);
    });
  }

  #send(key: string, target: Target): void {
    while (target.waiting.length > 0 && target.underWay < ORDERS_AT_ONCE) {
      target.underWay += 1;
      const order = target.waiting.splice(0, countOf(target.waiting));
      void this.#order(target.node, order).then(() => {
        target.underWay -= 1;
        this.#send(key, target);
        if (target.underWay === 0) this.#targets.delete(key);
      });
    }
  }

  async #order(node: NodeId, order: readonly Waiting[]): Promise<void> {
    const timeoutMs = Math.max(...order.map((one) => one.timeoutMs));
    const blocks = new Set(order.map(({ block }) => block));
    const answer = await this.#askSurely(node, orderFor([...blocks]), timeoutMs);
    if (answer?.kind === "done" || order.length === 1) {
      for (const { resolve } of order) resolve(answer);
      return;
    }
    // One block may be the reason: each is told what becomes of its own.
    await Promise.all(
      order.map(async ({ block, timeoutMs: ms, resolve }) => {
        resolve(await this.#askSurely(node, orderFor([block]), ms));
      }),
    );
  }

  /** What `Caller.ask` says; as if there were no answer where that fails. */
  #askSurely(node: NodeId, call: CopyOrder, timeoutMs: number): Promise<CallAnswer | undefined> {
    return this.#caller.ask(node, call, timeoutMs).catch(() => undefined);
  }
}

/** The block of an order for one. */
function onlyBlockOf(call: Call): Cid | Uint8Array | undefined {
  if (call.kind === "copy-blocks" && call.cids.length === 1) return call.cids[0];
  return call.kind === "store-blocks" && call.blocks.length === 1 ? call.blocks[0] : undefined;
}

/** How many of them go with the next order: at least one. */
function countOf(waiting: readonly Waiting[]): number {
  let bytes = 0;
  const end = waiting.findIndex(({ block }, at) => {
    bytes += typeof block === "string" ? 0 : block.length;
    return at > 0 && bytes > ORDER_BYTES_MAX;
  });
  return Math.min(end < 0 ? waiting.length : end, BLOCKS_GATHERED_MAX);
}

/** Blocks of one order are all to be fetched, or all to be stored. */
function orderFor(blocks: readonly (Cid | Uint8Array)[]): CopyOrder {
  const cids = blocks.filter((block) => typeof block === "string");
  if (cids.length > 0) return { kind: "copy-blocks", cids };
  return { kind: "store-blocks", blocks: blocks.filter((block) => typeof block !== "string") };
}
