/** Of whom a block is best asked: what each node was seen to take, and what it still owes us. */
import type { Clock } from "../std/clock.ts";
import type { NodeId } from "../wire/dataset.ts";

/** What was seen of a node or a place is forgotten after so long: a slow node gets another try then. */
export const PEER_FORGOTTEN_MS = 10_000;

/** A block costs what it has and so much more, for the way there and back. */
const ASK_BYTES = 64 * 1024;

/** Of a node of which nothing is known: 100 MiB/s, so that it is tried. */
const BYTES_PER_MS = 100_000;

/** A new measurement counts for so much, the ones before for the rest. */
const NEW_SHARE = 0.3;

/** A node whose connection broke, or that sent something else: as if it sent so little. */
const FAILED_BYTES_PER_MS = 500;

/** How many answers in a row "not here" make a place hopeless; even then it is asked last of all. */
const CHANCE_MIN = 0.02;

/** A node, and how near the front of the block's order of places it is. */
export interface Candidate {
  readonly node: NodeId;
  readonly place: number;
}

/** A block that was asked of a node. Each is ended once. */
export interface Asked {
  /** How long it may take before another node is worth asking, ms. */
  readonly usualMs: number;
  /** It took longer than that: others are preferred from now on. Not its end. */
  late(): void;
  end(how: "came" | "lacks" | "failed" | "given-up"): void;
}

interface Seen {
  value: number;
  atMs: number;
}

/** Loads of all other nodes, by what this node asks of them. In memory only. */
export class PeerLoads {
  readonly #clock: Clock;
  /** Bytes asked of a node that have not come. */
  readonly #owed = new Map<NodeId, number>();
  /** Ms a byte. */
  readonly #costs = new Map<NodeId, Seen>();
  /** How likely the node at a place of a block's order has it: volumes ask for as many copies as they like. */
  readonly #chances = new Map<number, Seen>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Nodes in the order of a block's places, the one first from which it is likely here soonest. */
  order(nodes: readonly NodeId[]): readonly Candidate[] {
    return nodes
      .map((node, place) => ({ node, place, ms: this.#waitMs(node, 0) / this.#chance(place) }))
      .sort((a, b) => a.ms - b.ms || a.place - b.place)
      .map(({ node, place }) => ({ node, place }));
  }

  /** From now on the node owes so many bytes. */
  ask({ node, place }: Candidate, bytes: number): Asked {
    const beganMs = this.#clock.nowMs();
    const ahead = (this.#owed.get(node) ?? 0) + bytes + ASK_BYTES;
    const usualMs = this.#waitMs(node, bytes);
    this.#owed.set(node, ahead);
    const cost = (): number => (this.#clock.nowMs() - beganMs) / ahead;
    return {
      usualMs,
      late: () => this.#see(this.#costs, node, Math.max(cost(), this.#cost(node))),
      end: (how) => {
        this.#release(node, bytes + ASK_BYTES);
        if (how === "came") this.#see(this.#costs, node, mixed(this.#cost(node), cost()));
        if (how === "failed") this.#see(this.#costs, node, 1 / FAILED_BYTES_PER_MS);
        if (how === "came" || how === "lacks") {
          const chance = mixed(this.#chance(place), how === "came" ? 1 : 0);
          this.#see(this.#chances, place, Math.max(chance, CHANCE_MIN));
        }
      },
    };
  }

  #release(node: NodeId, bytes: number): void {
    const left = (this.#owed.get(node) ?? 0) - bytes;
    if (left > 0) this.#owed.set(node, left);
    else this.#owed.delete(node);
  }

  #waitMs(node: NodeId, bytes: number): number {
    return ((this.#owed.get(node) ?? 0) + bytes + ASK_BYTES) * this.#cost(node);
  }

  #cost(node: NodeId): number {
    return this.#known(this.#costs, node) ?? 1 / BYTES_PER_MS;
  }

  /** By itself each place further back is half as likely. */
  #chance(place: number): number {
    return this.#known(this.#chances, place) ?? Math.max(1 / (1 + place), CHANCE_MIN);
  }

  #known<Key>(seen: ReadonlyMap<Key, Seen>, key: Key): number | undefined {
    const one = seen.get(key);
    return one !== undefined && this.#clock.nowMs() - one.atMs < PEER_FORGOTTEN_MS
      ? one.value
      : undefined;
  }

  #see<Key>(seen: Map<Key, Seen>, key: Key, value: number): void {
    seen.set(key, { value, atMs: this.#clock.nowMs() });
  }
}

function mixed(before: number, now: number): number {
  return before * (1 - NEW_SHARE) + now * NEW_SHARE;
}
