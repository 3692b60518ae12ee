/** Who may fetch now: a few of each kind at once, and some of all, in the order in which they came. */

/** Fetches at once of a node, whatever they are for: each has a connection and a file. */
export const FETCHES_AT_ONCE_MAX = 64;

interface Waiting {
  readonly kind: string;
  readonly limit: number;
  readonly enter: () => void;
}

/** Gates of several kinds. */
export class Gates {
  readonly #inside = new Map<string, number>();
  #all = 0;
  readonly #waiting = new Set<Waiting>();

  /** Resolves when there is room, to what gives it back. @throws what the signal says. */
  enter(kind: string, limit: number, signal: AbortSignal): Promise<() => void> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) {
        reject(reasonOf(signal));
        return;
      }
      const onAbort = (): void => {
        this.#waiting.delete(waiting);
        reject(reasonOf(signal));
      };
      const waiting: Waiting = {
        kind,
        limit,
        enter: () => {
          signal.removeEventListener("abort", onAbort);
          resolve(() => this.#leave(kind));
        },
      };
      signal.addEventListener("abort", onAbort, { once: true });
      this.#waiting.add(waiting);
      this.#letIn();
    });
  }

  #leave(kind: string): void {
    const left = (this.#inside.get(kind) ?? 0) - 1;
    if (left > 0) this.#inside.set(kind, left);
    else this.#inside.delete(kind);
    this.#all -= 1;
    this.#letIn();
  }

  #letIn(): void {
    for (const waiting of this.#waiting) {
      if (this.#all >= FETCHES_AT_ONCE_MAX) return;
      const inside = this.#inside.get(waiting.kind) ?? 0;
      if (inside >= waiting.limit) continue;
      this.#waiting.delete(waiting);
      this.#inside.set(waiting.kind, inside + 1);
      this.#all += 1;
      waiting.enter();
    }
  }
}

function reasonOf(signal: AbortSignal): Error {
  const reason: unknown = signal.reason;
  return reason instanceof Error ? reason : new Error(String(reason));
}
