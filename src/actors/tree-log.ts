/**
 * What changed in a workflow's tree of files lately, on every replica: numbers of inodes and names, in the
 * order of the commands. Who comes from before the log began is told that anything may have changed.
 */
import type { Effect } from "../scheduler/effects.ts";
import { endOf } from "./event-log.ts";
import type { TreeNews } from "./tree-calls.ts";

/** Inodes and names that are kept, of all changes together: about two megabytes where names are long. */
export const TREE_LOG_ITEMS_MAX = 8192;

/** Inodes and names of one change; who is to hear of a larger one is told that anything may have changed. */
export const TREE_NEWS_ITEMS_MAX = 2048;

interface Made {
  readonly news: TreeNews;
  readonly items: number;
  /** Who had it made, and knows of it; unknown until the command is answered. */
  by: string | undefined;
}

/** What follows a number. */
export interface TreeNewsPage {
  /** Some that should be here are gone: anything may have changed up to `next`. */
  readonly resync: boolean;
  readonly changes: readonly TreeNews[];
  /** `after` of the next page. */
  readonly next: number;
}

export class TreeLog {
  readonly #made: Made[] = [];
  #items = 0;
  /** Everything after this number is here. */
  #floor: number;
  /** Everything up to this number has been seen. */
  #seen: number;

  /** All that was applied up to `appliedIndex` is not known here. */
  constructor(appliedIndex: number) {
    this.#floor = endOf(appliedIndex);
    this.#seen = this.#floor;
  }

  /** The number after which nothing has happened yet. */
  get now(): number {
    return this.#seen;
  }

  /** Takes what the entries `firstIndex` to `lastIndex` led to. False when the tree is as it was. */
  take(
    effects: readonly Effect[],
    { firstIndex, lastIndex }: { readonly firstIndex: number; readonly lastIndex: number },
  ): boolean {
    const before = endOf(firstIndex - 1);
    // Entries came in a snapshot: what they changed is not known.
    const hasGap = before > this.#seen;
    if (hasGap) this.#forgetUpTo(before);
    this.#seen = endOf(lastIndex);
    let isNews = hasGap;
    for (const effect of effects) {
      if (effect.kind !== "tree-changed") continue;
      const { revision, inodes, entries } = effect;
      this.#add({ revision, inodes, entries });
      isNews = true;
    }
    return isNews;
  }

  /** Somebody had the change made. False when nothing of the tree was changed by that command. */
  madeBy(revision: number, by: string | undefined): boolean {
    const made = this.#made.findLast(({ news }) => news.revision <= revision);
    if (made?.news.revision !== revision) return revision <= this.#floor;
    made.by ??= by;
    return true;
  }

  /** What follows `after`, but for what `reader` had made itself; about `limit` inodes and names. */
  page({
    after,
    limit,
    reader,
  }: {
    readonly after: number;
    readonly limit: number;
    readonly reader: string | undefined;
  }): TreeNewsPage {
    if (after < this.#floor) return { resync: true, changes: [], next: this.#seen };
    // From the end: nearly everybody is nearly there.
    let start = this.#made.length;
    while ((this.#made[start - 1]?.news.revision ?? -1) > after) start--;
    const changes: TreeNews[] = [];
    let items = 0;
    for (const made of this.#made.slice(start)) {
      if (reader !== undefined && made.by === reader) continue;
      if (items > 0 && items + made.items > Math.min(limit, TREE_NEWS_ITEMS_MAX)) {
        return { resync: false, changes, next: changes.at(-1)?.revision ?? after };
      }
      changes.push(made.news);
      items += made.items;
    }
    return { resync: false, changes, next: Math.max(after, this.#seen) };
  }

  #add(news: TreeNews): void {
    const items = news.inodes.length + news.entries.length;
    if (items > TREE_NEWS_ITEMS_MAX) {
      this.#forgetUpTo(news.revision);
      return;
    }
    this.#made.push({ news, items, by: undefined });
    this.#items += items;
    while (this.#items > TREE_LOG_ITEMS_MAX) {
      const oldest = this.#made.shift();
      this.#items -= oldest?.items ?? this.#items;
      this.#floor = oldest?.news.revision ?? this.#floor;
    }
  }

  #forgetUpTo(number: number): void {
    this.#made.length = 0;
    this.#items = 0;
    this.#floor = number;
  }
}
