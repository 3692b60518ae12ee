/**
 * Applies committed entries to the rows of a group: loads what a command needs, runs it, and writes
 * one batch (R12). The only place in a replica that waits for the state's disk.
 */

import type { Entry } from "../raft/types.ts";
import type { Answer } from "../scheduler/rows.ts";
import { MissingRows, type RowView, Transaction } from "../scheduler/transaction.ts";
import { assert } from "../std/assert.ts";
import type { Batch, LogPosition, Machine } from "./machine.ts";
import type { Membership, StatePort } from "./ports.ts";

/** Loads that one command may cause: each brings at least one row, and no command reads many. */
const LOADS_MAX = 2048;

/** Commands applied before the loop is given back: about 10 ms of work. */
const COMMANDS_AT_ONCE_MAX = 1500;

/** How many bytes of an entry that is not decoded yet stand for one command. */
const COMMAND_BYTES_GUESS = 256;

/** A committed entry with what the replica knows about it. */
export interface Committed<E> {
  readonly entry: Entry;
  /** The entry's content where it was proposed here. */
  readonly batch: Batch<E> | undefined;
  /** The membership after it, if it changes that. */
  readonly membership: Membership | undefined;
}

/** What applying some entries came to. */
export interface AppliedEntries<F> {
  readonly answers: readonly {
    readonly index: number;
    readonly term: number;
    readonly answers: readonly Answer[];
  }[];
  readonly effects: readonly F[];
}

export class Applier<R, E, F> {
  readonly #machine: Machine<R, E, F>;
  readonly #state: StatePort<R>;

  constructor(machine: Machine<R, E, F>, state: StatePort<R>) {
    this.#machine = machine;
    this.#state = state;
  }

  /** How many of `entries` are to be applied at once. */
  chunk(entries: readonly Committed<E>[]): number {
    let commands = 0;
    for (const [position, { entry, batch }] of entries.entries()) {
      const bytes = entry.kind === "normal" ? entry.data.length : 0;
      commands += batch?.envelopes.length ?? Math.ceil(bytes / COMMAND_BYTES_GUESS);
      if (commands >= COMMANDS_AT_ONCE_MAX) return position + 1;
    }
    return entries.length;
  }

  /** Applies the entries and writes their rows. @throws {JobxError} `WIRE_VERSION_UNKNOWN` and others: the replica stops. */
  async apply(entries: readonly Committed<E>[]): Promise<AppliedEntries<F>> {
    const loaded = new Map<string, R | undefined>();
    const tx = new Transaction<R, F>(this.#view(loaded));
    const answered: { index: number; term: number; answers: readonly Answer[] }[] = [];
    let membership: Membership | undefined;
    for (const { entry, batch, membership: changed } of entries) {
      membership = changed ?? membership;
      const answers =
        entry.kind === "normal" ? await this.#applyEntry(tx, entry, { batch, loaded }) : [];
      answered.push({ index: entry.index, term: entry.term, answers });
    }
    const last = entries.at(-1);
    assert(last !== undefined, "applying needs an entry");
    const { index: appliedIndex, term: appliedTerm } = last.entry;
    await this.#state.write({ rows: tx.writes(), appliedIndex, appliedTerm, membership });
    return { answers: answered, effects: tx.effects() };
  }

  /** Answers a question from the applied rows, loading what it needs. */
  async query<T>(ask: (view: RowView<R>) => T): Promise<T> {
    const loaded = new Map<string, R | undefined>();
    const view = this.#view(loaded);
    for (let loads = 0; loads < LOADS_MAX; loads++) {
      try {
        return ask(view);
      } catch (error) {
        if (!(error instanceof MissingRows)) throw error;
        await this.#load(error.keys, loaded);
      }
    }
    assert(false, "a question reads few rows");
  }

  #view(loaded: ReadonlyMap<string, R | undefined>): RowView<R> {
    return {
      peek: (key) => (loaded.has(key) ? loaded.get(key) : this.#state.peek(key)),
    };
  }

  async #applyEntry(
    tx: Transaction<R, F>,
    entry: Extract<Entry, { kind: "normal" }>,
    known: { readonly batch: Batch<E> | undefined; readonly loaded: Map<string, R | undefined> },
  ): Promise<readonly Answer[]> {
    const batch = known.batch ?? this.#machine.payloads.decode(entry.data);
    const answers: Answer[] = [];
    for (const [ordinal, envelope] of batch.envelopes.entries()) {
      const at = { index: entry.index, ordinal, stampMs: batch.stampMs };
      let answer = this.#try(tx, at, envelope);
      // Waiting only where it is needed: most commands find their rows in memory.
      for (let loads = 0; answer instanceof MissingRows; loads++) {
        assert(loads < LOADS_MAX, "a command reads few rows");
        await this.#load(answer.keys, known.loaded);
        answer = this.#try(tx, at, envelope);
      }
      answers.push(answer);
    }
    return answers;
  }

  #try(tx: Transaction<R, F>, at: LogPosition, envelope: E): Answer | MissingRows {
    try {
      const answer = this.#machine.apply(tx, at, envelope);
      tx.keep();
      return answer;
    } catch (error) {
      tx.drop();
      if (error instanceof MissingRows) return error;
      throw error;
    }
  }

  async #load(keys: readonly string[], loaded: Map<string, R | undefined>): Promise<void> {
    const rows = await this.#state.read(keys);
    keys.forEach((key, position) => {
      loaded.set(key, rows[position]);
    });
  }
}
