/** Brings back the ready work of requests that were paused, when they run again. */
import { rowOf } from "../scheduler/apply-kit.ts";
import type { Envelope, SchedulerCommand } from "../scheduler/commands.ts";
import type { Effect } from "../scheduler/effects.ts";
import { keys, prefixes, requestOfParkedKey } from "../scheduler/keys.ts";
import type { Row } from "../scheduler/rows.ts";
import type { Timers } from "../std/clock.ts";
import { prefixEnd } from "../std/ordered-text.ts";
import type { Replica } from "./replica.ts";

/** Rows moved back at once after a request was resumed. */
const UNPARK_MAX = 500;

/** Until what the log did not take is tried again. */
const AGAIN_MS = 500;

export interface ParkedRowsDeps {
  readonly replica: () => Pick<Replica<Row, Envelope, Effect>, "state" | "propose" | "query">;
  readonly timers: Timers;
  /** Whether this node still schedules: another leader brings back what is left by itself. */
  readonly leads: () => boolean;
  /** Takes what fails. */
  readonly inBackground: (work: Promise<void>) => void;
}

export class ParkedRows {
  readonly #deps: ParkedRowsDeps;

  constructor(deps: ParkedRowsDeps) {
    this.#deps = deps;
  }

  /** Of one request. */
  bringBack(request: number): void {
    this.#deps.inBackground(this.#bringBack(request));
  }

  async #bringBack(request: number): Promise<void> {
    const replica = this.#deps.replica();
    const gte = prefixes.parkedOf(request);
    const range = { gte, lt: prefixEnd(gte), limit: UNPARK_MAX };
    const { rows, more } = await replica.state.scan(range);
    const moved = rows.map(([key]) => {
      const command: SchedulerCommand = { kind: "unpark", key };
      return replica.propose({ id: { kind: "none" }, command });
    });
    const done = await Promise.allSettled(moved);
    if (done.some((one) => one.status === "rejected")) {
      this.#deps.timers.after(AGAIN_MS, () => {
        if (this.#deps.leads()) this.bringBack(request);
      });
    } else if (more) await this.#bringBack(request);
  }

  /** What an earlier leader had parked and did not live to bring back. Resolves when all is begun. */
  async bringBackLeft(): Promise<void> {
    const replica = this.#deps.replica();
    const lt = prefixEnd(prefixes.parked);
    for (let gte: string = prefixes.parked; ; ) {
      const first = (await replica.state.scan({ gte, lt, limit: 1 })).rows[0];
      if (first === undefined) return;
      const request = requestOfParkedKey(first[0]);
      const row = await replica.query((view) => rowOf(view, "request", keys.request(request)));
      if (row?.state !== "paused") this.bringBack(request);
      gte = prefixEnd(prefixes.parkedOf(request));
    }
  }
}
