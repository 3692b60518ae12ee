/** Units that are not ready before some time: each is a row under the time when it is due. */
import { type Position, rowOf, type WorkflowTransaction } from "./apply-kit.ts";
import { keys, positionOfDelayedKey } from "./keys.ts";
import type { DelayedRow } from "./rows.ts";

/** The unit is ready again after a while. Answers with the key of its row. */
export function delay(
  tx: WorkflowTransaction,
  at: Position,
  unit: Omit<DelayedRow, "kind">,
  waitMs: number,
): string {
  const dueMs = at.stampMs + waitMs;
  const key = keys.delayed(dueMs, at);
  tx.put(key, { kind: "delayed", ...unit });
  tx.emit({ kind: "delayed", key, dueMs });
  return key;
}

/** A delayed unit is due now; nothing where it was due before, or has gone. */
export function hasten(tx: WorkflowTransaction, { stampMs }: Position, key: string): void {
  const row = rowOf(tx, "delayed", key);
  if (row === undefined) return;
  tx.delete(key);
  tx.emit({ kind: "undelayed", key });
  // Its place in the log stays that of its delay, so it is nobody else's.
  const next = keys.delayed(stampMs, positionOfDelayedKey(key));
  tx.put(next, row);
  tx.emit({ kind: "delayed", key: next, dueMs: stampMs });
}
