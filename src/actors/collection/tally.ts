/** Counts of one round of the collector. */
import type { BlockSum, CollectionReport } from "./report.ts";

/** Of what went wrong the first is told, this long at most. */
const TROUBLE_LENGTH_MAX = 500;

export class Tally {
  #blocks = 0;
  #needed = 0;
  #waiting: BlockSum = { blocks: 0, bytes: 0 };
  #uncertain: BlockSum = { blocks: 0, bytes: 0 };
  #deleted: BlockSum = { blocks: 0, bytes: 0 };
  #trouble = "";

  looked(blocks: number): void {
    this.#blocks += blocks;
  }

  needed(blocks: number): void {
    this.#needed += blocks;
  }

  waiting(bytes: number): void {
    this.#waiting = plus(this.#waiting, bytes);
  }

  uncertain(bytes: number): void {
    this.#uncertain = plus(this.#uncertain, bytes);
  }

  deleted(bytes: number): void {
    this.#deleted = plus(this.#deleted, bytes);
  }

  troubled(why: string): void {
    if (this.#trouble === "") this.#trouble = why.slice(0, TROUBLE_LENGTH_MAX);
  }

  report(): CollectionReport {
    return {
      blocks: this.#blocks,
      needed: this.#needed,
      waiting: this.#waiting,
      uncertain: this.#uncertain,
      deleted: this.#deleted,
      trouble: this.#trouble,
    };
  }
}

function plus({ blocks, bytes }: BlockSum, more: number): BlockSum {
  return { blocks: blocks + 1, bytes: bytes + more };
}
