/** What the collector of blocks asks of the data plane (R25). */
import type { BlockFacts } from "../../actors/work-ports.ts";
import { assert } from "../../std/assert.ts";
import type { Cid, NodeId } from "../../wire/dataset.ts";
import type { DataPlaneAnswer, DataPlaneRequest } from "./messages.ts";

/** All that it asks. */
export type CollectingRequest = Extract<
  DataPlaneRequest,
  { kind: "block-facts" | "condemn-blocks" | "delete-condemned" | "run-blocks" }
>;

export interface CollectingDeps {
  readonly nextId: () => number;
  readonly call: (request: CollectingRequest) => Promise<DataPlaneAnswer>;
  readonly abort: (id: number) => void;
}

/** The methods are those of `CondemnedPort`. */
export class CollectingCalls {
  readonly #deps: CollectingDeps;

  constructor(deps: CollectingDeps) {
    this.#deps = deps;
  }

  async blockFacts(cids: readonly Cid[]): Promise<readonly (BlockFacts | undefined)[]> {
    const { nextId, call } = this.#deps;
    const answer = await call({ kind: "block-facts", id: nextId(), cids });
    assert(answer.kind === "described", "a question for facts is answered for each block");
    return answer.facts;
  }

  condemn(cids: readonly Cid[]): Promise<readonly boolean[]> {
    return this.#ofEach("condemn-blocks", cids);
  }

  delete(cids: readonly Cid[]): Promise<readonly boolean[]> {
    return this.#ofEach("delete-condemned", cids);
  }

  async #ofEach(
    kind: "condemn-blocks" | "delete-condemned",
    cids: readonly Cid[],
  ): Promise<readonly boolean[]> {
    const { nextId, call } = this.#deps;
    const answer = await call({ kind, id: nextId(), cids });
    assert(answer.kind === "had", "what is done to blocks is answered for each");
    return answer.here;
  }

  async runBlocks(cid: Cid, from: readonly NodeId[], signal: AbortSignal): Promise<readonly Cid[]> {
    const { nextId, call, abort } = this.#deps;
    const id = nextId();
    const giveUp = () => abort(id);
    signal.addEventListener("abort", giveUp);
    try {
      const answer = await call({ kind: "run-blocks", id, cid, from });
      assert(answer.kind === "listed", "a list is answered by ids");
      return answer.cids;
    } finally {
      signal.removeEventListener("abort", giveUp);
    }
  }
}
