/**
 * The rows that applying reads and writes. Reading a row that is not in memory abandons the one
 * transition that asked; the caller loads what was missed and applies that transition again from its
 * start. So apply is plain synchronous code, and its result depends on the rows alone.
 */
import { assert } from "../std/assert.ts";
import { NO_BUGS, type PlantedBugs } from "../std/planted-bugs.ts";

/** Says that a row has to be fetched first. */
export const UNKNOWN: unique symbol = Symbol("row not in memory");

/** Rows as far as they are in memory. */
export interface RowView<Row> {
  /** The row, undefined when there is none under the key, or `UNKNOWN`. */
  peek(key: string): Row | undefined | typeof UNKNOWN;
}

/** Thrown by `get`; never escapes the one who runs transitions or queries. */
export class MissingRows extends Error {
  override readonly name = "MissingRows";
  readonly keys: readonly string[];

  constructor(keys: readonly string[]) {
    // Nobody reads where it was thrown, and finding that out costs more than the transition itself.
    const { stackTraceLimit } = Error;
    Error.stackTraceLimit = 0;
    super("rows have to be loaded first");
    Error.stackTraceLimit = stackTraceLimit;
    this.keys = keys;
  }
}

/** Reads one row. @throws {MissingRows} when it is not in memory. */
export function readRow<Row>(view: RowView<Row>, key: string): Row | undefined {
  const row = view.peek(key);
  if (row === UNKNOWN) throw new MissingRows([key]);
  return row;
}

/** Reads several rows. @throws {MissingRows} with all that are not in memory. */
export function readAll<Row>(
  view: RowView<Row>,
  keys: readonly string[],
): readonly (Row | undefined)[] {
  const missing: string[] = [];
  const rows = keys.map((key) => {
    const row = view.peek(key);
    if (row !== UNKNOWN) return row;
    missing.push(key);
    return undefined;
  });
  if (missing.length > 0) throw new MissingRows(missing);
  return rows;
}

/** Writes of a batch of transitions above a view; each transition is kept whole or dropped whole. */
export class Transaction<Row, Effect> implements RowView<Row> {
  /** None but in tests that want to see them found. */
  readonly bugs: PlantedBugs;
  readonly #below: RowView<Row>;
  readonly #batch = new Map<string, Row | undefined>();
  /** Keys of the batch under which there was no row below. */
  readonly #fresh = new Set<string>();
  readonly #effects: Effect[] = [];
  readonly #spans: { readonly index: number; readonly ordinal: number; readonly end: number }[] =
    [];
  #current = new Map<string, Row | undefined>();
  #currentFresh: string[] = [];
  #currentEffects: Effect[] = [];

  constructor(below: RowView<Row>, bugs: PlantedBugs = NO_BUGS) {
    this.#below = below;
    this.bugs = bugs;
  }

  peek(key: string): Row | undefined | typeof UNKNOWN {
    if (this.#current.has(key)) return this.#current.get(key);
    if (this.#batch.has(key)) return this.#batch.get(key);
    return this.#below.peek(key);
  }

  /** @throws {MissingRows} when the row is not in memory. */
  get(key: string): Row | undefined {
    return readRow(this, key);
  }

  put(key: string, row: Row): void {
    this.#current.set(key, row);
  }

  /**
   * Puts a row where the caller knows that there is none, by what other rows say. Unlike `put` it costs no
   * look at what was there before, which the state's hash would need.
   */
  insert(key: string, row: Row): void {
    // What this batch has put or deleted may be there below.
    if (!this.#current.has(key) && !this.#batch.has(key)) this.#currentFresh.push(key);
    this.#current.set(key, row);
  }

  delete(key: string): void {
    this.#current.set(key, undefined);
  }

  /** Says something to whoever leads, once the batch is applied. */
  emit(effect: Effect): void {
    this.#currentEffects.push(effect);
  }

  /** Keeps what the transition at a place of the log wrote. */
  keep(at?: { readonly index: number; readonly ordinal: number }): void {
    for (const [key, row] of this.#current) this.#batch.set(key, row);
    for (const key of this.#currentFresh) this.#fresh.add(key);
    if (this.#currentEffects.length > 0) {
      this.#effects.push(...this.#currentEffects);
      if (at !== undefined) {
        const { index, ordinal } = at;
        this.#spans.push({ index, ordinal, end: this.#effects.length });
      }
    }
    this.drop();
  }

  /** Forgets what the transition wrote. */
  drop(): void {
    this.#current = new Map();
    this.#currentFresh = [];
    this.#currentEffects = [];
  }

  /** Rows to write: undefined means delete. */
  writes(): ReadonlyMap<string, Row | undefined> {
    assert(this.#current.size === 0, "a transition was neither kept nor dropped");
    return this.#batch;
  }

  /** Which of the written keys had no row before the batch, as far as that was said. */
  fresh(): ReadonlySet<string> {
    return this.#fresh;
  }

  effects(): readonly Effect[] {
    return this.#effects;
  }

  /** Which effects which transition said; those that said nothing are left out. */
  spans(): readonly { readonly index: number; readonly ordinal: number; readonly end: number }[] {
    return this.#spans;
  }
}
