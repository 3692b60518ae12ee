/**
 * Orders to copy one block each, of many uploads at once, gathered by node: while some are under way to a node, those
 * that come wait and go together. An order is a call, and a connection's worth of work at who fetches, for many blocks
 * as for one. One that nothing is under way for goes at once.
 */
import type { Caller } from "../../actors/caller.ts";
import type { Call, CallAnswer } from "../../actors/ports.ts";
import type { Cid, NodeId } from "../../wire/dataset.ts";

/** Gathered orders to one node that are under way at once. */
const ORDERS_AT_ONCE = 2;

/** Blocks of one gathered order; the others wait for the next. */
export const BLOCKS_GATHERED_MAX = 32;

interface Waiting {
  readonly cid: Cid;
  readonly timeoutMs: number;
  readonly resolve: (answer: CallAnswer | undefined) => void;
}

interface Target {
  underWay: number;
  /** As many as uploads are under way, each of which waits for its own. */
  readonly waiting: Waiting[];
}

export class CopyOrders implements Pick<Caller, "ask"> {
  readonly #caller: Pick<Caller, "ask">;
  readonly #targets = new Map<NodeId, Target>();

  constructor(caller: Pick<Caller, "ask">) {
    this.#caller = caller;
  }

  /** As `Caller.ask`. */
  ask(node: NodeId, call: Call, timeoutMs: number): Promise<CallAnswer | undefined> {
    const cid = call.kind === "copy-blocks" && call.cids.length === 1 ? call.cids[0] : undefined;
    if (cid === undefined) return this.#caller.ask(node, call, timeoutMs);
    return new Promise((resolve) => {
      const target = this.#targets.get(node) ?? { underWay: 0, waiting: [] };
      this.#targets.set(node, target);
      target.waiting.push({ cid, timeoutMs, resolve });
      this.#send(node, target);
    });
  }

  #send(node: NodeId, target: Target): void {
    while (target.waiting.length > 0 && target.underWay < ORDERS_AT_ONCE) {
      target.underWay += 1;
      const order = target.waiting.splice(0, BLOCKS_GATHERED_MAX);
      void this.#order(node, order).then(() => {
        target.underWay -= 1;
        this.#send(node, target);
        if (target.underWay === 0) this.#targets.delete(node);
      });
    }
  }

  async #order(node: NodeId, order: readonly Waiting[]): Promise<void> {
    const timeoutMs = Math.max(...order.map((one) => one.timeoutMs));
    const answer = await this.#askSurely(
      node,
      [...new Set(order.map(({ cid }) => cid))],
      timeoutMs,
    );
    if (answer?.kind === "done" || order.length === 1) {
      for (const { resolve } of order) resolve(answer);
      return;
    }
    // One block may be the reason: each is told what becomes of its own.
    await Promise.all(
      order.map(async ({ cid, timeoutMs: ms, resolve }) => {
        resolve(await this.#askSurely(node, [cid], ms));
      }),
    );
  }

  /** What `Caller.ask` says; as if there were no answer where that fails. */
  #askSurely(
    node: NodeId,
    cids: readonly Cid[],
    timeoutMs: number,
  ): Promise<CallAnswer | undefined> {
    return this.#caller.ask(node, { kind: "copy-blocks", cids }, timeoutMs).catch(() => undefined);
  }
}
