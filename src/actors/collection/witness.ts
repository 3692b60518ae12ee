/**
 * R25: who may have been told that a block is here before it was condemned, and has not said so to anybody yet:
 * uploads under way, by their pins, and attempts. What was begun later has stored or found the block anew, which
 * took it off the list. So it is enough to wait until all these have ended; what they have committed by then shows.
 */
import { keys, prefixes, tokenOfAttemptKey } from "../../scheduler/keys.ts";
import { treeKeys, treePrefixes } from "../../scheduler/tree/keys.ts";
import { PINS_MAX } from "../../scheduler/tree/rows.ts";
import { prefixEnd } from "../../std/ordered-text.ts";
import type { AnswerOf, RowsWanted } from "../answers.ts";

/** Pins of one question. */
const PAGE_PINS = 1_000;

/** A linearizable read at the group's leader. @throws {JobxError} when nobody answers. */
export type ReadGroup = (group: number, what: RowsWanted) => Promise<AnswerOf<"rows">>;

/** What was under way in one group at one moment. */
export interface Witness {
  /** Uploads that had a pin, without those that were seen to have ended. */
  readonly pins: ReadonlySet<string>;
  /** Attempts that were live were granted at this place of the log or before. */
  readonly index: number;
}

/** @throws what `read` throws. */
export async function witnessOf(group: number, read: ReadGroup): Promise<Witness> {
  const pins = new Set<string>();
  let index = 0;
  const lt = prefixEnd(treePrefixes.pins);
  for (let gte: string = treePrefixes.pins; pins.size <= PINS_MAX; ) {
    const page = await read(group, { keys: [], scan: { gte, lt, limit: PAGE_PINS } });
    // Of the last page: what was granted before that counts too.
    index = page.appliedIndex;
    for (const { key } of page.scanned) pins.add(key.slice(treePrefixes.pins.length));
    const last = page.scanned.at(-1);
    if (!page.more || last === undefined) break;
    gte = `${last.key}\0`;
  }
  return { pins, index };
}

/** Those uploads of a witness that still have a pin. @throws what `read` throws. */
export async function pinsLeft(
  group: number,
  pins: ReadonlySet<string>,
  read: ReadGroup,
): Promise<ReadonlySet<string>> {
  const asked = [...pins];
  const left = new Set<string>();
  for (let at = 0; at < asked.length; at += PAGE_PINS) {
    const part = asked.slice(at, at + PAGE_PINS);
    const { values } = await read(group, { keys: part.map(treeKeys.pin) });
    part.forEach((upload, place) => {
      if (values[place] !== undefined) left.add(upload);
    });
  }
  return left;
}

/**
 * Where in the log the oldest live attempt was granted; infinity where there is none. `from`: as it was at an
 * earlier question, so that what has ended since is not gone through again (R11).
 */
export async function oldestAttempt(group: number, from: number, read: ReadGroup): Promise<number> {
  const gte = keys.attempt({ index: from, ordinal: 0 });
  const scan = { gte, lt: prefixEnd(prefixes.attempts), limit: 1 };
  const [first] = (await read(group, { keys: [], scan })).scanned;
  return first === undefined ? Number.POSITIVE_INFINITY : tokenOfAttemptKey(first.key).index;
}
