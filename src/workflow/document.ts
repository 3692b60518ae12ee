/** From the parsed YAML or JSON of a workflow file to definitions, or to an error that says where. */

import { CONTAINER_KEYS } from "./container-handler.ts";
import { hasImage, parseContainerStep } from "./container-step.ts";
import {
  DESCRIPTION_LENGTH_MAX,
  JOBS_MAX,
  type JobDefinition,
  ON_FAILURE_DEFAULT,
  type OnFailure,
  PARTITIONS_DEFAULT,
  PARTITIONS_MAX,
  RETENTION_BYTES_MAX,
  RETENTION_MS_MAX,
  RETRIES_MAX,
  type RetentionDefinition,
  STEPS_MAX,
  type StepDefinition,
  TIMEOUT_MS_MAX,
  WEIGHT_MAX,
  type WorkflowDocument,
} from "./definition.ts";
import { DURATION_RULE, parseDuration } from "./duration.ts";
import { workflowError } from "./errors.ts";
import {
  checkName,
  expected,
  fields,
  members,
  nameAt,
  type Place,
  required,
  text,
  whole,
} from "./fields.ts";
import { suggest } from "./suggest.ts";

/** Characters of a path: what common file systems allow. */
const PATH_LENGTH_MAX = 4096;

/**
 * A whole workflow file. `value` is what a YAML parser made of it: plain data without cycles.
 * @throws {JobxError} any `WORKFLOW_*` code of this folder, with the place in the document.
 */
export function parseWorkflow(value: unknown): WorkflowDocument {
  const top: Place = { value, path: "" };
  const field = fields(top, [
    "workflow",
    "description",
    "handlers",
    "steps",
    "jobs",
    "retention",
    "weight",
  ]);
  const description = field("description");
  const handlers = field("handlers");
  const stepsAt = field("steps");
  const jobsAt = field("jobs");
  const retention = field("retention");
  const weight = field("weight");
  const steps = stepsAt && parseSteps(stepsAt);
  return {
    workflow: nameAt(required(field("workflow"), { parent: top, key: "workflow" })),
    description: description && text(description, DESCRIPTION_LENGTH_MAX),
    handlers: handlers && folder(handlers),
    steps,
    jobs: jobsAt && parseJobs(jobsAt, steps),
    retention: retention && parseRetention(retention),
    weight: weight && whole(weight, { min: 1, max: WEIGHT_MAX }),
  };
}

/**
 * The `retention` of a workflow: how long and how much of finished requests is kept. Null leaves it to
 * the nodes.
 * @throws {JobxError} `WORKFLOW_INVALID`, `WORKFLOW_KEY_UNKNOWN`.
 */
export function parseRetention(place: Place): RetentionDefinition | null {
  if (place.value === null) return null;
  const field = fields(place, ["age", "bytes"]);
  const age = required(field("age"), { parent: place, key: "age" });
  const bytes = required(field("bytes"), { parent: place, key: "bytes" });
  return {
    ageMs: durationAt(age, RETENTION_MS_MAX),
    bytes: whole(bytes, { min: 0, max: RETENTION_BYTES_MAX }),
  };
}

/**
 * The `steps` of a workflow: name to step, in order.
 * @throws {JobxError} any `WORKFLOW_*` code of this folder.
 */
export function parseSteps(place: Place): Readonly<Record<string, StepDefinition>> {
  return Object.fromEntries(
    named(place, STEPS_MAX).map(([name, member]) => [name, parseStep(name, member)]),
  );
}

/**
 * The `jobs` of a workflow: name to job. With `steps` each job must name one of them; without, the
 * steps are those that the cluster has, and it checks.
 * @throws {JobxError} any `WORKFLOW_*` code of this folder.
 */
export function parseJobs(
  place: Place,
  steps: Readonly<Record<string, StepDefinition>> | undefined,
): Readonly<Record<string, JobDefinition>> {
  return Object.fromEntries(
    named(place, JOBS_MAX).map(([name, member]) => [name, parseJob(member, steps)]),
  );
}

/** Of every step; those without an image have handlers besides, the others a container. */
const STEP_KEYS = ["reduce", "partitions", "retries", "timeout", "onFailure", "description"];

function parseStep(name: string, place: Place): StepDefinition {
  const container = hasImage(place) ? parseContainerStep(name, place) : undefined;
  const field = fields<string>(
    place,
    container === undefined ? ["map", "combine", ...STEP_KEYS] : [...CONTAINER_KEYS, ...STEP_KEYS],
  );
  const combine = field("combine");
  const reduce = field("reduce");
  const partitions = field("partitions");
  const retries = field("retries");
  const timeout = field("timeout");
  const onFailure = field("onFailure");
  const description = field("description");
  const step: StepDefinition = {
    map: container?.map ?? nameAt(required(field("map"), { parent: place, key: "map" })),
    combine: combine === undefined ? null : combinerAt(combine),
    reduce:
      container !== undefined && reduce === undefined
        ? container.gather
        : nameAt(required(reduce, { parent: place, key: "reduce" })),
    partitions: partitions
      ? whole(partitions, { min: 1, max: PARTITIONS_MAX })
      : PARTITIONS_DEFAULT,
    retries: retries && whole(retries, { min: 0, max: RETRIES_MAX }),
    timeoutMs: timeout && durationAt(timeout, TIMEOUT_MS_MAX),
    onFailure: onFailure ? onFailureAt(onFailure) : ON_FAILURE_DEFAULT,
    description: description ? text(description, DESCRIPTION_LENGTH_MAX) : "",
    ...(container === undefined ? {} : { handlers: container.handlers }),
  };
  checkDiffer(step, place);
  return step;
}

function parseJob(
  place: Place,
  steps: Readonly<Record<string, StepDefinition>> | undefined,
): JobDefinition {
  const field = fields(place, ["step", "description"]);
  const stepAt = required(field("step"), { parent: place, key: "step" });
  const description = field("description");
  const step = nameAt(stepAt);
  if (steps !== undefined && !Object.hasOwn(steps, step)) {
    const suggestion = suggest(step, Object.keys(steps));
    throw workflowError(
      { code: "WORKFLOW_STEP_UNDEFINED", path: stepAt.path, step, suggestion },
      `${stepAt.path}: there is no step ${step}${suggestion ? `; did you mean ${suggestion}?` : ""}`,
    );
  }
  return { step, description: description ? text(description, DESCRIPTION_LENGTH_MAX) : "" };
}

/** Members whose keys are names. */
function named(place: Place, countMax: number): readonly (readonly [string, Place])[] {
  const all = members(place);
  if (all.length > countMax) {
    throw workflowError(
      { code: "WORKFLOW_TOO_LARGE", path: place.path, countMax },
      `${place.path}: at most ${countMax} are allowed, found ${all.length}`,
    );
  }
  for (const [name, member] of all) checkName(name, member.path);
  return all;
}

/** A handler's type is one of three, so one handler in two places of a step is a slip. */
function checkDiffer(step: StepDefinition, place: Place): void {
  const used = [step.map, step.combine, step.reduce].filter((name) => name !== null);
  const twice = used.find((name, index) => used.indexOf(name) !== index);
  if (twice === undefined) return;
  throw workflowError(
    { code: "WORKFLOW_HANDLERS_SAME", path: place.path, handler: twice },
    `${place.path}: map, combine and reduce must be different handlers, ${twice} is named twice`,
  );
}

function combinerAt(place: Place): string | null {
  return place.value === null || place.value === "" ? null : nameAt(place);
}

function durationAt(place: Place, msMax: number): number {
  const { value } = place;
  const ms = typeof value === "string" ? parseDuration(value) : undefined;
  if (ms === undefined) return expected(place, DURATION_RULE);
  return ms >= 1 && ms <= msMax ? ms : expected(place, `from 1ms to ${msMax / 3_600_000}h`);
}

function onFailureAt(place: Place): OnFailure {
  const { value } = place;
  if (value === "fail" || value === "skip" || value === "pause") return value;
  return expected(place, "fail, skip or pause");
}

function folder(place: Place): string {
  const path = text(place, PATH_LENGTH_MAX);
  return path !== "" && !path.includes("\0") ? path : expected(place, "the path of a folder");
}
