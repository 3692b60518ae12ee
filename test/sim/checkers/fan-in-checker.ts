/**
 * Watches the fan-ins of one workflow, by the rows as they are written: an invocation is reduced when
 * the last of its children has ended, by the same transition that counts it (R17); not sooner and not
 * later. What a request that succeeded was made of is done.
 */
import { resultsOf } from "../../../src/scheduler/block-row.ts";
import { keys } from "../../../src/scheduler/keys.ts";
import type { AttemptRow, BlockRow, InvocationRow, Row } from "../../../src/scheduler/rows.ts";
import { readOrderedNumbers } from "../../../src/std/ordered-text.ts";
import { promise } from "../world.ts";

export class FanInChecker {
  readonly #group: number;
  /** Children that have ended, by the place of their parent. */
  readonly #ended = new Map<string, Set<number>>();
  /** By their place, as far as their rows are there. */
  readonly #states = new Map<string, InvocationRow["state"]>();

  constructor(group: number) {
    this.#group = group;
  }

  /** Rows that were written together, so that they are of one moment. */
  written(rows: ReadonlyMap<string, Row | undefined>): void {
    for (const [key, row] of rows) if (row?.kind === "block") this.#block(key, row);
    for (const [key, row] of rows) {
      if (row?.kind === "invocation") this.#invocation(placeOf(key), row);
      else if (row === undefined && key.startsWith("i/")) this.#states.delete(placeOf(key));
    }
    for (const row of rows.values()) if (row?.kind === "attempt") this.#attempt(row);
  }

  /** An invocation that is not done, of a request that succeeded. */
  unfinished(hasSucceeded: (request: number) => boolean): string | undefined {
    for (const [place, state] of this.#states) {
      const [request = 0] = readOrderedNumbers(place, 0);
      if (state !== "done" && hasSucceeded(request)) return `invocation ${place} in ${state}`;
    }
    return undefined;
  }

  #block(key: string, row: BlockRow): void {
    const place = placeOf(key.slice(0, key.lastIndexOf("/")));
    const ended = this.#ended.get(place) ?? new Set();
    this.#ended.set(place, ended);
    for (const { child } of resultsOf(row)) ended.add(child);
  }

  #invocation(place: string, row: InvocationRow): void {
    this.#states.set(place, row.state);
    // Leaves have no children.
    if (row.childStep === undefined) return;
    const ended = this.#ended.get(place)?.size ?? 0;
    const about = `invocation ${place} of group ${this.#group}`;
    if (row.state === "children") {
      promise(
        ended < row.childCount,
        () => `${about} waits for its children, and all ${ended} have ended`,
      );
      return;
    }
    promise(
      ended === row.childCount,
      () => `${about} is reduced after ${ended} of its ${row.childCount} children`,
    );
  }

  #attempt({ unit }: AttemptRow): void {
    if (unit.kind !== "reduce") return;
    const place = placeOf(keys.invocation(unit.request, unit.path));
    promise(
      this.#states.get(place) !== "children",
      () => `a reduce of invocation ${place} of group ${this.#group} begins before its children`,
    );
  }
}

/** What names the invocation in the keys of its rows, without their first letter. */
function placeOf(key: string): string {
  return key.slice(2);
}
