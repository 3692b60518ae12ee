/**
 * Reads what a `state/` database says of its groups when it is opened. It may have lost its newest
 * batches, which the log gives back; it must not have lost one between others, nor anything of
 * before its newest checkpoint. Rows are not read: each is checked whenever it is. Also begins one.
 */
import { sameHash64 } from "../std/hash64.ts";
import {
  type AppliedRecord,
  decodeApplied,
  decodeCheckpoint,
  decodeInstall,
  type InstallRecord,
} from "../wire/state-record.ts";
import { versionError } from "./errors.ts";
import { BASE_KEY, type GroupId, isGroupId, sequenceKey } from "./log-keys.ts";
import type { KvReader, OrderedKv } from "./ports.ts";
import {
  type BaseRecord,
  decodeBase,
  decodeSum,
  encodeBase,
  encodeSum,
  RowSum,
} from "./sequence.ts";
import { checkSequences, rowsOf } from "./sequence-load.ts";
import {
  APPLIED_RANGE,
  CHECKPOINT_KEY,
  groupOfAppliedKey,
  groupOfInstallKey,
  INSTALL_RANGE,
} from "./state-keys.ts";

/** What a `state/` database holds. */
export interface FoundState {
  readonly base: BaseRecord;
  readonly lastSequence: number;
  readonly sum: RowSum;
  readonly groups: ReadonlyMap<GroupId, AppliedRecord>;
  readonly damaged: ReadonlyMap<GroupId, string>;
  readonly damagedAll: string | undefined;
  /** What the newest checkpoint says. */
  readonly checkpoint: ReadonlyMap<GroupId, number>;
  /** Snapshots that were being taken in. */
  readonly installs: ReadonlyMap<GroupId, InstallRecord>;
}

/** @throws `STORE_DAMAGED` when not even the base record can be read; `STORE_VERSION_UNKNOWN`. */
export async function loadState(kv: KvReader): Promise<FoundState> {
  const [baseValue, checkpointValue] = await kv.getMany([BASE_KEY, CHECKPOINT_KEY]);
  const base = decodeBase(BASE_KEY, baseValue);
  const sequences = await checkSequences(kv, base.sequenceBase);
  let damagedAll = sequences.reason;
  const sum = new RowSum();
  const groups = new Map<GroupId, AppliedRecord>();
  const damaged = new Map<GroupId, string>();
  for await (const { key, value } of rowsOf(kv, APPLIED_RANGE)) {
    sum.set(key, value);
    const group = groupOfAppliedKey(key);
    if (!isGroupId(group)) damagedAll ??= "a record has a key that none can have";
    const applied = decodeApplied(key, value);
    if (applied.kind === "version-unknown") throw versionError(key, applied.version);
    if (applied.kind === "damaged") damaged.set(group, `${key}: ${applied.reason}`);
    else groups.set(group, applied.value);
  }
  if (damagedAll === undefined && damaged.size === 0 && sequences.sumValue !== undefined) {
    const noted = decodeSum(sequenceKey(sequences.last), sequences.sumValue);
    if (!sameHash64(noted, sum.sum)) damagedAll = "a group's record is missing or old";
  }
  const checkpoint =
    checkpointValue === undefined ? undefined : decodeCheckpoint(CHECKPOINT_KEY, checkpointValue);
  if (checkpoint?.kind === "version-unknown")
    throw versionError(CHECKPOINT_KEY, checkpoint.version);
  if (checkpoint?.kind === "damaged") damagedAll ??= `the checkpoint: ${checkpoint.reason}`;
  if (checkpoint?.kind === "ok")
    for (const [group, index] of checkpoint.value) {
      const applied = groups.get(group);
      if (applied === undefined || applied.index >= index) continue;
      groups.delete(group);
      damaged.set(group, "less is applied than the newest checkpoint says");
    }
  const installs = await readInstalls(kv);
  return {
    base,
    lastSequence: sequences.last,
    sum,
    groups,
    damaged,
    damagedAll,
    checkpoint: checkpoint?.kind === "ok" ? checkpoint.value : new Map(),
    installs,
  };
}

/** One that does not open is as good as none: the snapshot is fetched from its beginning. */
async function readInstalls(kv: KvReader): Promise<ReadonlyMap<GroupId, InstallRecord>> {
  const installs = new Map<GroupId, InstallRecord>();
  for await (const { key, value } of rowsOf(kv, INSTALL_RANGE)) {
    const record = decodeInstall(key, value);
    if (record.kind === "version-unknown") throw versionError(key, record.version);
    if (record.kind === "ok") installs.set(groupOfInstallKey(key), record.value);
  }
  return installs;
}

/** Makes the database one of this store. Does nothing when an interrupted start got so far. */
export async function writeFirstStateBatch(kv: OrderedKv, storeId: string): Promise<void> {
  const [before] = await kv.getMany([BASE_KEY]);
  if (before !== undefined) return;
  const key = sequenceKey(1);
  const base = encodeBase(BASE_KEY, { storeId, sequenceBase: 0 });
  await kv.write(
    [
      { kind: "put", key: BASE_KEY, value: base },
      { kind: "put", key, value: encodeSum(key, new RowSum().sum) },
    ],
    { sync: true },
  );
}
