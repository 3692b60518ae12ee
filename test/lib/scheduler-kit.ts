/**
 * A workflow's state machine by itself: rows in a map, entries applied one after the other. Each entry
 * is applied twice, once with all rows in memory and once with rows that are missing at random; both
 * must write the same rows and say the same.
 */
import { expect } from "vitest";
import { applyEnvelope } from "../../src/scheduler/apply.ts";
import { allOpen, openPlaces, tokenAt, unitAt } from "../../src/scheduler/attempt-block.ts";
import type { Command, Envelope } from "../../src/scheduler/commands.ts";
import type { Dataset } from "../../src/scheduler/dataset.ts";
import type { Effect } from "../../src/scheduler/effects.ts";
import { keys, prefixes, tokenOfAttemptKey } from "../../src/scheduler/keys.ts";
import type { Answer, AttemptRow, QueueRow, RequestRow, Row } from "../../src/scheduler/rows.ts";
import { MissingRows, Transaction, UNKNOWN } from "../../src/scheduler/transaction.ts";
import type { Token } from "../../src/scheduler/unit.ts";
import type { AttemptRun, Outcome, Work } from "../../src/scheduler/work.ts";
import { workOf } from "../../src/scheduler/work-of.ts";
import { assert } from "../../src/std/assert.ts";
import { type Random, seededRandom } from "../../src/std/random.ts";
import { type StepSketch, sketchDefinition } from "./scheduler-values.ts";

/** An attempt with what its executor was told. */
export interface Granted {
  readonly token: Token;
  readonly attempt: AttemptRow;
  readonly work: Work | undefined;
}

export class SchedulerKit {
  readonly rows = new Map<string, Row>();
  /** All that was said so far. */
  readonly effects: Effect[] = [];
  stampMs = 1_000_000;
  #index = 0;
  readonly #random: Random;

  constructor(seed = 1) {
    this.#random = seededRandom(seed);
  }

  /** A workflow with these steps; its job `job` begins with the first one. */
  static withSteps(steps: readonly StepSketch[], seed = 1): SchedulerKit {
    const kit = new SchedulerKit(seed);
    kit.run({ kind: "create", group: 7, name: "flow", description: "", weight: 1 });
    const { sources, define } = sketchDefinition(steps);
    for (const source of sources) kit.run(source);
    expect(kit.run({ ...define, revision: 0 }).kind).toBe("revision");
    return kit;
  }

  /** Of the newest entry. */
  get index(): number {
    return this.#index;
  }

  /** Applies one entry. */
  apply(envelopes: readonly Envelope[]): readonly Answer[] {
    this.#index += 1;
    const plain = this.#applyTo((key) => this.rows.get(key), envelopes);
    const known = new Set<string>();
    const flaky = this.#applyTo((key) => {
      if (!known.has(key) && this.#random.next() < 0.3) {
        known.add(key);
        return UNKNOWN;
      }
      return this.rows.get(key);
    }, envelopes);
    expect(flaky).toEqual(plain);
    for (const [key, row] of plain.writes) {
      if (row === undefined) this.rows.delete(key);
      else this.rows.set(key, row);
    }
    this.effects.push(...plain.effects);
    return plain.answers;
  }

  #applyTo(
    peek: (key: string) => Row | undefined | typeof UNKNOWN,
    envelopes: readonly Envelope[],
  ) {
    const tx = new Transaction<Row, Effect>({ peek });
    const answers = envelopes.map((envelope, ordinal) => {
      const at = { index: this.#index, ordinal, stampMs: this.stampMs };
      for (;;) {
        try {
          const answer = applyEnvelope(tx, at, envelope);
          tx.keep();
          return answer;
        } catch (error) {
          tx.drop();
          if (!(error instanceof MissingRows)) throw error;
        }
      }
    });
    for (const key of tx.fresh())
      assert(!this.rows.has(key), `what is inserted was not there: ${key}`);
    return { answers, writes: [...tx.writes()], effects: tx.effects() };
  }

  /** Applies one command of nobody in particular. */
  run(command: Command): Answer {
    const answer = this.apply([{ id: { kind: "none" }, command }])[0];
    assert(answer !== undefined, "each command is answered");
    return answer;
  }

  /** What the entry that `act` applies says. */
  said(act: () => void): readonly Effect[] {
    const before = this.effects.length;
    act();
    return this.effects.slice(before);
  }

  submit(args: Dataset = [], keep?: string): number {
    const answer = this.run({ kind: "submit", job: "job", arguments: args, keep });
    assert(answer.kind === "request", "a job is submitted");
    return answer.request;
  }

  request(request: number): RequestRow {
    const row = this.rows.get(keys.request(request));
    assert(row?.kind === "request", "the request exists");
    return row;
  }

  /** Rows under a prefix in key order. */
  scan(prefix: string): readonly (readonly [string, Row])[] {
    return [...this.rows]
      .filter(([key]) => key.startsWith(prefix))
      .sort(([a], [b]) => (a < b ? -1 : 1));
  }

  queue(): readonly (readonly [string, QueueRow])[] {
    return this.scan(prefixes.queue).flatMap(([key, row]): (readonly [string, QueueRow])[] =>
      row.kind === "queue-range" || row.kind === "queue-unit" ? [[key, row]] : [],
    );
  }

  /** Each attempt by itself, whatever block it was granted in. */
  attempts(): readonly Granted[] {
    return this.scan(prefixes.attempts).flatMap(([key, row]) => {
      if (row.kind !== "attempt") return [];
      const view = { peek: (wanted: string) => this.rows.get(wanted) };
      const block = tokenOfAttemptKey(key);
      return openPlaces(row.open).map((at) => {
        const attempt = { ...row, unit: unitAt(row, at), open: allOpen(1) };
        return { token: tokenAt(block, at), attempt, work: workOf(view, attempt) };
      });
    });
  }

  /** Grants the head of the first queue row, or of the one under `queueKey`. */
  grant(queueKey = this.queue()[0]?.[0], node = "node-a"): Granted {
    const row = this.queue().find(([key]) => key === queueKey)?.[1];
    assert(queueKey !== undefined && row !== undefined, "there is ready work");
    const child = row.kind === "queue-range" ? row.next : 0;
    this.run({ kind: "grant", queueKey, child, count: 1, node, executor: `run of ${node}` });
    const token = { index: this.#index, ordinal: 0 };
    const granted = this.attempts().find((one) => one.token.index === token.index);
    assert(granted !== undefined, "the grant is an attempt now");
    return granted;
  }

  end(token: Token, outcome: Outcome, run?: AttemptRun): void {
    this.run({ kind: "ends", ends: [{ token, outcome, run }] });
  }

  /** Grants the next unit and ends it at once. */
  next(outcome: Outcome | ((granted: Granted) => Outcome)): Granted {
    const granted = this.grant();
    this.end(granted.token, typeof outcome === "function" ? outcome(granted) : outcome);
    return granted;
  }

  /** The rest of the work of one request, done by `perform`. */
  finish(perform: (granted: Granted) => Outcome): void {
    for (let units = 0; this.queue().length > 0; units++) {
      assert(units < 10_000, "work ends");
      this.next(perform);
    }
  }
}
