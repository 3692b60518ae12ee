/**
 * Bulk streams between simulated processes: slow, cut into pieces anywhere, and broken by whatever parts
 * the two nodes, by the end of either process, and now and then by themselves. A process whose reader dies
 * is told nothing.
 */

import type { BulkHandler } from "../../src/mesh/ports.ts";
import type { BulkStreams } from "../../src/node/snapshot-transfer.ts";
import type { Chance } from "./chance.ts";
import type { World } from "./world.ts";

/** The process that answers. */
export interface BulkPeer {
  readonly alive: boolean;
  readonly handler: BulkHandler;
  enter(run: () => void): void;
}

export interface SimBulkOptions {
  readonly world: World;
  readonly self: string;
  readonly chance: Chance;
  /** A wait of the process: never ends when that dies. */
  readonly sleep: (delayMs: number) => Promise<void>;
  /** The other's process, while both can talk. */
  readonly reach: (node: string) => BulkPeer | undefined;
  /** Chance that a stream breaks at a piece. */
  readonly breakRatio: () => number;
}

/** Until an unreachable node is given up. */
const TIMEOUT_MS = 1_000;

export class SimBulk implements BulkStreams {
  readonly #options: SimBulkOptions;

  constructor(options: SimBulkOptions) {
    this.#options = options;
  }

  async *requestBulk(
    to: string,
    header: Uint8Array,
    { signal }: { readonly signal: AbortSignal },
  ): AsyncGenerator<Uint8Array, void, void> {
    const { chance, reach, self, sleep, world } = this.#options;
    await sleep(chance.between(1, 20));
    const peer = reach(to);
    if (peer === undefined) {
      await sleep(TIMEOUT_MS);
      throw new Error(`${to} cannot be reached`);
    }
    const gone = new AbortController();
    const stream = peer.handler(self, header, gone.signal)[Symbol.asyncIterator]();
    try {
      for (;;) {
        const next = await aborted(
          inProcess(peer, () => stream.next()),
          signal,
        );
        if (next.done === true) return;
        await sleep(chance.between(0.5, 10));
        if (reach(to) !== peer || chance.hits(this.#options.breakRatio())) {
          world.trace.note(`${self} loses a stream from ${to}`);
          throw new Error(`the stream from ${to} broke`);
        }
        const middle = chance.whole(0, next.value.length);
        yield next.value.subarray(0, middle);
        yield next.value.subarray(middle);
      }
    } finally {
      gone.abort();
      if (peer.alive) peer.enter(() => void stream.return?.());
    }
  }
}

/** What runs in another process happens when that runs, or never. */
function inProcess<T>(peer: BulkPeer, run: () => Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    peer.enter(() => {
      run().then(resolve, reject);
    });
  });
}

function aborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const stop = (): void => reject(new Error("the reader gave up", { cause: signal.reason }));
    if (signal.aborted) stop();
    signal.addEventListener("abort", stop, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener("abort", stop));
  });
}
