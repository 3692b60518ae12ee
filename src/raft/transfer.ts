/** Handing leadership to a chosen voter (thesis 3.10). */
import { isVoter } from "./configuration.ts";
import { type CoreState, send } from "./core-state.ts";
import { type Member, sendAppend } from "./replication.ts";
import type { ReplicaId } from "./types.ts";

/** Whether a transfer began. It ends with another leader, or by itself after an election timeout. */
export type TransferResult =
  | { readonly kind: "started" }
  | {
      readonly kind: "refused";
      readonly reason: "not-leader";
      readonly leader: ReplicaId | undefined;
    }
  | { readonly kind: "refused"; readonly reason: "not-a-voter" | "is-leader" };

/** Stops taking proposals, brings `to` up to date and then tells it to campaign. */
export function transferLeadership(state: CoreState, to: ReplicaId): TransferResult {
  if (state.role !== "leader")
    return { kind: "refused", reason: "not-leader", leader: state.leader };
  if (to === state.id) return { kind: "refused", reason: "is-leader" };
  const progress = state.progress.get(to);
  if (progress === undefined || !isVoter(state.configuration, to))
    return { kind: "refused", reason: "not-a-voter" };
  if (state.transferee === to) return { kind: "started" };
  state.transferee = to;
  // The transfer has a whole election timeout from now on.
  state.electionElapsed = 0;
  const member = { id: to, progress };
  if (!finishTransfer(state, member)) sendAppend(state, member, { evenIfEmpty: true });
  return { kind: "started" };
}

/** Tells the transferee to campaign if it has everything. @returns whether it was told. */
export function finishTransfer(state: CoreState, { id, progress }: Member): boolean {
  if (state.transferee !== id || progress.match !== state.log.lastIndex) return false;
  send(state, { kind: "timeout-now", from: state.id, to: id, term: state.term });
  return true;
}
