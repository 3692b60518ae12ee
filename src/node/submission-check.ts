/**
 * Refuses a submission before its arguments are stored: what is stored on two nodes for a request that
 * never begins would stay there. What changes between this look and the command is decided by the command.
 */
import type { ClusterNode } from "../actors/cluster-node.ts";
import type { SubmitInput } from "../api/ports.ts";
import type { Refusal } from "../scheduler/answers.ts";
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

/**
 * Looks first at what the leader has, which costs others nothing; what speaks against the submission there
 * is confirmed before it is believed.
 * @throws {ClusterError} what the submission would be refused with.
 */
export async function refuseEarly(
  node: Pick<ClusterNode, "read">,
  look: SubmissionLook,
  deadline: Deadline,
): Promise<void> {
  if ((await refusalOf(node, look, { deadline, follows: true })) === undefined) return;
  const answer = await refusalOf(node, look, { deadline, follows: false });
  if (answer !== undefined) accepted({ kind: "answered", answer });
}

async function refusalOf(
  node: Pick<ClusterNode, "read">,
  { group, job, keep, idempotencyKey }: SubmissionLook,
  how: { readonly deadline: Deadline; readonly follows: boolean },
): Promise<Refusal | undefined> {
  const rows = new Map<string, Row | undefined>();
  const load = async (wanted: readonly string[]): Promise<void> => {
    const what = { keys: wanted, follows: how.follows };
    const { values } = await node.read(group, what, how.deadline.leftMs());
    wanted.forEach((key, at) => {
      rows.set(key, values[at]);
    });
  };
  const keyedKey = idempotencyKey === undefined ? [] : [keys.keyed(idempotencyKey)];
  const keptKey = keep === undefined ? [] : [keys.kept(keep)];
  await load([META_KEY, RETAINED_KEY, ...keptKey, ...keyedKey]);
  if (keyedKey.some((key) => rows.get(key) !== undefined)) return undefined;
  const meta = rows.get(META_KEY);
  const planKey = meta?.kind === "meta" ? keys.plan(meta.plan) : undefined;
  if (planKey !== undefined) await load([planKey]);
  // Replaced between the two reads, and nobody had begun with it.
  if (planKey !== undefined && rows.get(planKey) === undefined) return undefined;
  const view = { peek: (key: string) => (rows.has(key) ? rows.get(key) : UNKNOWN) };
  const check = checkSubmission(view, { job, keep });
  return check.kind === "refused" ? check : undefined;
}

/** Whether pairs may be more than what goes into the command itself. */
export function isLarge(pairs: SubmitInput["arguments"]): boolean {
  let characters = 0;
  return pairs.some((pair) => {
    characters += JSON.stringify(pair).length;
    return characters > INLINE_BYTES_MAX / 2;
  });
}
