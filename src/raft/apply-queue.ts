import { assert } from "../std/assert.ts";
import type { RaftLog } from "./log.ts";
import type { Configuration, Entry } from "./types.ts";

/** The configuration that comes into force when `index` is applied. */
export interface ConfigurationAt {
  readonly index: number;
  readonly configuration: Configuration;
}

/** What may be applied next: entries, or which of them must be read from disk first. */
export type NextCommitted =
  | { readonly kind: "none" }
  | { readonly kind: "entries"; readonly entries: readonly Entry[]; readonly bytes: number }
  | { readonly kind: "on-disk"; readonly firstIndex: number; readonly lastIndex: number };

/**
 * Where applying stands: what was handed out, what came back, and how many bytes lie between. An
 * entry is handed out only when it is committed and on this replica's disk (R1), in order, once.
 *
 * A1: applied <= handed <= min(committed, synced).
 */
export class ApplyQueue {
  readonly #bytesMax: number;
  readonly #batches: { readonly lastIndex: number; readonly bytes: number }[] = [];
  #bytes = 0;
  #handed: number;
  #applied: number;
  #configurations: ConfigurationAt[] = [];

  constructor(options: { readonly applied: number; readonly bytesMax: number }) {
    this.#applied = options.applied;
    this.#handed = options.applied;
    this.#bytesMax = options.bytesMax;
  }

  get applied(): number {
    return this.#applied;
  }

  get handed(): number {
    return this.#handed;
  }

  /** Bytes that are still allowed to be handed out; 0 when applying must catch up first. */
  get room(): number {
    return Math.max(0, this.#bytesMax - this.#bytes);
  }

  /** The configuration that the last handed membership change leads to; undefined without any. */
  get pendingConfiguration(): Configuration | undefined {
    return this.#configurations.at(-1)?.configuration;
  }

  /** Whether `next` would have something. */
  hasNext(log: RaftLog): boolean {
    return !log.installing && this.#handed < limitOf(log) && this.room > 0;
  }

  /** What to hand out next; `entries` is never empty. */
  next(log: RaftLog): NextCommitted {
    if (!this.hasNext(log)) return { kind: "none" };
    const firstIndex = this.#handed + 1;
    const read = log.read(firstIndex, this.room, limitOf(log));
    if (read.kind === "entries") return read;
    return {
      kind: "on-disk",
      firstIndex,
      lastIndex: Math.min(limitOf(log), log.memoryFirstIndex - 1),
    };
  }

  /** Records that entries, which follow what was handed before, have been handed out. */
  handOut(entries: readonly Entry[], bytes: number): void {
    const first = entries[0];
    const last = entries.at(-1);
    assert(first !== undefined && last !== undefined, "nothing was handed out");
    assert(first.index === this.#handed + 1, "committed entries are handed out in order");
    this.#batches.push({ lastIndex: last.index, bytes });
    this.#bytes += bytes;
    this.#handed = last.index;
  }

  /** Remembers a configuration that a handed entry will bring into force. */
  expect(at: ConfigurationAt): void {
    this.#configurations.push(at);
  }

  /** Takes it into account that `index` is applied. @returns the configuration that is now in force. */
  applyTo(index: number): Configuration | undefined {
    // A batch that was handed out before a snapshot came may be reported after it.
    if (index <= this.#applied) return undefined;
    assert(index <= this.#handed, `index ${index} was applied but never handed out`);
    this.#applied = index;
    while ((this.#batches[0]?.lastIndex ?? Number.POSITIVE_INFINITY) <= index)
      this.#bytes -= this.#batches.shift()?.bytes ?? 0;
    let configuration: Configuration | undefined;
    while ((this.#configurations[0]?.index ?? Number.POSITIVE_INFINITY) <= index)
      configuration = this.#configurations.shift()?.configuration;
    return configuration;
  }

  /** A snapshot takes the place of everything up to `index`; it is not installed yet. */
  skipTo(index: number): void {
    this.#handed = index;
    this.#batches.length = 0;
    this.#bytes = 0;
    this.#configurations = [];
  }

  /** The snapshot at `index` is installed. */
  installed(index: number): void {
    this.#applied = Math.max(this.#applied, index);
  }
}

function limitOf(log: RaftLog): number {
  return Math.min(log.committed, log.synced);
}
