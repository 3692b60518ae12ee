/** R14: what time it is for one group on one node. */
import type { NodeId } from "../scheduler/dataset.ts";
import type { Clock, WallClock } from "../std/clock.ts";
import type { PeerClocks } from "./peer-clocks.ts";
import { StampClock } from "./stamp-clock.ts";

export interface GroupStampsDeps {
  readonly clock: Clock;
  readonly clocks: Pick<PeerClocks, "medianMs" | "knowsMost">;
  /** The nodes that vote in the group, as this node has applied. */
  readonly voters: () => readonly NodeId[];
  /** The term that this node leads the group in. */
  readonly term: () => number | undefined;
}

export class GroupStamps implements WallClock {
  readonly #deps: GroupStampsDeps;
  readonly #stamps = new StampClock();
  #term: number | undefined;

  constructor(deps: GroupStampsDeps) {
    this.#deps = deps;
  }

  /** An entry with this stamp was applied. */
  seen(stampMs: number): void {
    this.#stamps.seen(stampMs);
  }

  /** For entries and for what is compared with their stamps. */
  wallMs(): number {
    const { clock, clocks, voters, term } = this.#deps;
    const now = term();
    if (now !== this.#term) this.#stamps.rest();
    this.#term = now;
    const nodes = voters();
    const medianMs = clocks.medianMs(nodes);
    return clocks.knowsMost(nodes)
      ? this.#stamps.next(medianMs, clock.nowMs())
      : this.#stamps.hold(medianMs, clock.nowMs());
  }
}
