/** Opens the `log/` database, or makes it at a first start. */
import type { ReplicaId } from "../raft/types.ts";
import { damagedError } from "./errors.ts";
import { BASE_KEY, type GroupId, sequenceKey } from "./log-keys.ts";
import { type FoundLog, loadLog } from "./log-load.ts";
import { LogStore } from "./log-store.ts";
import type { LoadedGroup, LogReport, LogStoreOptions } from "./log-store-types.ts";
import type { OrderedKv } from "./ports.ts";
import { encodeBase, encodeSum, RowSum } from "./sequence.ts";
import { MARK_NAME, newMark, readMark, SequenceMark } from "./sequence-mark.ts";

/**
 * Opens the `log/` database and reads all of it.
 * @throws `STORE_MISSING`, `STORE_LOCKED`, `STORE_DAMAGED` when it does not open at all or belongs
 * to another store, `STORE_VERSION_UNKNOWN`, `STORE_IO`, `STORE_DISK_FULL`.
 */
export async function openLogStore(
  options: LogStoreOptions,
): Promise<{ readonly store: LogStore; readonly report: LogReport }> {
  const { disk, storeId, create } = options;
  const kv = create ? await disk.createKv("log") : await disk.openKv("log");
  try {
    // First what the mark will speak of: it never runs ahead.
    if (create) await writeFirstBatch(kv, storeId);
    const file = create
      ? await disk.createMark(MARK_NAME, newMark(FIRST_SEQUENCE))
      : await disk.openMark(MARK_NAME);
    try {
      const mark = await readMark(file);
      const found = await loadLog(kv, { mark, tailBytesMax: options.tailBytesMax });
      if (found.base.storeId !== storeId)
        throw damagedError("the log database", "it belongs to another store");
      const marked = mark.kind === "sequence" ? mark.sequence : 0;
      const sequenceMark = new SequenceMark(file, marked);
      if (found.damagedAll === undefined) sequenceMark.advance(found.lastSequence);
      const store = new LogStore({ kv, mark: sequenceMark, storeId }, found);
      if (found.damagedAll === undefined)
        for (const { group } of destroyedOf(found)) await store.sweep(group);
      return { store, report: reportOf(found) };
    } catch (error) {
      await file.close();
      throw error;
    }
  } catch (error) {
    await kv.close();
    throw error;
  }
}

/** The number of the batch that makes a log. */
const FIRST_SEQUENCE = 1;

/** Does nothing when an interrupted start got so far. */
async function writeFirstBatch(kv: OrderedKv, storeId: string): Promise<void> {
  const [before] = await kv.getMany([BASE_KEY]);
  if (before !== undefined) return;
  const key = sequenceKey(FIRST_SEQUENCE);
  await kv.write(
    [
      { kind: "put", key: BASE_KEY, value: encodeBase(BASE_KEY, { storeId, sequenceBase: 0 }) },
      { kind: "put", key, value: encodeSum(key, new RowSum().sum) },
    ],
    { sync: true },
  );
}

function destroyedOf(found: FoundLog): { readonly group: GroupId; readonly replica: ReplicaId }[] {
  return [...found.groups]
    .filter(([, { state }]) => state.head.life === "destroyed")
    .map(([group, { state }]) => ({ group, replica: state.head.replica }));
}

function reportOf(found: FoundLog): LogReport {
  const groups: LoadedGroup[] = [];
  const damaged = [...found.damaged].map(([group, reason]) => ({ group, reason }));
  for (const [group, { state, configuration, tail }] of found.groups) {
    const { head, terms } = state;
    if (head.life === "destroyed") continue;
    if (found.damagedAll !== undefined) {
      damaged.push({ group, reason: found.damagedAll });
      continue;
    }
    groups.push({
      group,
      replica: head.replica,
      hardState: head.hardState,
      compacted: head.start,
      lastIndex: head.last.index,
      terms: [...terms],
      entries: tail,
      configuration,
    });
  }
  return { groups, destroyed: destroyedOf(found), damaged, damagedAll: found.damagedAll };
}
