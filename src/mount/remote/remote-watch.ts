/**
 * Hears from the cluster what others change in the volume, while somebody uses it. As long as it is heard of in
 * time, the cluster has changes of others wait for it (`leaseMs` of the route `fs/changes`): until then what it
 * knows is so. Who does not use the volume asks nothing, and nobody waits for it.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { VolumeChanges } from "../../api/inode-port.ts";
import type { VolumeChange } from "../ports.ts";

/** How long one question waits at the cluster: several fit into a lease. */
const WAIT_MS = 600;

/** A lease is trusted so much less: clocks run apart, and answers are under way. */
const MARGIN_MS = 300;

/** Unused for so long the mount gives its lease back: the kernel's timeouts are over by then. */
const IDLE_MS = 4_000;

/** Before the cluster is asked again where it gave no answer, or no lease. */
const AGAIN_MS = 500;
const NO_LEASE_MS = 5_000;

/** How long who ends tells the cluster so. */
const END_MS = 500;

/** One question; `wait` is in milliseconds. */
export interface ChangesQuery {
  readonly after: number | undefined;
  readonly wait: number;
  readonly ends: boolean;
}

export interface WatchDeps {
  /** @throws {VolumeError} when nobody answers. */
  readonly ask: (query: ChangesQuery) => Promise<VolumeChanges>;
  readonly nowMs: () => number;
  /** The kernel goes by nothing that it was told so long ago. */
  readonly forgottenMs: number;
}

export class RemoteWatch {
  readonly #deps: WatchDeps;
  #trustedUntilMs = Number.NEGATIVE_INFINITY;
  #usedMs = Number.NEGATIVE_INFINITY;
  #wake: (() => void) | undefined;

  constructor(deps: WatchDeps) {
    this.#deps = deps;
  }

  /** How long what the volume says from now on is so, if nothing else is heard; 0 when nobody answers for it. */
  trustedMs(): number {
    const nowMs = this.#deps.nowMs();
    this.#usedMs = nowMs;
    this.#wake?.();
    return Math.max(0, this.#trustedUntilMs - nowMs);
  }

  /** Changes of others, until the signal. Who asks for the next one has dealt with the one before. */
  async *changes(signal: AbortSignal): AsyncGenerator<VolumeChange> {
    const ended = new Promise<undefined>((resolve) => {
      signal.addEventListener("abort", () => resolve(undefined), { once: true });
    });
    let after: number | undefined;
    try {
      while (!signal.aborted) {
        if (this.#isUnused()) {
          this.#distrust();
          await this.#leave(after);
          after = undefined;
          // It may have been used meanwhile.
          if (this.#isUnused()) await Promise.race([this.#used(), ended]);
          continue;
        }
        const sentMs = this.#deps.nowMs();
        const answer = await Promise.race([this.#ask(after), ended]);
        if (answer === undefined) {
          this.#distrust();
          await Promise.race([sleep(AGAIN_MS), ended]);
          continue;
        }
        yield* this.#heard(answer, after === undefined);
        after = answer.next;
        if (answer.leaseMs > 0) this.#trustedUntilMs = sentMs + answer.leaseMs - MARGIN_MS;
        else await Promise.race([sleep(NO_LEASE_MS), ended]);
      }
    } finally {
      this.#distrust();
      await this.#leave(after);
    }
  }

  async *#heard(answer: VolumeChanges, isFirst: boolean): AsyncGenerator<VolumeChange> {
    if (isFirst) yield { kind: "all" };
    if (answer.resync) {
      this.#distrust();
      yield { kind: "all" };
      await sleep(this.#deps.forgottenMs);
    }
    for (const { inodes, entries } of answer.changes) {
      for (const { parent, name } of entries) yield { kind: "entry", parent, name };
      for (const inode of inodes) yield { kind: "attributes", inode };
    }
  }

  #isUnused(): boolean {
    return this.#deps.nowMs() - this.#usedMs >= IDLE_MS;
  }

  #distrust(): void {
    this.#trustedUntilMs = Number.NEGATIVE_INFINITY;
  }

  async #ask(after: number | undefined): Promise<VolumeChanges | undefined> {
    const wait = after === undefined ? 0 : WAIT_MS;
    return this.#deps.ask({ after, wait, ends: false }).catch(() => undefined);
  }

  /** Says that nobody need wait for this mount; where that is not heard, they find out themselves. */
  async #leave(after: number | undefined): Promise<void> {
    if (after === undefined) return;
    const told = this.#deps.ask({ after, wait: 0, ends: true }).catch(() => undefined);
    await Promise.race([told, sleep(END_MS)]);
  }

  /** Resolves when somebody uses the volume. */
  #used(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = () => {
        this.#wake = undefined;
        resolve();
      };
    });
  }
}
