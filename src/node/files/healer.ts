/**
 * Heals the volumes of the workflows that this node leads, in the background: the leader has the rows that say
 * which blocks there are and how many copies are wanted, and there is one of it, so that no two nodes copy the
 * same. A round looks at every block of a volume, a page at a time.
 */
import type { Clock, Timer, Timers, WallClock } from "../../std/clock.ts";
import { errorText } from "../../std/errors.ts";
import type { Log } from "../../std/log.ts";
import { addHealed, type Healed, NOTHING_HEALED } from "./block-healing.ts";
import type { BlockMember } from "./block-places.ts";
import type { Shortages } from "./shortages.ts";

/** Between two looks at who is there. */
const LOOK_MS = 1_000;

/** Where all nodes are up, the last of them is counted on when it stayed for so long. */
const SETTLE_MS = 2_000;

/** One that is down may only start anew: its copies are made elsewhere after so long without a change. */
const GONE_AFTER_MS = 30_000;

/** Volumes that are whole are looked at so often: a disk may have lost blocks, or a write found fewer nodes. */
const WHOLE_MS = 600_000;

/** Volumes with blocks that are short, missing or lost (a copy may come back), and rounds that failed. */
const SHORT_MS = 60_000;

/** Rounds over volumes that go side by side; they share one rate. */
const VOLUMES_HEALED_AT_ONCE = 4;

/** A page of blocks that was healed; `next` is where the next one begins. */
export interface HealedPage {
  readonly healed: Healed;
  readonly next: string | undefined;
}

export interface HealerDeps {
  readonly clock: Clock;
  readonly wall: WallClock;
  readonly timers: Timers;
  readonly log: Log;
  /** Told what each round leaves. */
  readonly shortages: Pick<Shortages, "note" | "forget">;
  /** Groups of workflows that this node leads. */
  readonly led: () => readonly number[];
  readonly members: () => readonly BlockMember[];
  readonly page: (
    group: number,
    after: string | undefined,
    signal: AbortSignal,
  ) => Promise<HealedPage>;
}

/** What the last round over a volume came to. */
interface Round {
  readonly members: string;
  readonly endedMs: number;
  readonly healed: Healed | undefined;
}

export class Healer {
  readonly #deps: HealerDeps;
  readonly #rounds = new Map<number, Round>();
  /** Groups whose rounds are under way. */
  readonly #healing = new Set<number>();
  readonly #stop = new AbortController();
  #timer: Timer | undefined;
  /** Who was there at the last look, and since when. */
  #seen: { readonly members: string; readonly sinceMs: number } | undefined;
  #copiedBytes = 0;

  constructor(deps: HealerDeps) {
    this.#deps = deps;
  }

  start(): void {
    this.#timer = this.#deps.timers.after(LOOK_MS, () => this.#look());
  }

  stop(): void {
    this.#stop.abort();
    this.#timer?.cancel();
  }

  /** What the last rounds over the volumes that are led here found, for figures. */
  get totals(): Healed {
    return [...this.#rounds.values()].reduce(
      (sum, { healed }) => addHealed(sum, healed ?? NOTHING_HEALED),
      NOTHING_HEALED,
    );
  }

  /** Bytes of copies that were made since the start. */
  get copiedBytes(): number {
    return this.#copiedBytes;
  }

  #look(): void {
    try {
      this.#healLed();
    } catch (error) {
      // A node that has just joined does not know its cluster yet.
      this.#deps.log.debug("nobody can say yet who is there", { reason: errorText(error) });
    }
    if (!this.#stop.signal.aborted) this.start();
  }

  #healLed(): void {
    // Also where nothing is led: who comes to lead knows how long somebody has been gone.
    this.#settled(this.#deps.clock.nowMs());
    const led = this.#deps.led();
    for (const group of this.#rounds.keys()) {
      if (led.includes(group)) continue;
      this.#rounds.delete(group);
      this.#deps.shortages.forget(group);
    }
    // Who has waited longest comes first, so that a few slow volumes do not keep others waiting for ever.
    const waited = [...led].sort((a, b) => this.#endedMs(a) - this.#endedMs(b));
    for (const group of waited) {
      if (this.#healing.size >= VOLUMES_HEALED_AT_ONCE) return;
      if (this.#healing.has(group) || !this.#isDue(group)) continue;
      this.#healing.add(group);
      void this.#round(group).finally(() => this.#healing.delete(group));
    }
  }

  #endedMs(group: number): number {
    return this.#rounds.get(group)?.endedMs ?? Number.NEGATIVE_INFINITY;
  }

  #isDue(group: number): boolean {
    const nowMs = this.#deps.clock.nowMs();
    const members = this.#settled(nowMs);
    if (members === undefined) return false;
    const last = this.#rounds.get(group);
    if (last === undefined || last.members !== members) return true;
    const { healed } = last;
    const wanting = healed === undefined ? 1 : healed.short + healed.missing + healed.lost;
    return nowMs - last.endedMs >= (wanting === 0 ? WHOLE_MS : SHORT_MS);
  }

  /** Who is there, as a text; undefined while that changes. */
  #settled(nowMs: number): string | undefined {
    const all = this.#deps.members();
    const members = all
      .map(({ node, isUp, stays }) => `${node} ${isUp} ${stays}`)
      .sort()
      .join();
    if (this.#seen?.members !== members) this.#seen = { members, sinceMs: nowMs };
    const settleMs = all.every(({ isUp }) => isUp) ? SETTLE_MS : GONE_AFTER_MS;
    return nowMs - this.#seen.sinceMs >= settleMs ? members : undefined;
  }

  async #round(group: number): Promise<void> {
    const { clock, wall, log, page, shortages } = this.#deps;
    const { signal } = this.#stop;
    const members = this.#seen?.members ?? "";
    let healed: Healed | undefined = NOTHING_HEALED;
    try {
      for (let after: string | undefined; ; ) {
        const done = await page(group, after, signal);
        healed = addHealed(healed, done.healed);
        this.#copiedBytes += done.healed.copiedBytes;
        if (done.next === undefined || signal.aborted) break;
        after = done.next;
      }
    } catch (error) {
      if (signal.aborted) return;
      healed = undefined;
      log.warn("blocks of a volume could not be healed", { group, reason: errorText(error) });
    }
    this.#rounds.set(group, { members, endedMs: clock.nowMs(), healed });
    shortages.note(group, healed, wall.wallMs());
    if (healed === undefined || healed.copied + healed.short + healed.missing + healed.lost === 0)
      return;
    const { copied, copiedBytes, short, missing, lost } = healed;
    const tell = short + missing + lost > 0 ? "warn" : "info";
    log[tell]("blocks of a volume were healed", {
      group,
      copied,
      copiedBytes,
      short,
      missing,
      lost,
    });
  }
}
