/** Finds the stripes of blocks that are read, so that they are looked for where they are and made where they are lost. */
import type { ChunkPart } from "../../fs/file-blocks.ts";
import type { Stripe } from "../../scheduler/tree/rows.ts";
import { membersOf, stripesOf } from "../../scheduler/tree/stripes.ts";
import type { Cid } from "../../wire/dataset.ts";
import type { FileCall, TreeReader } from "./tree-reader.ts";

/** Blocks whose stripes are remembered, about: those of a mount are read one by one. */
const REMEMBERED_MAX = 8_192;

/** Which volumes have stripes is known once one was met; others cost nothing. */
export class StripeFinder {
  readonly #reader: Pick<TreeReader, "ask">;
  readonly #groups = new Set<number>();
  readonly #known = new Map<Cid, Stripe>();

  constructor(reader: Pick<TreeReader, "ask">) {
    this.#reader = reader;
  }

  /** The volume was seen to code. */
  note(group: number): void {
    this.#groups.add(group);
  }

  isKnown(group: number): boolean {
    return this.#groups.has(group);
  }

  /** The parts, with the stripes of those that have one. */
  async find(call: FileCall, parts: readonly ChunkPart[]): Promise<readonly ChunkPart[]> {
    const unknown = [...new Set(parts.map(({ cid }) => cid))].filter(
      (cid) => !this.#known.has(cid),
    );
    if (unknown.length > 0) {
      const found = await this.#reader.ask(call, (view) => stripesOf(view, unknown));
      if (found.size > 0) this.note(call.group);
      if (this.#known.size > REMEMBERED_MAX) this.#known.clear();
      for (const { data, parity } of new Set(found.values())) {
        const stripe = { data, parity };
        for (const cid of membersOf(stripe)) this.#known.set(cid, stripe);
      }
    }
    return parts.map((part) => ({ ...part, stripe: this.#known.get(part.cid) }));
  }

  /** What is remembered of these may be over. */
  forget(parts: readonly ChunkPart[]): void {
    for (const { cid } of parts) this.#known.delete(cid);
  }
}
