/** Blocks that come whole, stripes, and copies that are too many, as the control thread asks the data plane about them. */
import type { CodedPort } from "../../actors/work-ports.ts";
import type { StripeToCode } from "../../fs/erasure/stripe.ts";
import { assert } from "../../std/assert.ts";
import type { Cid } from "../../wire/dataset.ts";
import { ownBytes } from "./compact.ts";
import type { CodedRequest, DataPlaneAnswer } from "./messages.ts";

export interface CodedDeps {
  readonly nextId: () => number;
  /** @throws {JobxError} what the thread answers with; `DATA_PLANE_*`. */
  readonly call: (request: CodedRequest) => Promise<DataPlaneAnswer>;
}

/** See the port, and `codeStripes`. */
export class CodedCalls implements CodedPort {
  readonly #deps: CodedDeps;

  constructor(deps: CodedDeps) {
    this.#deps = deps;
  }

  /** For each stripe its parity, durable here. @throws {JobxError} as `codeStripes`; `DATA_PLANE_*`. */
  async code(stripes: readonly StripeToCode[]): Promise<readonly (readonly Cid[])[]> {
    const { nextId, call } = this.#deps;
    const answer = await call({ kind: "code-stripes", id: nextId(), stripes });
    assert(answer.kind === "coded", "stripes are answered by their parity");
    return answer.parity;
  }

  /** See the port. @throws {JobxError} `FS_DISK_FULL`, `FS_IO`, `DATA_PLANE_*`. */
  async store(blocks: readonly Uint8Array[]): Promise<void> {
    // They are views of the frame that they came in, and a message takes the whole of it along.
    const own = blocks.map(ownBytes);
    await this.#ofEach({ kind: "store-blocks", id: this.#deps.nextId(), blocks: own });
  }

  rebuild(order: Parameters<CodedPort["rebuild"]>[0]): Promise<readonly boolean[]> {
    return this.#ofEach({ kind: "rebuild-blocks", id: this.#deps.nextId(), ...order });
  }

  offer(cids: readonly Cid[]): Promise<readonly boolean[]> {
    return this.#ofEach({ kind: "offer-blocks", id: this.#deps.nextId(), cids });
  }

  drop(cids: readonly Cid[]): Promise<readonly boolean[]> {
    return this.#ofEach({ kind: "drop-blocks", id: this.#deps.nextId(), cids });
  }

  async #ofEach(request: CodedRequest): Promise<readonly boolean[]> {
    const answer = await this.#deps.call(request);
    assert(answer.kind === "had", "what is done to blocks is answered for each");
    return answer.here;
  }
}
