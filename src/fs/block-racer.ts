/** A block from any of several nodes: from the one that is likely quickest, and from another when it is not. */
import type { Clock, Timer, Timers } from "../std/clock.ts";
import { isJobxError } from "../std/errors.ts";
import type { Cid, NodeId } from "../wire/dataset.ts";
import { CHUNK_BYTES_MAX } from "./content/chunk.ts";
import { type Asked, type Candidate, PeerLoads } from "./peer-loads.ts";
import { receiveBlock, type Wanted } from "./transfer.ts";

/** Nodes that are asked for one block at the same time. */
const RACERS_MAX = 3;

/** Another node is asked when a block takes so many times what is usual, but not sooner or later than these. */
const LATE_TIMES = 4;
const LATE_MS_MIN = 500;
const LATE_MS_MAX = 5_000;

/** Asks one node for a block. */
export type FetchFrom = (node: NodeId, cid: Cid, signal: AbortSignal) => AsyncIterable<Uint8Array>;

/** How asking for a block went. */
export type Raced =
  | { readonly kind: "came"; readonly bytes: Uint8Array }
  /** `allLack`: every node said that it has none. `error` is the last one, if any node was asked. */
  | { readonly kind: "nobody"; readonly allLack: boolean; readonly error: unknown };

type Attempt =
  | { readonly kind: "came"; readonly bytes: Uint8Array }
  | { readonly kind: "lacks" | "failed"; readonly error: unknown };

interface Racer {
  readonly asked: Asked;
  readonly done: Promise<Attempt & { readonly racer: Racer }>;
}

/** All fetches of a node go through one, so that it knows who is busy with what. */
export class BlockRacer {
  readonly #fetch: FetchFrom;
  readonly #timers: Timers;
  readonly #loads: PeerLoads;

  constructor(deps: { readonly fetch: FetchFrom; readonly machine: Clock & Timers }) {
    this.#fetch = deps.fetch;
    this.#timers = deps.machine;
    this.#loads = new PeerLoads(deps.machine);
  }

  /**
   * A verified block, of nodes in the order in which they are likely to have it. Of whoever fails, lacks it or sends something else the next one is asked at once; of
   * whoever is late another one as well, and the first that comes counts.
   * @throws the signal's reason, or `FS_STOPPED`.
   */
  async get(wanted: Wanted, nodes: readonly NodeId[], signal: AbortSignal): Promise<Raced> {
    const candidates = [...this.#loads.order(nodes)];
    const over = new AbortController();
    const racing = AbortSignal.any([over.signal, signal]);
    const running = new Set<Racer>();
    let [allLack, last]: [boolean, unknown] = [true, undefined];
    let newest: Racer | undefined;
    try {
      for (let isDue = true; ; ) {
        const next = isDue ? candidates.shift() : undefined;
        if (next !== undefined) {
          newest = this.#begin(next, wanted, { racing, over: over.signal });
          running.add(newest);
        }
        if (newest === undefined || running.size === 0) break;
        const mayAskMore = candidates.length > 0 && running.size < RACERS_MAX;
        const first = await this.#first(running, mayAskMore ? lateMs(newest.asked) : undefined);
        isDue = first === "late" || first.kind !== "came";
        if (first === "late") {
          for (const { asked } of running) asked.late();
          continue;
        }
        if (first.kind === "came") return first;
        signal.throwIfAborted();
        running.delete(first.racer);
        allLack &&= first.kind === "lacks";
        last = first.error;
      }
      return { kind: "nobody", allLack, error: last };
    } finally {
      over.abort();
    }
  }

  /** Whoever ends first, or "late" when nobody does in time. */
  async #first(
    running: ReadonlySet<Racer>,
    afterMs: number | undefined,
  ): Promise<(Attempt & { readonly racer: Racer }) | "late"> {
    const ends = [...running].map(({ done }) => done);
    if (afterMs === undefined) return Promise.race(ends);
    let timer: Timer | undefined;
    const late = new Promise<"late">((resolve) => {
      timer = this.#timers.after(afterMs, () => resolve("late"));
    });
    try {
      return await Promise.race([...ends, late]);
    } finally {
      timer?.cancel();
    }
  }

  #begin(
    candidate: Candidate,
    wanted: Wanted,
    signals: { readonly racing: AbortSignal; readonly over: AbortSignal },
  ): Racer {
    const asked = this.#loads.ask(candidate, Math.min(wanted.bytesMax, CHUNK_BYTES_MAX));
    const racer: Racer = {
      asked,
      done: this.#attempt(candidate.node, wanted, signals.racing).then((attempt) => {
        // What was given up says nothing about the node.
        const isGivenUp = attempt.kind === "failed" && signals.racing.aborted;
        asked.end(isGivenUp ? "given-up" : attempt.kind);
        return { ...attempt, racer };
      }),
    };
    return racer;
  }

  async #attempt(node: NodeId, wanted: Wanted, signal: AbortSignal): Promise<Attempt> {
    try {
      const source = { get: (cid: Cid) => this.#fetch(node, cid, signal) };
      return { kind: "came", bytes: await receiveBlock(wanted.cid, { ...wanted, source, signal }) };
    } catch (error) {
      // Mistakes in the program are not for another node to mend.
      if (!isJobxError(error) && !signal.aborted) throw error;
      return { kind: saysThatItLacks(error) ? "lacks" : "failed", error };
    }
  }
}

function lateMs({ usualMs }: Asked): number {
  return Math.min(Math.max(LATE_TIMES * usualMs, LATE_MS_MIN), LATE_MS_MAX);
}

/** Another node's code comes inside the error of the stream. */
function saysThatItLacks(error: unknown): boolean {
  if (!isJobxError(error)) return false;
  const { details } = error;
  const remote: unknown = Object.getOwnPropertyDescriptor(details, "remoteCode")?.value;
  return error.code === "FS_BLOCK_MISSING" || remote === "FS_BLOCK_MISSING";
}
