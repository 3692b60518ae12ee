/**
 * Reads a `log/` database when it is opened, and believes nothing: LevelDB drops damaged records
 * without a word (R3). Damage is said, never repaired (R4). What is checked, in this order:
 *
 * 1. the sequence numbers since the base have no gap, and the last one is not before MARK;
 * 2. every head and configuration record opens, and their hashes sum up to what the last batch
 *    noted, so none is missing or old;
 * 3. each group's records open, each names the one before it, indexes have no gap, terms do not
 *    fall, and they begin and end where the head says.
 *
 * 1 and 2 cannot be pinned to a group unless a record itself fails; 3 always can.
 */

import type { Entry, TermRun } from "../raft/types.ts";
import { sameHash64 } from "../std/hash64.ts";
import {
  type ConfigurationRecord,
  decodeConfiguration,
  decodeEntries,
  decodeHead,
  type GroupHead,
} from "../wire/log-record.ts";
import type { Decoded } from "../wire/record-bytes.ts";
import { versionError } from "./errors.ts";
import { extendTerms, type GroupLogState, type RecordPosition } from "./group-log.ts";
import {
  BASE_KEY,
  entriesRange,
  type GroupId,
  META_RANGE,
  parseEntriesKey,
  parseMetaKey,
  sequenceKey,
} from "./log-keys.ts";
import type { KvReader, KvRow } from "./ports.ts";
import { type BaseRecord, decodeBase, decodeSum, RowSum } from "./sequence.ts";
import { checkSequences, rowsOf } from "./sequence-load.ts";
import type { MarkReading } from "./sequence-mark.ts";

/** A group's log as it was found whole. */
export interface FoundGroup {
  readonly state: GroupLogState;
  readonly configuration: ConfigurationRecord | undefined;
  /** The newest entries, ending with the last one; as many as the byte bound allows. */
  readonly tail: readonly Entry[];
}

/** What a `log/` database holds. */
export interface FoundLog {
  readonly base: BaseRecord;
  readonly lastSequence: number;
  readonly sum: RowSum;
  readonly groups: ReadonlyMap<GroupId, FoundGroup>;
  /** Groups whose damage could be pinned to them, with the reason. */
  readonly damaged: ReadonlyMap<GroupId, string>;
  /** Why no group of this database can be trusted; undefined when that is not so. */
  readonly damagedAll: string | undefined;
}

interface Meta {
  head: GroupHead | undefined;
  configuration: ConfigurationRecord | undefined;
  reason: string | undefined;
}

/**
 * @param options.tailBytesMax entry bytes that are handed out per group.
 * @throws `STORE_DAMAGED` when not even the base record can be read; `STORE_VERSION_UNKNOWN`; and
 * what reading throws.
 */
export async function loadLog(
  kv: KvReader,
  options: { readonly mark: MarkReading; readonly tailBytesMax: number },
): Promise<FoundLog> {
  const [baseValue] = await kv.getMany([BASE_KEY]);
  const base = decodeBase(BASE_KEY, baseValue);
  const sequences = await checkSequences(kv, base.sequenceBase);
  let damagedAll = sequences.reason ?? compareWithMark(sequences.last, options.mark);
  const sum = new RowSum();
  const metas = new Map<GroupId, Meta>();
  const strange = await readMetas(kv, { sum, metas });
  damagedAll ??= strange;
  const pinned = [...metas.values()].some((meta) => meta.reason !== undefined);
  // With a damaged record the sum cannot come out; that record's group is the one to blame.
  if (damagedAll === undefined && !pinned && sequences.sumValue !== undefined) {
    const noted = decodeSum(sequenceKey(sequences.last), sequences.sumValue);
    if (!sameHash64(noted, sum.sum)) damagedAll = "a group's record is missing or old";
  }
  const groups = new Map<GroupId, FoundGroup>();
  const damaged = new Map<GroupId, string>();
  for (const [group, meta] of metas) {
    const found =
      meta.reason ?? (await loadGroup(kv, { group, meta, tailBytesMax: options.tailBytesMax }));
    if (typeof found === "string") damaged.set(group, found);
    else groups.set(group, found);
  }
  return { base, lastSequence: sequences.last, sum, groups, damaged, damagedAll };
}

function compareWithMark(last: number, mark: MarkReading): string | undefined {
  if (mark.kind === "unreadable") return "the mark cannot be read";
  return last < mark.sequence ? "the log ends before its mark" : undefined;
}

/** @returns why the records as a whole cannot be trusted, if so. */
async function readMetas(
  kv: KvReader,
  into: { readonly sum: RowSum; readonly metas: Map<GroupId, Meta> },
): Promise<string | undefined> {
  for await (const { key, value } of rowsOf(kv, META_RANGE)) {
    into.sum.set(key, value);
    const parsed = parseMetaKey(key);
    if (parsed === undefined) return "a record has a key that none can have";
    const meta = into.metas.get(parsed.group) ?? {
      head: undefined,
      configuration: undefined,
      reason: undefined,
    };
    into.metas.set(parsed.group, meta);
    if (parsed.kind === "head") meta.head = take(meta, key, decodeHead(key, value));
    else meta.configuration = take(meta, key, decodeConfiguration(key, value));
  }
  return undefined;
}

function take<T>(meta: Meta, key: string, decoded: Decoded<T>): T | undefined {
  switch (decoded.kind) {
    case "ok":
      return decoded.value;
    case "damaged":
      meta.reason ??= `${key}: ${decoded.reason}`;
      return undefined;
    case "version-unknown":
      throw versionError(key, decoded.version);
  }
}

/** @returns the group, or why it is damaged. */
async function loadGroup(
  kv: KvReader,
  options: { readonly group: GroupId; readonly meta: Meta; readonly tailBytesMax: number },
): Promise<FoundGroup | string> {
  const { head, configuration } = options.meta;
  if (head === undefined) return "the head is missing";
  const scan = new GroupScan(head, options.tailBytesMax);
  if (head.life === "live") {
    for await (const row of rowsOf(kv, entriesRange(options.group, head.oldest.firstIndex))) {
      const reason = scan.take(row);
      if (reason !== undefined) return `${row.key}: ${reason}`;
    }
    const reason = scan.end();
    if (reason !== undefined) return reason;
  }
  return { state: scan.state, configuration, tail: scan.tail };
}

/** Follows the chain of a group's records. */
class GroupScan {
  readonly #head: GroupHead;
  readonly #tailBytesMax: number;
  readonly #positions: RecordPosition[] = [];
  /** Runs from the first index of the oldest record on, which may lie before the start. */
  readonly #terms: TermRun[] = [];
  #tail: { entries: readonly Entry[]; bytes: number }[] = [];
  #tailBytes = 0;

  constructor(head: GroupHead, tailBytesMax: number) {
    this.#head = head;
    this.#tailBytesMax = tailBytesMax;
  }

  get state(): GroupLogState {
    const { start } = this.#head;
    const terms: TermRun[] = [];
    this.#terms.forEach((run, at) => {
      const next = this.#terms[at + 1]?.firstIndex ?? Number.POSITIVE_INFINITY;
      const firstIndex = Math.max(run.firstIndex, start.index + 1);
      if (next > firstIndex && firstIndex <= this.#head.last.index)
        terms.push({ firstIndex, term: run.term });
    });
    return { head: this.#head, positions: this.#positions, terms };
  }

  get tail(): readonly Entry[] {
    const { start } = this.#head;
    return this.#tail.flatMap((part) => part.entries).filter((entry) => entry.index > start.index);
  }

  /** Takes the next record in key order. @returns why it cannot be, if so. */
  take(row: KvRow): string | undefined {
    const at = parseEntriesKey(row.key);
    if (at === undefined) return "a record has a key that none can have";
    const decoded = decodeEntries(row.key, row.value);
    if (decoded.kind === "version-unknown") throw versionError(row.key, decoded.version);
    if (decoded.kind === "damaged") return decoded.reason;
    const { entries, previousTerm, previousWrite } = decoded.value;
    if (entries[0]?.index !== at.firstIndex) return "a record lies at another index than its own";
    const reason = this.#follows({ ...at, previousTerm, previousWrite });
    if (reason !== undefined) return reason;
    this.#cutFrom(at.firstIndex);
    const lastIndex = at.firstIndex + entries.length - 1;
    const { length: bytes } = row.value;
    this.#positions.push({ firstIndex: at.firstIndex, lastIndex, write: at.write, bytes });
    extendTerms(this.#terms, { start: { index: at.firstIndex - 1 }, entries });
    this.#keep(entries, row.value.length);
    return undefined;
  }

  /** @returns why the log as a whole cannot be what the head says, if so. */
  end(): string | undefined {
    const { head } = this;
    const newest = this.#positions.at(-1);
    if (newest === undefined)
      return head.last.index === head.start.index && head.last.term === head.start.term
        ? undefined
        : "all entries are missing";
    if (newest.write !== head.lastWrite || newest.lastIndex !== head.last.index)
      return "the log ends elsewhere than its head says";
    if (this.#terms.at(-1)?.term !== head.last.term) return "the last entry has another term";
    return undefined;
  }

  get head(): GroupHead {
    return this.#head;
  }

  #follows(record: {
    readonly firstIndex: number;
    readonly write: number;
    readonly previousTerm: number;
    readonly previousWrite: number;
  }): string | undefined {
    const { start, oldest } = this.#head;
    const before = this.#positions.at(-1);
    if (before === undefined) {
      if (record.firstIndex !== oldest.firstIndex || record.write !== oldest.write)
        return "the oldest record is missing";
      if (record.firstIndex > start.index + 1) return "the log begins after its start";
      const atStart = record.firstIndex === start.index + 1;
      return atStart && record.previousTerm !== start.term
        ? "the start has another term"
        : undefined;
    }
    if (record.write <= before.write) return "an old record is back";
    if (record.previousWrite !== before.write) return "a record before this one is missing";
    if (record.firstIndex > before.lastIndex + 1) return "entries are missing";
    if (record.firstIndex <= before.firstIndex) return "a record that was replaced is back";
    return this.#termAt(record.firstIndex - 1) === record.previousTerm
      ? undefined
      : "the entry before has another term";
  }

  #termAt(index: number): number | undefined {
    for (let at = this.#terms.length - 1; at >= 0; at--) {
      const run = this.#terms[at];
      if (run !== undefined && run.firstIndex <= index) return run.term;
    }
    return undefined;
  }

  /** What the next record takes over: only the record before can reach so far (G1). */
  #cutFrom(index: number): void {
    const before = this.#positions.at(-1);
    if (before === undefined || before.lastIndex < index) return;
    before.lastIndex = index - 1;
    while ((this.#terms.at(-1)?.firstIndex ?? 0) >= index) this.#terms.pop();
    const newest = this.#tail.at(-1);
    if (newest !== undefined)
      newest.entries = newest.entries.filter((entry) => entry.index < index);
  }

  #keep(entries: readonly Entry[], bytes: number): void {
    this.#tail.push({ entries, bytes });
    this.#tailBytes += bytes;
    while (this.#tail.length > 1 && this.#tailBytes > this.#tailBytesMax) {
      this.#tailBytes -= this.#tail[0]?.bytes ?? 0;
      this.#tail.shift();
    }
  }
}
