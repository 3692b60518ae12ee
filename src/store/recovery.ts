/** What a node's two databases together say of each group when they are opened. Decides, does nothing. */
import { FOUNDING_POINT } from "../raft/types.ts";
import type { AppliedRecord } from "../wire/state-record.ts";
import type { GroupId } from "./log-keys.ts";
import type { LoadedGroup, LogReport } from "./log-store-types.ts";
import type { StateReport } from "./state-store-types.ts";

/** What is to be done about a group before it takes part. */
export type GroupRecovery =
  /** Log and state fit; what is above the applied index is applied again. */
  | { readonly kind: "ready"; readonly log: LoadedGroup; readonly applied: AppliedRecord }
  /** The log is from its beginning and there is no state yet: begin it. */
  | { readonly kind: "begin-state"; readonly log: LoadedGroup }
  /** A snapshot was installed in the state, and the log was not yet restarted there (R5): do that. */
  | { readonly kind: "restart-log"; readonly log: LoadedGroup; readonly applied: AppliedRecord }
  /** There is state, but no replica that it could belong to: drop it, which is harmless to repeat. */
  | { readonly kind: "drop-state" }
  /** The replica must neither vote nor lead (R4). */
  | { readonly kind: "damaged"; readonly reason: string };

/** Everything that either database knows of, by group. */
export function planRecovery(
  log: LogReport,
  state: StateReport,
): ReadonlyMap<GroupId, GroupRecovery> {
  const plan = new Map<GroupId, GroupRecovery>();
  const stateDamage = new Map(state.damaged.map(({ group, reason }) => [group, reason]));
  for (const { group, reason } of log.damaged) plan.set(group, { kind: "damaged", reason });
  for (const found of log.groups) {
    const reason = state.damagedAll ?? stateDamage.get(found.group);
    plan.set(
      found.group,
      reason === undefined
        ? recoveryOf(found, state.groups.get(found.group))
        : { kind: "damaged", reason },
    );
  }
  for (const { group } of log.destroyed)
    if (state.groups.has(group) || stateDamage.has(group)) plan.set(group, { kind: "drop-state" });
  // "I do not know this group" never deletes (R4): only a tombstone in the log does.
  for (const group of [...state.groups.keys(), ...stateDamage.keys()])
    if (!plan.has(group))
      plan.set(group, {
        kind: "damaged",
        reason: log.damagedAll ?? "there is state of a group that the log does not know",
      });
  return plan;
}

function recoveryOf(log: LoadedGroup, applied: AppliedRecord | undefined): GroupRecovery {
  if (applied === undefined) {
    // A state is durable before a log is restarted or truncated, so this one never was.
    if (log.compacted.index <= FOUNDING_POINT.index) return { kind: "begin-state", log };
    return { kind: "damaged", reason: "the state is missing, and the log does not reach back" };
  }
  if (log.compacted.index < applied.begin && applied.index === applied.begin)
    return { kind: "restart-log", log, applied };
  if (applied.index > log.lastIndex)
    return { kind: "damaged", reason: "the state has applied more than the log holds" };
  if (applied.index < log.compacted.index)
    return { kind: "damaged", reason: "the state ends before the log begins" };
  if (termAt(log, applied.index) !== applied.term)
    return { kind: "damaged", reason: "the applied entry has another term in the log" };
  return { kind: "ready", log, applied };
}

function termAt(log: LoadedGroup, index: number): number {
  if (index === log.compacted.index) return log.compacted.term;
  return log.terms.findLast((run) => run.firstIndex <= index)?.term ?? log.compacted.term;
}
