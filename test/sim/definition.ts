/** What a simulated workflow is defined as: always the same, but for one job that nobody submits to. */
import type { ClientCommand } from "../../src/scheduler/commands.ts";
import type { PlanRow } from "../../src/scheduler/rows.ts";
import { HANDLERS, JOBS, stepsOf } from "./handlers.ts";
import type { Plan } from "./plan.ts";

/** The job whose description is what users read and write. */
const NOTE_JOB = "note";

/**
 * The command that replaces the definitions of `revision`; without a note there is no such job. `number` is
 * the workflow's among those of the simulation, from 1 on.
 */
export function definition(
  plan: Pick<Plan, "partitions" | "retentionMs" | "weights" | "reweighs">,
  how: { readonly revision: number; readonly note: string | undefined; readonly number: number },
): Extract<ClientCommand, { kind: "define" }> {
  const { revision, note, number } = how;
  const { partitions, retentionMs, weights, reweighs } = plan;
  const steps = stepsOf(partitions);
  const step = steps[0]?.name ?? "";
  const noted = note === undefined ? [] : [{ name: NOTE_JOB, step, description: note }];
  return {
    kind: "define",
    revision,
    description: "",
    handlers: HANDLERS,
    steps,
    jobs: [...JOBS, ...noted],
    retention: retentionMs === undefined ? undefined : { ageMs: retentionMs, bytes: 1e15 },
    weight: (weights[number - 1] ?? 1) + (reweighs ? revision % 4 : 0),
  };
}

/** The note among the definitions; empty where nobody has written one. */
export function noteOf(plan: PlanRow): string {
  return plan.jobs.find(({ name }) => name === NOTE_JOB)?.description ?? "";
}
