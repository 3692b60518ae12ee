/**
 * R25: blocks that are to be deleted unless somebody wants them. Whoever stores, finds or reads one takes it
 * off the list before anything waits, and one that is just being deleted is waited for; so nobody is ever
 * told that a block is here which then goes.
 */
import type { Cid } from "../wire/dataset.ts";

/** Most blocks that are condemned at once: about 20 MB. The rest is for the next round. */
export const CONDEMNED_MAX = 100_000;

/** All methods but the removal itself are done when they return. */
export class CondemnedBlocks {
  readonly #condemned = new Set<Cid>();
  readonly #going = new Map<Cid, Promise<unknown>>();

  /** How many there are. */
  get count(): number {
    return this.#condemned.size;
  }

  /** False where the list is full. */
  condemn(cid: Cid): boolean {
    if (this.#condemned.size >= CONDEMNED_MAX) return false;
    this.#condemned.add(cid);
    return true;
  }

  /** Somebody wants the block. What is returned is to be waited for before it is looked for. */
  use(cid: Cid): Promise<unknown> | undefined {
    this.#condemned.delete(cid);
    return this.#going.get(cid);
  }

  /** Removes a block that is still condemned; false when somebody has wanted it since. */
  async remove(cid: Cid, remove: () => Promise<unknown>): Promise<boolean> {
    if (!this.#condemned.delete(cid)) return false;
    const going = remove().finally(() => this.#going.delete(cid));
    // Whoever waits for it looks for itself what is there then.
    this.#going.set(
      cid,
      going.catch(() => undefined),
    );
    await going;
    return true;
  }
}
