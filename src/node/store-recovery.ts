/** Brings the two databases of a node together after a start, and says which replicas there are. */
import type { Membership, StoredReplica } from "../actors/ports.ts";
import { errorText, JobxError } from "../std/errors.ts";
import type { Log } from "../std/log.ts";
import type { PlantedBugs } from "../std/planted-bugs.ts";
import type { LogStore } from "../store/log-store.ts";
import type { LoadedGroup, LogReport } from "../store/log-store-types.ts";
import { type GroupRecovery, planRecovery } from "../store/recovery.ts";
import type { StateStore } from "../store/state-store.ts";
import type { StateReport } from "../store/state-store-types.ts";
import { membershipFormat } from "../wire/membership.ts";
import type { AppliedRecord } from "../wire/state-record.ts";

/** Nobody: the membership of a replica that takes no part. */
const NOBODY: Membership = {
  configuration: {
    voters: [],
    votersOutgoing: [],
    learners: [],
    learnersNext: [],
    autoLeave: false,
  },
  places: [],
  nextReplica: 1,
};

export interface OpenedStores {
  readonly logs: { readonly store: LogStore; readonly report: LogReport };
  readonly states: { readonly store: StateStore; readonly report: StateReport };
}

/**
 * Does what each group needs before it takes part: begins a state that a crash lost as a whole, finishes
 * an install that was interrupted, drops what a tombstone stands for. All of it is harmless to repeat.
 * @throws {JobxError} `STORE_*`.
 */
export async function recoverReplicas(
  { logs, states }: OpenedStores,
  { log, bugs }: { readonly log: Log; readonly bugs: PlantedBugs },
): Promise<readonly StoredReplica[]> {
  const found: StoredReplica[] = [];
  for (const [name, recovery] of planRecovery(logs.report, states.report)) {
    const replica = await recover({ name, recovery }, { logs, states });
    if (replica?.damage !== undefined)
      log.error("a replica is damaged and takes no part", {
        group: replica.group,
        reason: replica.damage,
      });
    if (replica !== undefined) found.push(bugs.dropLastEntry === true ? shorter(replica) : replica);
  }
  return found;
}

async function recover(
  { name, recovery }: { readonly name: string; readonly recovery: GroupRecovery },
  { logs, states }: OpenedStores,
): Promise<StoredReplica | undefined> {
  switch (recovery.kind) {
    case "ready":
      return storedReplica(recovery.log);
    case "begin-state": {
      const { index, term } = recovery.log.compacted;
      const note =
        index === 0 ? new Uint8Array() : (recovery.log.configuration?.note ?? new Uint8Array());
      await states.store.createGroup(name, { index, term, note });
      return storedReplica(recovery.log);
    }
    case "restart-log":
      return storedReplica(await restartLog(logs.store, recovery.log, recovery.applied));
    case "drop-state":
      await states.store.dropGroup(name);
      return undefined;
    case "damaged":
      return damagedReplica(name, logs.store.replicaFloor(name), recovery.reason);
  }
}

/** R5: the second of the two synced batches of an install. */
async function restartLog(
  store: LogStore,
  loaded: LoadedGroup,
  applied: AppliedRecord,
): Promise<LoadedGroup> {
  const { index, term, note } = applied;
  const { configuration } = membershipFormat.decode(note);
  const before = loaded.hardState;
  const hardState =
    term > before.term
      ? { term, vote: undefined, commit: index }
      : { ...before, commit: Math.max(before.commit, index) };
  const restart = { index, term, configuration, note };
  const { group, replica } = loaded;
  await store.append([{ group, replica, restart, hardState, entries: [] }]);
  return {
    group,
    replica,
    hardState: { ...hardState, commit: index },
    compacted: { index, term },
    lastIndex: index,
    terms: [],
    entries: [],
    configuration: { index, configuration, note },
  };
}

function storedReplica(loaded: LoadedGroup): StoredReplica {
  const { group, replica, hardState, compacted, lastIndex, terms, entries } = loaded;
  const bootstrap = bootstrapOf(loaded);
  if (typeof bootstrap === "string") return damagedReplica(group, replica, bootstrap);
  return {
    group: Number(group),
    replica,
    bootstrap,
    hardState,
    compacted,
    lastIndex,
    terms,
    tail: entries,
    damage: undefined,
  };
}

/** Without its newest entry; for tests that want to see it missed. */
function shorter(stored: StoredReplica): StoredReplica {
  const lastIndex = stored.lastIndex - 1;
  if (stored.tail.length < 2) return stored;
  const terms = stored.terms.filter(({ firstIndex }) => firstIndex <= lastIndex);
  return { ...stored, lastIndex, terms, tail: stored.tail.slice(0, -1) };
}

/** A replica that neither votes nor leads (R4). */
function damagedReplica(name: string, replica: number, damage: string): StoredReplica {
  return {
    group: Number(name),
    replica: Math.max(1, replica),
    bootstrap: NOBODY,
    hardState: { term: 0, vote: undefined, commit: 0 },
    compacted: { index: 0, term: 0 },
    lastIndex: 0,
    terms: [],
    tail: [],
    damage,
  };
}

/** The membership that the replica was made or restarted with, or why it cannot be known. */
function bootstrapOf(loaded: LoadedGroup): Membership | string {
  if (loaded.configuration === undefined) return "the replica's first membership is missing";
  try {
    return membershipFormat.decode(loaded.configuration.note);
  } catch (error) {
    if (error instanceof JobxError) return errorText(error);
    throw error;
  }
}
