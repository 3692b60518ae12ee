/** The order of calls that a sink demands of its caller. */
import { assert } from "../std/assert.ts";

/** Calls come one after the other: a mistake of the caller is an assertion. */
export class Turn {
  /** "failed": what was added is not complete, so that only `discard` may follow. */
  #state: "open" | "busy" | "failed" | "over" = "open";

  /** Runs one adding. */
  async add(run: () => Promise<void>): Promise<void> {
    assert(this.#state === "open", "a sink takes one call at a time, and none after its end");
    this.#state = "busy";
    try {
      await run();
      this.#state = "open";
    } catch (error) {
      this.#state = "failed";
      throw error;
    }
  }

  /** Ends the adding: what was added is complete. */
  finish(): void {
    assert(this.#state === "open", "a sink is finished once, and only when it has all pairs");
    this.#state = "over";
  }

  /** Gives up. False when it was over already. */
  discard(): boolean {
    assert(this.#state !== "busy", "a sink is discarded when no call is under way");
    if (this.#state === "over") return false;
    this.#state = "over";
    return true;
  }
}
