/**
 * R10: now and then a leader commits what the hash of its state was, and a replica that had another one at
 * the same place stops as damaged. Each check is also the place that the next one is about: every replica
 * notes its hash before it, so that nobody has to guess where others end their batches.
 */
import type { Hash64 } from "../std/hash64.ts";
import { hash64Text, sameHash64 } from "../std/hash64.ts";
import { ActorError } from "./errors.ts";
import type { StateCheck } from "./ports.ts";

export class StateChecker {
  /** The newest check that was applied here, with the hash of the state before it. */
  #noted: { readonly index: number; readonly hash: Hash64 } | undefined;
  #compared = 0;

  /** Comparisons that came out equal. */
  get compared(): number {
    return this.#compared;
  }

  /** What the next check is to say; undefined when nothing was applied since the last one. */
  next(appliedIndex: number): StateCheck | undefined {
    if (this.#noted !== undefined && appliedIndex <= this.#noted.index) return undefined;
    return { previous: this.#noted };
  }

  /**
   * A check is applied at `index`; `hash` is that of the state before it.
   * @throws {ActorError} `REPLICA_DIFFERS` when this replica's state was another one than the leader's.
   */
  applied(index: number, check: StateCheck, hash: Hash64): void {
    const { previous } = check;
    // A replica that was not there at the time, or got a snapshot since, has nothing to compare.
    if (previous !== undefined && this.#noted?.index === previous.index) {
      if (!sameHash64(previous.hash, this.#noted.hash)) {
        const [expected, found] = [hash64Text(previous.hash), hash64Text(this.#noted.hash)];
        throw new ActorError(
          { code: "REPLICA_DIFFERS", index: previous.index, expected, found },
          "the replica's state differs from its leader's",
        );
      }
      this.#compared += 1;
    }
    this.#noted = { index, hash };
  }
}
