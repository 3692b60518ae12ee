/** A step that names an image: the handlers that it stands for. */
import {
  CONTAINER_KEYS,
  type ContainerHandler,
  containerSource,
  readContainer,
} from "./container-handler.ts";
import { workflowError } from "./errors.ts";
import { expected, members, type Place } from "./fields.ts";
import { isName, NAME_RULE } from "./names.ts";

/** A handler that comes with a step. */
export interface StepHandler {
  readonly name: string;
  /** For messages. */
  readonly path: string;
  readonly language: "container";
  readonly source: string;
}

/** What a step that runs an image has instead of handlers of its own. */
export interface ContainerStep {
  readonly map: string;
  /** Passes results on as they are; what a step names in its `reduce` takes its place. */
  readonly gather: string;
  readonly handlers: readonly StepHandler[];
}

/** Whether a step is one of these. */
export function hasImage({ value }: Place): boolean {
  return typeof value === "object" && value !== null && Object.hasOwn(value, "image");
}

/**
 * The handlers of a step that names an image.
 * @throws {JobxError} `WORKFLOW_INVALID` with the place.
 */
export function parseContainerStep(name: string, place: Place): ContainerStep {
  const fields = new Map<string, unknown>(
    members(place).flatMap(([key, { value }]) =>
      CONTAINER_KEYS.some((known) => known === key) ? [[key, value] as const] : [],
    ),
  );
  const refuse = (key: string, reason: string): Error => {
    const path = `${place.path}.${key}`;
    return workflowError(
      { code: "WORKFLOW_INVALID", path, expected: reason },
      `${path}: ${reason}`,
    );
  };
  const map = `${name}.container`;
  const gather = `${name}.gather`;
  if (!isName(map)) expected({ value: map, path: place.path }, `a shorter name: ${NAME_RULE}`);
  const handler = (its: string, what: ContainerHandler): StepHandler => ({
    name: its,
    path: `${its}.container.yaml`,
    language: "container",
    source: containerSource(what),
  });
  const run = { kind: "run", definition: readContainer(fields, refuse) } as const;
  return { map, gather, handlers: [handler(map, run), handler(gather, { kind: "gather" })] };
}
