/**
 * What a scheduler of named units would do, at the replica that leads: adds them, and then grants them in
 * the order of service and ends them, until none is left that is ready. Some run into their deadline first.
 */
import type { Replica } from "../../src/actors/replica.ts";
import type { CommandId, Envelope } from "../../src/scheduler/commands.ts";
import type { Effect } from "../../src/scheduler/effects.ts";
import {
  NAMED_GRANT_MAX,
  NAMED_UNITS_MAX,
  type NamedCommand,
  type NamedHeld,
} from "../../src/scheduler/named/commands.ts";
import {
  namedKeys,
  namedPrefixes,
  placeOfDueKey,
  placeOfReadyKey,
} from "../../src/scheduler/named/keys.ts";
import type { NamedRef } from "../../src/scheduler/named/rows.ts";
import { NAMED_WINDOW_MAX, NamedWindow } from "../../src/scheduler/named/window.ts";
import type { Row } from "../../src/scheduler/rows.ts";
import { assert } from "../../src/std/assert.ts";
import { seededRandom } from "../../src/std/random.ts";
import { type Memory, memoryNow, mostOf } from "./memory.ts";

const SPEC = "bench";
const PRIORITIES = 10;
const DATA_BYTES = 100;
/** One grant of so many runs into its deadline. */
const EXPIRING_ONE_IN = 20;
/** Commands under way. */
const CALLERS = 8;
/** A deadline that has come when it is looked at next, and one that never comes. */
const SOON_MS = 1;
const NEVER_MS = 3_600_000;
const SAMPLE_MS = 200;
/** One unit of so many is not ready before its time, which is so long after its adding. */
const DELAYED_ONE_IN = 2;
const DELAY_MS = 1_000;
/** By which the stamps of entries may be behind this process's clock. */
const STAMP_LAG_MS = 500;

export interface NamedResult {
  readonly units: number;
  readonly expired: number;
  readonly elapsedMs: number;
  /** The process's memory in each quarter of the work, in order: of each part the most that was seen. */
  readonly memory: readonly Memory[];
}

type Leader = Replica<Row, Envelope, Effect>;

export class NamedLoop {
  readonly #replica: Leader;
  readonly #nextId: () => CommandId;

  constructor(replica: Leader, nextId: () => CommandId) {
    this.#replica = replica;
    this.#nextId = nextId;
  }

  /** Adds `units` with as many keys, in all priorities in turn; a part of them waits for its time. */
  add(units: number): Promise<NamedResult> {
    let next = 0;
    return this.#measured(units, async (done) => {
      if (next >= units) return false;
      const first = next;
      const count = Math.min(NAMED_UNITS_MAX, units - first);
      next += count;
      const added = Array.from({ length: count }, (_, at) => ({
        key: keyOf(first + at),
        priority: (first + at) % PRIORITIES,
        notBeforeMs: (first + at) % DELAYED_ONE_IN === 0 ? Date.now() + DELAY_MS : 0,
        data: dataOf(first + at),
      }));
      await this.#propose({ kind: "named-add", spec: SPEC, units: added }, count);
      done(count);
      return true;
    });
  }

  /** Makes ready what waits for its time, of so many units that were added. */
  ripen(units: number): Promise<NamedResult> {
    let from: string = namedPrefixes.due;
    let reading: Promise<unknown> = Promise.resolve();
    const page = async (): Promise<readonly string[]> => {
      const range = { gte: from, lt: endOfPrefix(namedPrefixes.due), limit: NAMED_UNITS_MAX };
      const keys = (await this.#replica.state.scan(range)).rows.map(([key]) => key);
      from = `${keys.at(-1) ?? from}\0`;
      return keys;
    };
    return this.#measured(Math.ceil(units / DELAYED_ONE_IN), async (done) => {
      const next = reading.then(page);
      reading = next;
      const keys = await next;
      const last = keys.at(-1);
      if (last === undefined) return false;
      const leftMs = placeOfDueKey(last).dueMs + STAMP_LAG_MS - Date.now();
      if (leftMs > 0) await new Promise((resolve) => setTimeout(resolve, leftMs));
      await this.#propose({ kind: "named-due", keys }, keys.length);
      done(keys.length);
      return true;
    });
  }

  /** Grants and ends all that is ready, highest priorities first. */
  async drain(units: number): Promise<NamedResult> {
    const window = new NamedWindow();
    const reads = new Reads(this.#replica, window);
    let turn = 0;
    let expired = 0;
    const result = await this.#measured(units, async (done) => {
      const refs = await reads.take(NAMED_GRANT_MAX);
      if (refs.length === 0) return false;
      turn += 1;
      const expires = turn % EXPIRING_ONE_IN === 0;
      const held = await this.#grant(refs, expires ? SOON_MS : NEVER_MS);
      for (const { readyKey } of held) window.remove(readyKey);
      if (expires) {
        await new Promise((resolve) => setTimeout(resolve, 2 * SOON_MS));
        await this.#propose(
          { kind: "named-due", keys: held.map(({ dueKey }) => dueKey) },
          held.length,
        );
        expired += held.length;
        // Nobody may end any more what has gone back, and it is granted again.
        await this.#propose(endOf(held), 0);
        const again = await this.#grant(refs, NEVER_MS);
        await this.#propose(endOf(again), again.length);
      } else await this.#propose(endOf(held), held.length);
      done(refs.length);
      return true;
    });
    return { ...result, expired };
  }

  async #grant(refs: readonly NamedRef[], forMs: number): Promise<readonly Held[]> {
    const deadlineMs = Date.now() + forMs;
    const holder = { kind: "worker", worker: "bench", deadlineMs } as const;
    await this.#propose({ kind: "named-grant", units: refs, holder }, refs.length);
    const rows = await this.#replica.state.read(refs.map((ref) => namedKeys.unit(ref)));
    return refs.map((ref, at) => {
      const row = rows[at];
      assert(row?.kind === "named-unit" && row.stand.kind === "held", "what was granted is held");
      const { token } = row.stand;
      const dueKey = namedKeys.due(ref, deadlineMs);
      return { ...ref, token, dueKey, readyKey: namedKeys.ready(ref, row.priority) };
    });
  }

  async #propose(command: NamedCommand, count: number): Promise<void> {
    const { answer } = await this.#replica.propose({ id: this.#nextId(), command });
    assert(
      answer.kind === "changed" && answer.count === count,
      `${command.kind} changes its units`,
    );
  }

  /** Runs `step` in several loops until it says that there is no more. */
  async #measured(
    units: number,
    step: (done: (count: number) => void) => Promise<boolean>,
  ): Promise<NamedResult> {
    const memory: (Memory | undefined)[] = [];
    let doneCount = 0;
    const sample = (): void => {
      const quarter = Math.min(3, Math.floor((4 * doneCount) / units));
      memory[quarter] = mostOf(memory[quarter], memoryNow());
    };
    const timer = setInterval(sample, SAMPLE_MS);
    const startMs = performance.now();
    const loop = async (): Promise<void> => {
      while (await step((count) => (doneCount += count)));
    };
    try {
      await Promise.all(Array.from({ length: CALLERS }, loop));
    } finally {
      clearInterval(timer);
    }
    sample();
    assert(doneCount === units, `${doneCount} of ${units} units were taken`);
    return {
      units,
      expired: 0,
      elapsedMs: performance.now() - startMs,
      memory: memory.filter((seen) => seen !== undefined),
    };
  }
}

interface Held extends NamedHeld {
  readonly dueKey: string;
  readonly readyKey: string;
}

function endOf(held: readonly Held[]): NamedCommand {
  const ends = held.map(({ dueKey: _, readyKey: __, ...one }) => ({
    ...one,
    how: "finished" as const,
    data: undefined,
  }));
  return { kind: "named-end", ends };
}

/** Keeps the window filled, from where the last look ended: what lies before that are tombstones. */
class Reads {
  readonly #replica: Leader;
  readonly #window: NamedWindow;
  #from = namedPrefixes.readyOf(SPEC);
  #reading: Promise<void> | undefined;
  #lastPriority = Number.POSITIVE_INFINITY;

  constructor(replica: Leader, window: NamedWindow) {
    this.#replica = replica;
    this.#window = window;
  }

  async take(count: number): Promise<readonly NamedRef[]> {
    while (this.#window.needsKeys) {
      this.#reading ??= this.#read().finally(() => {
        this.#reading = undefined;
      });
      await this.#reading;
    }
    return this.#window.take(count);
  }

  async #read(): Promise<void> {
    const lt = endOfPrefix(namedPrefixes.readyOf(SPEC));
    const range = { gte: this.#from, lt, limit: NAMED_WINDOW_MAX };
    const { rows, more } = await this.#replica.state.scan(range);
    const keys = rows.map(([key]) => key);
    for (const key of keys) {
      const { priority } = placeOfReadyKey(key);
      assert(priority <= this.#lastPriority, "the highest priorities come first");
      this.#lastPriority = priority;
    }
    const last = keys.at(-1);
    if (last !== undefined) this.#from = `${last}\0`;
    this.#window.fill(keys, !more);
  }
}

/** The first key after all that begin with a prefix; its last sign is a slash. */
function endOfPrefix(prefix: string): string {
  return `${prefix.slice(0, -1)}0`;
}

function keyOf(number: number): Uint8Array {
  const key = new Uint8Array(16);
  // Spread, so that neighbours were not added together.
  new DataView(key.buffer).setUint32(0, Math.imul(number, 2_654_435_761) >>> 0);
  new DataView(key.buffer).setUint32(12, number);
  return key;
}

/** As hard to compress as real data may be: rows on disk are as large as they look. */
function dataOf(number: number): Uint8Array {
  const random = seededRandom(number);
  return Uint8Array.from({ length: DATA_BYTES }, () => 256 * random.next());
}
