/**
 * Merging of any number of sorted sources with bounded memory and open files. Sources gather on the
 * lowest level; when they are as many as may be open together, they become one temporary run on the
 * next level, and so on: each pair is written once a level. Sources that come later stay later.
 */

import { rm } from "node:fs/promises";
import type { BlockStore } from "./block-store.ts";
import { checkStopped, onDisk } from "./errors.ts";
import { type ChunkSource, Merge } from "./merge.ts";
import { type Spill, SpillSource, SpillWriter } from "./spill.ts";

/** Most files open in one merge, by default. */
export const OPEN_READERS_MAX = 64;

/** So many inline pieces cost a merge as much as one open file. */
export const INLINE_PER_READER = 16;

/** A sorted source that is not open yet. */
export interface MergePart {
  /** What reading it holds in memory. */
  readonly memoryBytes: number;
  /** 1 for a file, less for what is in memory already. */
  readonly readers: number;
  readonly open: () => Promise<ChunkSource>;
  /** Removes what was made for it on disk. Harmless to repeat. */
  readonly remove: () => Promise<void>;
}

/** Bounds of one merge. Two sources are merged together whatever they cost. */
export interface MergeTreeOptions {
  readonly store: BlockStore;
  readonly memoryBytes: number;
  readonly readersMax: number;
  readonly signal?: AbortSignal | undefined;
}

/** Collects sources and gives one merge of all. Use: `add`, then `open` once; `remove` in the end. */
export class MergeTree {
  readonly #options: MergeTreeOptions;
  /** Level 0 has the newest sources; every source of a higher level is older than those below. */
  readonly #levels: MergePart[][] = [];
  readonly #made = new Set<MergePart>();
  #merge: Merge | undefined;

  constructor(options: MergeTreeOptions) {
    this.#options = options;
  }

  /** Takes a source that comes after all earlier ones; may merge those first. */
  async add(part: MergePart): Promise<void> {
    this.#made.add(part);
    await this.#addAt(0, part);
  }

  /** The merge of all sources. `remove` closes it. */
  async open(): Promise<Merge> {
    let parts = this.#levels.toReversed().flat();
    while (parts.length > 2 && !this.#affordable(parts)) {
      // The newest are on the lowest levels and therefore the smallest.
      const from = this.#cheapestTail(parts);
      parts = [...parts.slice(0, from), await this.#mergeToSpill(parts.slice(from))];
    }
    this.#merge = await openMerge(parts);
    await this.#merge.start();
    return this.#merge;
  }

  /** Closes the merge and removes all temporary runs, after success and failure alike. */
  async remove(): Promise<void> {
    await this.#merge?.close();
    this.#merge = undefined;
    for (const part of this.#made) await part.remove();
    this.#made.clear();
  }

  async #addAt(level: number, part: MergePart): Promise<void> {
    const parts = this.#levels[level] ?? [];
    if (parts.length < 2 || this.#affordable([...parts, part])) {
      parts.push(part);
      this.#levels[level] = parts;
      return;
    }
    this.#levels[level] = [part];
    await this.#addAt(level + 1, await this.#mergeToSpill(parts));
  }

  #affordable(parts: readonly MergePart[]): boolean {
    const memory = parts.reduce((sum, part) => sum + part.memoryBytes, 0);
    const readers = parts.reduce((sum, part) => sum + part.readers, 0);
    return memory <= this.#options.memoryBytes && readers <= this.#options.readersMax;
  }

  #cheapestTail(parts: readonly MergePart[]): number {
    let from = parts.length - 2;
    while (from > 0 && this.#affordable(parts.slice(from - 1))) from--;
    return from;
  }

  async #mergeToSpill(parts: readonly MergePart[]): Promise<MergePart> {
    const { store, signal } = this.#options;
    const merge = await openMerge(parts);
    const writer = await SpillWriter.create(store.temporaryPath()).catch(async (error: unknown) => {
      await merge.close();
      throw error;
    });
    let spill: Spill;
    try {
      await merge.start();
      await copyMerge(merge, { writer, signal });
      spill = await writer.finish();
    } catch (error) {
      await writer.discard();
      throw error;
    } finally {
      await merge.close();
    }
    const made = spillPart(spill);
    this.#made.add(made);
    for (const part of parts) {
      await part.remove();
      this.#made.delete(part);
    }
    return made;
  }
}

/** A temporary run as a source of merges. */
export function spillPart(spill: Spill): MergePart {
  const { path, memoryBytes } = spill;
  return {
    memoryBytes,
    readers: 1,
    open: () => SpillSource.open(path),
    remove: () => onDisk(path, () => rm(path, { force: true })),
  };
}

async function openMerge(parts: readonly MergePart[]): Promise<Merge> {
  const sources: ChunkSource[] = [];
  try {
    for (const part of parts) sources.push(await part.open());
  } catch (error) {
    for (const source of sources) await source.close();
    throw error;
  }
  return new Merge(sources);
}

async function copyMerge(
  merge: Merge,
  options: { readonly writer: SpillWriter; readonly signal: AbortSignal | undefined },
): Promise<void> {
  const { writer, signal } = options;
  for (let top = merge.top; top !== undefined; top = merge.top) {
    writer.append(top.cursor, top.partition);
    if (writer.full) await writer.flush();
    if (merge.step()) continue;
    checkStopped(signal);
    await merge.refill();
  }
}
