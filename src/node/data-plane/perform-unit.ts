/** In the data plane: one unit, of whatever kind: handlers are called, objects listed or brought here before. */
import type { WorkContext } from "../../handlers/work-context.ts";
import type { CalledWork, WorkRunner } from "../../handlers/work-runner.ts";
import type { Clock } from "../../std/clock.ts";
import type { Outcome, Work, WorkEnd } from "../../wire/dataset.ts";
import type { Fault } from "./faults.ts";
import type { ObjectWork } from "./object-work.ts";

/** A unit that meets these fails, which is tried as often as its step says; all else is given back. */
const LASTING_CODES: ReadonlySet<string> = new Set([
  "FS_RUN_MISMATCH",
  "FS_RUN_NOT_SORTED",
  "FS_RECORD_TOO_LARGE",
  "RUN_MALFORMED",
  "PAIRS_MALFORMED",
  "RUN_LOST",
  "OBJECT_SOURCE_INVALID",
  "OBJECT_LIST_FAILED",
  "OBJECT_MISSING",
  "OBJECT_FETCH_FAILED",
  "OBJECT_DAMAGED",
  "OBJECT_NO_PROGRAM",
]);

/** What becomes of a unit for a fault that is none of its handlers'. */
export function outcomeOfFault({ code, message }: Fault): Outcome {
  if (!LASTING_CODES.has(code)) return { kind: "released", reason: `${code}: ${message}` };
  return { kind: "failed", error: { code, message, traceback: "", stdout: "", stderr: "" } };
}

interface Parts {
  readonly runner: Pick<WorkRunner, "run">;
  readonly objects: Pick<ObjectWork, "list" | "bring">;
  readonly clock: Clock;
}

/** @throws {JobxError} as `WorkRunner.run`, `ObjectWork.list` and `ObjectWork.bring`. */
export function performUnit(work: Work, context: WorkContext, parts: Parts): Promise<WorkEnd> {
  if (work.kind === "list") return list(work, context, parts);
  if (work.kind === "map" && work.objects !== undefined) {
    return withObject({ ...work, objects: work.objects }, context, parts);
  }
  const { names } = context;
  const isInner = work.kind === "map" && work.fromOwnStep === true;
  const told = isInner ? { ...context, names: { ...names, fromOwnStep: true } } : context;
  return parts.runner.run(work, told);
}

async function list(
  work: Extract<Work, { kind: "list" }>,
  context: WorkContext,
  { objects, clock }: Parts,
): Promise<WorkEnd> {
  const begunMs = clock.nowMs();
  const { volume, signal } = context;
  const outcome = await objects.list(work, { volume, signal });
  const tookMs = clock.nowMs() - begunMs;
  // It had no slot.
  return { outcome, ranMs: 0, storedMs: 0, run: { tookMs, agoMs: 0 } };
}

/** The object is here before the unit wants a slot: one that is slow to come keeps nobody from running. */
async function withObject(
  work: Extract<CalledWork, { kind: "map" }> & {
    readonly objects: NonNullable<Extract<Work, { kind: "map" }>["objects"]>;
  },
  context: WorkContext,
  { runner, objects }: Parts,
): Promise<WorkEnd> {
  const { names, volume, signal } = context;
  const here = await objects.bring({ ...work, ...names, volume, signal });
  try {
    const { input } = here;
    const named = { ...context, input, names: { ...names, object: here.name } };
    const end = await runner.run(work, named);
    return { ...end, outcome: withWarnings(end.outcome, here.warnings()) };
  } finally {
    await here.release();
  }
}

function withWarnings(outcome: Outcome, warnings: readonly string[]): Outcome {
  if (warnings.length === 0 || !("warnings" in outcome)) return outcome;
  return { ...outcome, warnings: [...outcome.warnings, ...warnings] };
}
