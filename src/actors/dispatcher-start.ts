/** Reads what a new leader has to know of its workflow's rows: ready work, attempts, delays. */
import type { DispatcherStart } from "../scheduler/dispatcher.ts";
import { dueMsOfDelayedKey, prefixes, tokenOfAttemptKey } from "../scheduler/keys.ts";
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
  const queue = await readAll(state, prefixes.queue, READY_ROWS_MAX);
  const attempts = await readAll(state, prefixes.attempts, ATTEMPTS_MAX);
  const delayed = await readAll(state, prefixes.delayed, DELAYED_MAX);
  return {
    queue: queue.rows.flatMap(([key, row]): (readonly [string, QueueRow])[] =>
      row.kind === "queue-range" || row.kind === "queue-unit" ? [[key, row]] : [],
    ),
    queueComplete: queue.complete,
    attempts: attempts.rows.flatMap(([key, row]): (readonly [Token, AttemptRow])[] =>
      row.kind === "attempt" ? [[tokenOfAttemptKey(key), row]] : [],
    ),
    delayed: delayed.rows.map(([key]) => ({ key, dueMs: dueMsOfDelayedKey(key) })),
  };
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
