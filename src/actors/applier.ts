/**
 * Applies committed entries to the rows of a group: loads what a command needs, runs it, and writes
 * one batch (R12). The only place in a replica that waits for the state's disk.
 */

import type { Entry } from "../raft/types.ts";
import type { EffectSpan } from "../scheduler/events.ts";
import type { Answer } from "../scheduler/rows.ts";
import { MissingRows, type RowView, Transaction } from "../scheduler/transaction.ts";
import { assert } from "../std/assert.ts";
import { NO_BUGS, type PlantedBugs } from "../std/planted-bugs.ts";
import type { Batch, LogPosition, Machine } from "./machine.ts";
import type { Membership, StateCheck, StatePort } from "./ports.ts";

/**
 * Rounds in which the rows of a whole chunk are gathered before it is applied (R12): what a command
 * reads first, what it finds through that, and once more. What is left is loaded command by command.
 */
const GATHER_ROUNDS_MAX = 3;

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
  /** What the entry says of the leader's state, if it is such a check (R10). */
  readonly check: StateCheck | undefined;
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
  /** Which of them come from which command. */
  readonly spans: readonly EffectSpan[];
  /** Ends when the rows are written; they are seen before. @throws `STORE_*`: the replica stops. */
  readonly written: Promise<void>;
}

/** Entries that are applied together: their content, and rows that were loaded for them. */
interface Chunk<R, E> {
  readonly batches: readonly (Batch<E> | undefined)[];
  readonly loaded: Map<string, R | undefined>;
}

/** A way through a chunk; `missing` rows have to be loaded before it counts. */
interface Pass<R, F> {
  readonly tx: Transaction<R, F>;
  readonly answers: AppliedEntries<F>["answers"];
  readonly missing: readonly string[];
}

export class Applier<R, E, F> {
  readonly #machine: Pick<Machine<R, E, F>, "payloads" | "apply">;
  readonly #state: StatePort<R>;
  readonly #bugs: PlantedBugs;

  constructor(
    machine: Pick<Machine<R, E, F>, "payloads" | "apply">,
    state: StatePort<R>,
    bugs: PlantedBugs = NO_BUGS,
  ) {
    this.#machine = machine;
    this.#state = state;
    this.#bugs = bugs;
  }

  /** How many of `entries` are to be applied at once. */
  chunk(entries: readonly Committed<E>[]): number {
    let commands = 0;
    for (const [position, { entry, batch, check }] of entries.entries()) {
      // Before a check everything else is applied, so that the state's hash is that of its place.
      if (check !== undefined) return Math.max(1, position);
      const bytes = entry.kind === "normal" ? entry.data.length : 0;
      commands += batch?.envelopes.length ?? Math.ceil(bytes / COMMAND_BYTES_GUESS);
      if (commands >= COMMANDS_AT_ONCE_MAX) return position + 1;
    }
    return entries.length;
  }

  /** Applies the entries and begins to write their rows. @throws {JobxError} `WIRE_VERSION_UNKNOWN` and others: the replica stops. */
  async apply(entries: readonly Committed<E>[]): Promise<AppliedEntries<F>> {
    const known: Chunk<R, E> = {
      loaded: new Map(),
      batches: entries.map(({ entry, batch, check }) => {
        if (entry.kind !== "normal" || check !== undefined) return undefined;
        return batch ?? this.#machine.payloads.decode(entry.data);
      }),
    };
    const { tx, answers } =
      (await this.#applyGathered(entries, known)) ?? (await this.#applyOneByOne(entries, known));
    const membership = entries.findLast((one) => one.membership !== undefined)?.membership;
    const last = entries.at(-1);
    assert(last !== undefined, "applying needs an entry");
    const { index: appliedIndex, term: appliedTerm } = last.entry;
    const rows = tx.writes();
    const fresh = tx.fresh();
    const written = this.#state.write({ rows, fresh, appliedIndex, appliedTerm, membership });
    // Whoever stops before awaiting it has another reason to stop.
    written.catch(() => {});
    return { answers, effects: tx.effects(), spans: tx.spans(), written };
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

  /**
   * Applies the chunk in one go, after rounds in which what its commands miss is loaded at once.
   * Undefined when rows are missing still.
   */
  async #applyGathered(
    entries: readonly Committed<E>[],
    known: Chunk<R, E>,
  ): Promise<Pass<R, F> | undefined> {
    for (let round = 0; round <= GATHER_ROUNDS_MAX; round++) {
      const pass = this.#pass(entries, known);
      if (pass.missing.length === 0) return pass;
      if (round < GATHER_ROUNDS_MAX) await this.#load(pass.missing, known.loaded);
    }
    return undefined;
  }

  /** Once through the chunk. Where rows are missing its result is good for nothing but their keys. */
  #pass(entries: readonly Committed<E>[], known: Chunk<R, E>): Pass<R, F> {
    const tx = new Transaction<R, F>(this.#view(known.loaded), this.#bugs);
    const missing = new Set<string>();
    const answers = entries.map(({ entry }, position) => {
      const batch = known.batches[position];
      const answersOfEntry: Answer[] = [];
      for (const [ordinal, envelope] of batch?.envelopes.entries() ?? []) {
        const at = { index: entry.index, ordinal, stampMs: batch?.stampMs ?? 0 };
        try {
          const answer = this.#try(tx, at, envelope);
          if (!(answer instanceof MissingRows)) answersOfEntry.push(answer);
          else for (const key of answer.keys) missing.add(key);
        } catch (error) {
          // A command that sees what was left out before it may find a state that cannot be.
          if (missing.size === 0) throw error;
        }
      }
      return { index: entry.index, term: entry.term, answers: answersOfEntry };
    });
    return { tx, answers, missing: [...missing] };
  }

  /** Applies the chunk and loads for each command what it misses. */
  async #applyOneByOne(entries: readonly Committed<E>[], known: Chunk<R, E>): Promise<Pass<R, F>> {
    const tx = new Transaction<R, F>(this.#view(known.loaded), this.#bugs);
    const answered: AppliedEntries<F>["answers"][number][] = [];
    for (const [position, { entry }] of entries.entries()) {
      const batch = known.batches[position];
      const answers: Answer[] = [];
      for (const [ordinal, envelope] of batch?.envelopes.entries() ?? []) {
        const at = { index: entry.index, ordinal, stampMs: batch?.stampMs ?? 0 };
        let answer = this.#try(tx, at, envelope);
        for (let loads = 0; answer instanceof MissingRows; loads++) {
          assert(loads < LOADS_MAX, "a command reads few rows");
          await this.#load(answer.keys, known.loaded);
          answer = this.#try(tx, at, envelope);
        }
        answers.push(answer);
      }
      answered.push({ index: entry.index, term: entry.term, answers });
    }
    return { tx, answers: answered, missing: [] };
  }

  #try(tx: Transaction<R, F>, at: LogPosition, envelope: E): Answer | MissingRows {
    try {
      const answer = this.#machine.apply(tx, at, envelope);
      tx.keep(at);
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
