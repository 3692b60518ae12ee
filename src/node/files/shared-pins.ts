/**
 * R25: pins for small uploads. Each would cost two commands, as many as the upload itself; so those that come within
 * some seconds of each other share one. It is released when the last of them is over, and no upload begins under one
 * that is older: or the collector, which waits for pins to go, would wait for ever.
 */
import type { Clock, Timers } from "../../std/clock.ts";
import type { UploadPin } from "./upload-pin.ts";

/** How long uploads may begin under one pin. */
const PIN_SHARED_MS = 2_000;

/** Clocks and timers differ by so much at most. */
const TIMER_EARLY_MS = 5;

/** What shares a pin is so short that no list of it is staged under the pin. */
export const PIN_SHARED_BYTES_MAX = 1 << 20;

/** A pin as it is used here. */
export type Pin = Pick<UploadPin, "upload" | "release">;

interface Shared {
  readonly pin: Promise<Pin>;
  /** No upload begins under it from then on. */
  readonly untilMs: number;
  users: number;
  isReleased: boolean;
}

export class SharedPins {
  readonly #clock: Clock;
  readonly #timers: Timers;
  /** The newest of each group. */
  readonly #pins = new Map<number, Shared>();

  constructor({ clock, timers }: { readonly clock: Clock; readonly timers: Timers }) {
    this.#clock = clock;
    this.#timers = timers;
  }

  /**
   * A pin of a group, begun by `begin` where none is young enough; to be released once.
   * @throws {JobxError} what `begin` rejects with.
   */
  async hold(group: number, begin: () => Promise<Pin>): Promise<Pin> {
    const shared = this.#young(group) ?? this.#begin(group, begin);
    shared.users += 1;
    const release = (): void => {
      shared.users -= 1;
      this.#releaseIdle(group, shared);
    };
    try {
      const { upload } = await shared.pin;
      return { upload, release };
    } catch (error) {
      release();
      throw error;
    }
  }

  #young(group: number): Shared | undefined {
    const shared = this.#pins.get(group);
    if (shared === undefined || shared.isReleased) return undefined;
    return this.#clock.nowMs() < shared.untilMs ? shared : undefined;
  }

  #begin(group: number, begin: () => Promise<Pin>): Shared {
    const shared: Shared = {
      pin: begin(),
      untilMs: this.#clock.nowMs() + PIN_SHARED_MS,
      users: 0,
      isReleased: false,
    };
    this.#pins.set(group, shared);
    shared.pin.catch(() => this.#forget(group, shared));
    this.#releaseLater(group, shared);
    return shared;
  }

  #releaseLater(group: number, shared: Shared): void {
    this.#timers.after(PIN_SHARED_MS, () => this.#releaseIdle(group, shared));
  }

  /** When it is too old to be shared and nobody uses it. */
  #releaseIdle(group: number, shared: Shared): void {
    if (shared.users > 0) return;
    // A user's end comes before its time; the timer comes then, or with it by a hair.
    if (this.#clock.nowMs() < shared.untilMs - TIMER_EARLY_MS || shared.isReleased) return;
    shared.isReleased = true;
    this.#forget(group, shared);
    shared.pin.then(
      (pin) => pin.release(),
      () => undefined,
    );
  }

  #forget(group: number, shared: Shared): void {
    if (this.#pins.get(group) === shared) this.#pins.delete(group);
  }
}
