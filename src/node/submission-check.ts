/**
 * Refuses a submission before its arguments are stored: what is stored on two nodes for a request that
 * never begins would stay there. What changes between this look and the command is decided by the command.
 */
import type { ClusterNode } from "../actors/cluster-node.ts";
import type { SubmitInput } from "../api/ports.ts";
import { keys, META_KEY, RETAINED_KEY } from "../scheduler/keys.ts";
import type { Row } from "../scheduler/rows.ts";
import { checkSubmission, type Submission } from "../scheduler/submission.ts";
import { UNKNOWN } from "../scheduler/transaction.ts";
import type { Deadline } from "../std/deadline.ts";
import { INLINE_BYTES_MAX } from "../wire/dataset.ts";
import { accepted } from "./cluster-errors.ts";

/** What is looked at. */
export interface SubmissionLook extends Submission {
  readonly group: number;
  /** Whoever repeats a submission is told what became of it, whatever holds now. */
  readonly idempotencyKey: string | undefined;
}

/** @throws {ClusterError} what the submission would be refused with. */
export async function refuseEarly(
  node: Pick<ClusterNode, "read">,
  { group, job, keep, idempotencyKey }: SubmissionLook,
  deadline: Deadline,
): Promise<void> {
  const rows = new Map<string, Row | undefined>();
  const load = async (wanted: readonly string[]): Promise<void> => {
    const { values } = await node.read(group, { keys: wanted }, deadline.leftMs());
    wanted.forEach((key, at) => {
      rows.set(key, values[at]);
    });
  };
  const keyedKey = idempotencyKey === undefined ? [] : [keys.keyed(idempotencyKey)];
  const keptKey = keep === undefined ? [] : [keys.kept(keep)];
  await load([META_KEY, RETAINED_KEY, ...keptKey, ...keyedKey]);
  if (keyedKey.some((key) => rows.get(key) !== undefined)) return;
  const meta = rows.get(META_KEY);
  const planKey = meta?.kind === "meta" ? keys.plan(meta.plan) : undefined;
  if (planKey !== undefined) await load([planKey]);
  // Replaced between the two reads, and nobody had begun with it.
  if (planKey !== undefined && rows.get(planKey) === undefined) return;
  const view = { peek: (key: string) => (rows.has(key) ? rows.get(key) : UNKNOWN) };
  const check = checkSubmission(view, { job, keep });
  if (check.kind === "refused") accepted({ kind: "answered", answer: check });
}

/** Whether pairs may be more than what goes into the command itself. */
export function isLarge(pairs: SubmitInput["arguments"]): boolean {
  let characters = 0;
  return pairs.some((pair) => {
    characters += JSON.stringify(pair).length;
    return characters > INLINE_BYTES_MAX / 2;
  });
}
