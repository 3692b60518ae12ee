/** Reads what a new leader has to know of its workflow's rows: ready work, attempts, delays. */
import type { DispatcherStart, QueueWindow } from "../scheduler/dispatcher.ts";
import {
  capabilityOfQueueKey,
  dueMsOfDelayedKey,
  prefixes,
  tokenOfAttemptKey,
} from "../scheduler/keys.ts";
import { READY_ROWS_MAX } from "../scheduler/ready-list.ts";
import type { AttemptRow, QueueRow, Row } from "../scheduler/rows.ts";
import type { Token } from "../scheduler/unit.ts";
import { prefixEnd } from "../std/ordered-text.ts";
import type { StatePort } from "./ports.ts";

/** Rows of one page. */
const PAGE_ROWS = 1000;

/** Attempts in flight are bounded by the credit of all executors; this only bounds a mistake. */
const ATTEMPTS_MAX = 200_000;

/** Delayed units that are watched at once; the others follow when these are due. */
const DELAYED_MAX = 10_000;

export async function readStart(state: StatePort<Row>): Promise<DispatcherStart> {
  const queues = await readQueues(state);
  const attempts = await readAll(state, prefixes.attempts, ATTEMPTS_MAX);
  const delayed = await readAll(state, prefixes.delayed, DELAYED_MAX);
  return {
    queues,
    attempts: attempts.rows.flatMap(([key, row]): (readonly [Token, AttemptRow])[] =>
      row.kind === "attempt" ? [[tokenOfAttemptKey(key), row]] : [],
    ),
    delayed: delayed.rows.map(([key]) => ({ key, dueMs: dueMsOfDelayedKey(key) })),
    delayedComplete: delayed.complete,
  };
}

/** A window for each capability that has ready work, jumping from one to the next. */
async function readQueues(state: StatePort<Row>): Promise<readonly QueueWindow[]> {
  const queues: QueueWindow[] = [];
  const lt = prefixEnd(prefixes.queue);
  for (let gte: string = prefixes.queue; ; ) {
    const first = (await state.scan({ gte, lt, limit: 1 })).rows[0];
    if (first === undefined) return queues;
    const capability = capabilityOfQueueKey(first[0]);
    const prefix = prefixes.queueOf(capability);
    const { rows, complete } = await readAll(state, prefix, READY_ROWS_MAX);
    queues.push({ capability, rows: rows.flatMap(queueRow), complete });
    gte = prefixEnd(prefix);
  }
}

function queueRow([key, row]: readonly [string, Row]): (readonly [string, QueueRow])[] {
  return row.kind === "queue-range" || row.kind === "queue-unit" ? [[key, row]] : [];
}

async function readAll(
  state: StatePort<Row>,
  prefix: string,
  max: number,
): Promise<{ readonly rows: readonly (readonly [string, Row])[]; readonly complete: boolean }> {
  const rows: (readonly [string, Row])[] = [];
  const lt = prefixEnd(prefix);
  for (let gte = prefix; ; ) {
    const limit = Math.min(PAGE_ROWS, max - rows.length);
    if (limit <= 0) return { rows, complete: false };
    const page = await state.scan({ gte, lt, limit });
    rows.push(...page.rows);
    const last = page.rows.at(-1);
    if (!page.more || last === undefined) return { rows, complete: true };
    gte = `${last[0]}\0`;
  }
}
