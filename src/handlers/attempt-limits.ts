/** What the handlers of an attempt were held to, and who saw to it. */
import type { EnforcedLimit, HandlerRef } from "../wire/dataset.ts";

/** Gathers what is known of each of them. */
export class AttemptLimits {
  readonly #found = new Map<string, EnforcedLimit>();
  #isSaid = false;

  /** A handler begins in a worker that is held to these. */
  add({ memoryBytes, runtime }: HandlerRef, limits: readonly EnforcedLimit[]): void {
    this.#isSaid ||= memoryBytes !== undefined || runtime !== undefined;
    for (const limit of limits) this.#keep(limit);
    if (runtime?.silenceMs !== undefined) this.#keep({ kind: "silence", by: "node" });
  }

  /** Of one that failed: all of them. Every attempt has a time. */
  get all(): readonly EnforcedLimit[] {
    return [...this.#found.values(), { kind: "time", by: "node" }];
  }

  /** Of one that ended well: nothing where its handlers say nothing of limits, as most do not. */
  get said(): readonly EnforcedLimit[] | undefined {
    return this.#isSaid ? this.all : undefined;
  }

  #keep(limit: EnforcedLimit): void {
    this.#found.set(`${limit.kind} ${limit.by}`, limit);
  }
}
