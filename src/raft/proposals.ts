/** What a leader takes into its log, and why it may refuse to. */
import { type ConfigProblem, changeConfiguration, isJoint } from "./configuration.ts";
import type { CoreState } from "./core-state.ts";
import { broadcastAppend } from "./replication.ts";
import {
  type ConfigChange,
  ENTRY_OVERHEAD_BYTES,
  type Entry,
  entryBytes,
  type ReplicaId,
} from "./types.ts";

/** Why a proposal was not taken; nothing of it is in the log. */
export type ProposalRefusal =
  /** Only the leader takes proposals; `leader` is who that may be. */
  | {
      readonly kind: "refused";
      readonly reason: "not-leader";
      readonly leader: ReplicaId | undefined;
    }
  /** Leadership is being handed over, or this leader is no member any more. */
  | { readonly kind: "refused"; readonly reason: "transferring" | "not-member" }
  /** Too much waits for commitment; try again when some of it has been committed (R21). */
  | { readonly kind: "refused"; readonly reason: "uncommitted-bytes" };

/** Why a membership change was not taken. */
export type ConfigRefusal =
  | ProposalRefusal
  /** An earlier membership change may not have been applied yet. */
  | { readonly kind: "refused"; readonly reason: "config-pending" }
  /** The present configuration cannot be changed like that. */
  | {
      readonly kind: "refused";
      readonly reason: "config-impossible";
      readonly problem: ConfigProblem;
    };

/** Where a proposal stands in the log, if it stays there: it may still lose its place to another term. */
export interface ProposalAccepted {
  readonly kind: "accepted";
  /** Index of the first entry; the others follow it. */
  readonly index: number;
  readonly term: number;
}

/** Appends payloads, all or none, and sends them. */
export function propose(
  state: CoreState,
  payloads: readonly Uint8Array[],
): ProposalAccepted | ProposalRefusal {
  let bytes = 0;
  for (const payload of payloads) bytes += ENTRY_OVERHEAD_BYTES + payload.byteLength;
  const refusal = refusalOf(state, bytes);
  if (refusal !== undefined) return refusal;
  const { log, term } = state;
  const index = log.lastIndex + 1;
  for (const data of payloads)
    log.appendOwn({ kind: "normal", index: log.lastIndex + 1, term, data });
  state.uncommittedBytes += bytes;
  broadcastAppend(state);
  return { kind: "accepted", index, term };
}

/** Appends a membership change, if the configuration in force allows it, and sends it. */
export function proposeConfigChange(
  state: CoreState,
  change: ConfigChange,
): ProposalAccepted | ConfigRefusal {
  const entry: Entry = { kind: "config", index: state.log.lastIndex + 1, term: state.term, change };
  const refusal = refusalOf(state, entryBytes(entry));
  if (refusal !== undefined) return refusal;
  // One at a time: what a change means depends on the one before it (thesis 4.1).
  if (state.pendingConfigIndex > state.apply.applied)
    return { kind: "refused", reason: "config-pending" };
  const outcome = changeConfiguration(state.configuration, change);
  if (outcome.kind === "impossible")
    return { kind: "refused", reason: "config-impossible", problem: outcome.problem };
  appendConfig(state, entry);
  return { kind: "accepted", index: entry.index, term: entry.term };
}

/** Proposes to leave a joint configuration that is to be left by itself, once that is possible. */
export function maybeAutoLeave(state: CoreState): void {
  if (state.role !== "leader" || !state.configuration.autoLeave) return;
  if (!isJoint(state.configuration) || state.pendingConfigIndex > state.apply.applied) return;
  appendConfig(state, {
    kind: "config",
    index: state.log.lastIndex + 1,
    term: state.term,
    change: { transition: "auto", changes: [], context: new Uint8Array() },
  });
}

function appendConfig(state: CoreState, entry: Entry): void {
  state.log.appendOwn(entry);
  state.uncommittedBytes += entryBytes(entry);
  state.pendingConfigIndex = entry.index;
  broadcastAppend(state);
}

function refusalOf(state: CoreState, bytes: number): ProposalRefusal | undefined {
  if (state.role !== "leader")
    return { kind: "refused", reason: "not-leader", leader: state.leader };
  if (state.transferee !== undefined) return { kind: "refused", reason: "transferring" };
  if (!state.progress.has(state.id)) return { kind: "refused", reason: "not-member" };
  // The first one passes whatever its size, else it could never be proposed at all.
  const waiting = state.uncommittedBytes;
  if (waiting > 0 && waiting + bytes > state.options.uncommittedBytesMax)
    return { kind: "refused", reason: "uncommitted-bytes" };
  return undefined;
}
