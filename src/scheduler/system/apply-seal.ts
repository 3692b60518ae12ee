/** Keys with which workflows' blocks are sealed: who has them, never the keys themselves. */
import { refused } from "../answers.ts";
import type { Answer } from "../rows.ts";
import { readAll } from "../transaction.ts";
import type { SystemCommand } from "./commands.ts";
import type { SystemTransaction } from "./effect.ts";
import { systemKeys } from "./keys.ts";
import { KEY_WRAPS_MAX, type SealKeyRow, stays, type WrappedKey } from "./rows.ts";

type Command<K extends SystemCommand["kind"]> = Extract<SystemCommand, { readonly kind: K }>;

const DONE: Answer = { kind: "ok" };

/** The first key of a workflow is its key: of two that are made at once the other is never used. */
export function applySealKey(tx: SystemTransaction, command: Command<"seal-key">): Answer {
  const { group, id, wraps } = command;
  const workflow = tx.get(systemKeys.workflow(group));
  if (workflow?.kind !== "workflow" || workflow.state === "deleted") {
    return refused("WORKFLOW_UNKNOWN", "there is no such workflow");
  }
  if (tx.get(systemKeys.sealKey(group)) !== undefined) return DONE;
  putKey(tx, group, { kind: "seal-key", id, wraps: allowed(tx, [], wraps) });
  return DONE;
}

export function applySealWrap(tx: SystemTransaction, command: Command<"seal-wrap">): Answer {
  const { group, id, wraps } = command;
  const row = tx.get(systemKeys.sealKey(group));
  if (row?.kind !== "seal-key" || row.id !== id) return DONE;
  const all = [...row.wraps, ...allowed(tx, row.wraps, wraps)];
  if (all.length > row.wraps.length) putKey(tx, group, { ...row, wraps: all });
  return DONE;
}

/** With the last trace of a key what was sealed with it is nobody's. */
export function forgetSealKey(tx: SystemTransaction, group: number): void {
  const key = systemKeys.sealKey(group);
  if (tx.get(key) === undefined) return;
  tx.delete(key);
  tx.emit({ key, row: undefined });
}

/** Of wraps those for members that stay and have none, as many as fit. */
function allowed(
  tx: SystemTransaction,
  known: readonly WrappedKey[],
  wraps: readonly WrappedKey[],
): readonly WrappedKey[] {
  readAll(
    tx,
    wraps.map(({ node }) => systemKeys.member(node)),
  );
  const having = new Set(known.map(({ node }) => node));
  const taken: WrappedKey[] = [];
  for (const wrap of wraps) {
    const member = tx.get(systemKeys.member(wrap.node));
    if (member?.kind !== "member" || !stays(member) || having.has(wrap.node)) continue;
    if (having.size >= KEY_WRAPS_MAX) break;
    having.add(wrap.node);
    taken.push(wrap);
  }
  return taken;
}

function putKey(tx: SystemTransaction, group: number, row: SealKeyRow): void {
  const key = systemKeys.sealKey(group);
  tx.put(key, row);
  tx.emit({ key, row });
}
