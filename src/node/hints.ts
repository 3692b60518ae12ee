/**
 * Hints between nodes over gossip: who leads what, so that calls and executors find a new scheduler
 * without asking around, and how busy each node is. A lost or false hint costs a detour, no more.
 */
import type { ClusterNode } from "../actors/cluster-node.ts";
import type { Gossip } from "../mesh/gossip.ts";
import type { Timer } from "../std/clock.ts";
import { type Hint, hintFormat } from "../wire/hint.ts";
import { systemTimers } from "./system.ts";

/** The topic carries the format's version. */
const TOPIC = "/jobx/hint/1";

/** Between two looks at what has changed. */
const LOOK_MS = 250;

/** Said again although nothing has changed, for those who came later: every so many looks. */
const LOOKS_BETWEEN_REPEATS = 40;

export class Hints {
  readonly #node: ClusterNode;
  readonly #gossip: Gossip;
  readonly #slots: number;
  readonly #latest = new Map<string, Hint>();
  readonly #leave: () => void;
  #timer: Timer | undefined;
  #said = "";
  #looks = 0;

  constructor(node: ClusterNode, gossip: Gossip, slots: number) {
    this.#node = node;
    this.#gossip = gossip;
    this.#slots = slots;
    // What cannot be read is dropped by the mesh, which is told so by the error.
    this.#leave = gossip.subscribe(TOPIC, (from, bytes) =>
      this.#heard(from, hintFormat.decode(bytes)),
    );
    this.#look();
  }

  stop(): void {
    this.#timer?.cancel();
    this.#leave();
  }

  /** How busy each member said it is. */
  latest(): ReadonlyMap<string, Hint> {
    return this.#latest;
  }

  #heard(from: string, hint: Hint): void {
    if (this.#node.directory.member(from) === undefined) return;
    this.#latest.set(from, hint);
    for (const { group, term } of hint.leads) this.#node.router.hint(group, from, term);
  }

  #look(): void {
    this.#timer = systemTimers.after(LOOK_MS, () => this.#look());
    const leads = this.#node.leads();
    const text = JSON.stringify(leads);
    this.#looks += 1;
    if (text === this.#said && this.#looks % LOOKS_BETWEEN_REPEATS !== 0) return;
    this.#said = text;
    const busy = this.#node.executor.busyCount;
    this.#gossip.publish(TOPIC, hintFormat.encode({ slots: this.#slots, busy, leads }));
  }
}
