/**
 * How long the kernel may go by what it is told: as long as the volume answers for it that nobody changes it
 * unheard. F1: what was asked before the volume began to answer for it is told without any time. F2: so is what
 * others have changed between the question and the answer.
 */
import { HeardChanges, keyOf } from "./heard-changes.ts";
import type { InodeId, Place, Volume, VolumeChange } from "./ports.ts";
import type { Timeouts } from "./protocol/reply.ts";

/** An answer is under way for a moment before the kernel begins to count. */
export const UNDER_WAY_MS = 200;

const NO_TIME: Timeouts = { entryMs: 0, attributesMs: 0 };

/** When something was asked of the volume. */
export interface Look {
  /** So many changes had been heard of. */
  readonly after: number;
  readonly isTrusted: boolean;
}

export class Freshness {
  readonly #volume: Pick<Volume, "trustedMs">;
  readonly #timeouts: Timeouts;
  /** How long the kernel goes by it at most. */
  readonly #neededMs: number;
  readonly #heard = new HeardChanges();

  constructor(volume: Pick<Volume, "trustedMs">, timeouts: Timeouts) {
    this.#volume = volume;
    this.#timeouts = timeouts;
    this.#neededMs = Math.max(timeouts.entryMs, timeouts.attributesMs) + UNDER_WAY_MS;
  }

  /** To be called before something is asked of the volume that the kernel is to be told. */
  look(): Look {
    return { after: this.#heard.count, isTrusted: this.#isTrusted() };
  }

  /** What the kernel is told with what was found: an inode, by a name or by itself. */
  timeouts(look: Look, inode: InodeId, place: Place | undefined): Timeouts {
    if (!look.isTrusted || !this.#isTrusted()) return NO_TIME;
    const isOld = (key: string): boolean => this.#heard.isOld(look.after, key);
    const { entryMs, attributesMs } = this.#timeouts;
    return {
      entryMs: place !== undefined && isOld(keyOf(place)) ? 0 : entryMs,
      attributesMs: isOld(String(inode)) ? 0 : attributesMs,
    };
  }

  /** Others have changed something, as it is heard here. */
  heard(change: VolumeChange): void {
    this.#heard.heard(change);
  }

  #isTrusted(): boolean {
    return this.#volume.trustedMs() >= this.#neededMs;
  }
}
