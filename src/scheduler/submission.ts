/** Whether a workflow takes a request of a job: asked before its arguments are stored, and when it is applied. */
import { type Refusal, refused } from "./answers.ts";
import { rowOf } from "./apply-kit.ts";
import { keys, META_KEY, RETAINED_KEY } from "./keys.ts";
import type { JobDefinition, MetaRow, Row, StepDefinition } from "./rows.ts";
import type { RowView } from "./transaction.ts";

/**
 * Requests of one workflow that have not ended. Each is a few hundred bytes and its arguments in the rows
 * of every replica, and has to be gone through when something is cancelled or explained; who submits more
 * than is ever done is told so while there is room for others.
 */
export const OPEN_REQUESTS_MAX = 100_000;

/** Requests of one workflow that are kept by name: nothing removes them but their users. */
export const KEPT_REQUESTS_MAX = 10_000;

/** What a request is to be. */
export interface Submission {
  readonly job: string;
  /** The name under which it is kept. */
  readonly keep: string | undefined;
}

/** What a request begins with, or why it does not. */
export type SubmissionCheck =
  | {
      readonly kind: "accepted";
      readonly meta: MetaRow;
      readonly job: JobDefinition;
      readonly step: StepDefinition;
    }
  | Refusal;

/** Looks whether a request may begin. @throws {MissingRows} when rows are not in memory. */
export function checkSubmission(view: RowView<Row>, { job, keep }: Submission): SubmissionCheck {
  const meta = rowOf(view, "meta", META_KEY);
  if (meta === undefined) return notActive();
  const plan = rowOf(view, "plan", keys.plan(meta.plan));
  const definition = plan?.jobs.find((one) => one.name === job);
  if (definition === undefined) return refused("JOB_UNKNOWN", `there is no job named ${job}`);
  const step = plan?.steps.find(({ name }) => name === definition.step);
  if (step === undefined) {
    return refused("STEP_UNDEFINED", `there is no step named ${definition.step}`);
  }
  if (keep !== undefined && rowOf(view, "kept", keys.kept(keep)) !== undefined) {
    return refused("REQUEST_NAME_TAKEN", `another request is kept as ${keep}; delete it first`);
  }
  return tooMany(view, keep) ?? { kind: "accepted", meta, job: definition, step };
}

/** A command that came before the group's first: every replica must survive it, so it is refused. */
export function notActive(): Refusal {
  return refused("WORKFLOW_NOT_ACTIVE", "the workflow is being made; try again in a moment");
}

function tooMany(view: RowView<Row>, keep: string | undefined): Refusal | undefined {
  const retained = rowOf(view, "retained", RETAINED_KEY);
  const { open, kept } = retained ?? { open: 0, kept: 0 };
  if (open >= OPEN_REQUESTS_MAX) {
    const message = `${open} requests of this workflow have not ended yet; come back when some have`;
    return refused("REQUEST_TOO_MANY", message);
  }
  if (keep !== undefined && kept >= KEPT_REQUESTS_MAX) {
    const message = `${kept} requests of this workflow are kept by name; delete some first`;
    return refused("REQUEST_KEPT_TOO_MANY", message);
  }
  return undefined;
}
