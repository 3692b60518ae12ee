import { assert } from "../std/assert.ts";
import { Inflights } from "./inflights.ts";

/**
 * How the leader sends to a follower.
 * - `probe`: where the logs agree is not known; one append at a time, next after an answer or heartbeat.
 * - `replicate`: it is known; appends are sent ahead of the answers, up to the in-flight limits.
 * - `snapshot`: the log does not reach back far enough; no appends until the follower reports that it
 *   has what the log still holds.
 */
export type ProgressState = "probe" | "replicate" | "snapshot";

/**
 * What a leader knows of one member. Invariants: 0 <= match < next; in `probe` at most one append
 * with entries is unanswered; only `replicate` uses `inflights`.
 */
export class Progress {
  /** Highest index known to be equal and on the member's disk. */
  match = 0;
  /** Index of the next entry to send. */
  next: number;
  /** In `snapshot`: the index of the snapshot on its way; 0 while none has been handed in yet. */
  pendingSnapshot = 0;
  /** Whether anything came from this member since the leader last checked its quorum. */
  recentActive = false;
  /** No appends until a heartbeat is answered or the match moves. Meaningless in `snapshot`. */
  flowPaused = false;
  /** The commit index that the member knows of if nothing was lost. */
  sentCommit = 0;
  /** Where the log ended when the member agreed to be quiet; 0 when it has not, or was woken. */
  quietIndex = 0;
  /** Highest read round that the member acknowledged in this term (thesis 6.4). */
  ackedRound = 0;
  /** Number of the read from disk that this member's next append waits for. */
  pendingRead: number | undefined = undefined;
  readonly inflights: Inflights;
  #state: ProgressState = "probe";

  constructor(options: {
    readonly next: number;
    readonly messagesMax: number;
    readonly bytesMax: number;
  }) {
    this.next = options.next;
    this.inflights = new Inflights(options);
  }

  get state(): ProgressState {
    return this.#state;
  }

  /** Whether no append may be sent now. */
  get paused(): boolean {
    return this.#state === "snapshot" || this.flowPaused || this.pendingRead !== undefined;
  }

  /** Finds out again where the logs agree. After a snapshot, it starts right behind it. */
  becomeProbe(): void {
    const afterSnapshot = this.#state === "snapshot" ? this.pendingSnapshot + 1 : 0;
    this.#enter("probe");
    this.next = Math.max(this.match + 1, afterSnapshot);
    this.sentCommit = Math.min(this.sentCommit, this.next - 1);
  }

  /** Sends ahead from the match. */
  becomeReplicate(): void {
    this.#enter("replicate");
    this.next = this.match + 1;
  }

  /** Waits for a snapshot; `index` is 0 until it is known which. */
  becomeSnapshot(index: number): void {
    this.#enter("snapshot");
    this.pendingSnapshot = index;
    this.next = Math.max(this.match, index) + 1;
    this.sentCommit = index;
  }

  /** Takes an accepted index into account. @returns whether it told anything new. */
  accept(index: number): boolean {
    if (index <= this.match) return false;
    this.match = index;
    this.next = Math.max(this.next, index + 1);
    this.flowPaused = false;
    return true;
  }

  /**
   * Takes a rejection into account.
   * @returns whether it was news: a late answer to an older append is not.
   */
  reject(rejection: { readonly index: number; readonly hintIndex: number }): boolean {
    if (this.#state === "replicate") {
      if (rejection.index <= this.match) return false;
      this.next = this.match + 1;
      this.sentCommit = Math.min(this.sentCommit, this.next - 1);
      return true;
    }
    // While probing, one append is out at a time: it is the one before `next` or it is late.
    if (this.next - 1 !== rejection.index) return false;
    this.next = Math.max(Math.min(rejection.index, rejection.hintIndex + 1), this.match + 1);
    this.sentCommit = Math.min(this.sentCommit, this.next - 1);
    this.flowPaused = false;
    return true;
  }

  /** Records that an append of `count` entries has been sent. */
  sent(append: {
    readonly count: number;
    readonly lastIndex: number;
    readonly bytes: number;
    readonly commit: number;
  }): void {
    assert(this.#state !== "snapshot", "an append was sent while a snapshot is on its way");
    if (this.#state === "replicate") {
      if (append.count > 0) {
        this.next += append.count;
        this.inflights.add({ lastIndex: this.next - 1, bytes: append.bytes });
      }
      this.flowPaused = this.inflights.full;
    } else if (append.count > 0) {
      this.flowPaused = true;
    }
    this.sentCommit = Math.min(append.commit, append.lastIndex);
  }

  #enter(state: ProgressState): void {
    this.#state = state;
    this.flowPaused = false;
    this.pendingSnapshot = 0;
    this.pendingRead = undefined;
    this.inflights.clear();
  }
}
