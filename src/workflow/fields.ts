/** Reading values of unknown shape field by field, with the place in the document in every error. */
import { workflowError } from "./errors.ts";
import { isName, NAME_RULE } from "./names.ts";
import { suggest } from "./suggest.ts";

/** A value and where it stands. */
export interface Place {
  readonly value: unknown;
  /** As in `steps.words.retries`; empty for the whole document. */
  readonly path: string;
}

/** @throws {JobxError} `WORKFLOW_INVALID`, always: says what was expected there and what was found. */
export function expected(place: Place, what: string): never {
  const where = place.path === "" ? "the document" : place.path;
  throw workflowError(
    { code: "WORKFLOW_INVALID", path: place.path, expected: what },
    `${where}: expected ${what}, found ${describe(place.value)}`,
  );
}

/** The members of a mapping, in order. @throws {JobxError} `WORKFLOW_INVALID` when it is none. */
export function members(place: Place): readonly (readonly [string, Place])[] {
  const { value, path } = place;
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    return expected(place, "a mapping");
  }
  return Object.entries(value).map(([key, member]: [string, unknown]) => [
    key,
    { value: member, path: childPath(path, key) },
  ]);
}

/**
 * The members of a mapping whose keys are fixed; what is absent is undefined.
 * @throws {JobxError} `WORKFLOW_INVALID`, `WORKFLOW_KEY_UNKNOWN` with a suggestion.
 */
export function fields<Key extends string>(
  place: Place,
  allowed: readonly Key[],
): (key: Key) => Place | undefined {
  const found = new Map<string, Place>(members(place));
  for (const [key, member] of found) {
    if (allowed.some((known) => known === key)) continue;
    const suggestion = suggest(key, allowed);
    const hint =
      suggestion === null ? `allowed are ${allowed.join(", ")}` : `did you mean ${suggestion}?`;
    throw workflowError(
      { code: "WORKFLOW_KEY_UNKNOWN", path: member.path, allowed, suggestion },
      `${member.path}: this key is not known; ${hint}`,
    );
  }
  return (key) => found.get(key);
}

/** A member that must be there. @throws {JobxError} `WORKFLOW_INVALID` when it is not. */
export function required(place: Place | undefined, at: { parent: Place; key: string }): Place {
  const path = childPath(at.parent.path, at.key);
  return place ?? expected({ value: undefined, path }, `a value for ${at.key}`);
}

/** @throws {JobxError} `WORKFLOW_INVALID` when it is not text of at most `lengthMax` characters. */
export function text(place: Place, lengthMax: number): string {
  const { value } = place;
  if (typeof value !== "string") return expected(place, "text");
  return value.length <= lengthMax
    ? value
    : expected({ ...place, value: `${value.slice(0, 20)}…` }, `at most ${lengthMax} characters`);
}

/** @throws {JobxError} `WORKFLOW_INVALID` when it is not text, `WORKFLOW_NAME_INVALID` when not a name. */
export function nameAt(place: Place): string {
  const { value, path } = place;
  if (typeof value !== "string") return expected(place, `a name: ${NAME_RULE}`);
  checkName(value, path);
  return value;
}

/** @throws {JobxError} `WORKFLOW_NAME_INVALID`. */
export function checkName(name: string, path: string): void {
  if (isName(name)) return;
  throw workflowError(
    { code: "WORKFLOW_NAME_INVALID", path, name: name.slice(0, 200) },
    `${path}: '${name.slice(0, 200)}' is not a name; expected ${NAME_RULE}`,
  );
}

/** @throws {JobxError} `WORKFLOW_INVALID` when it is not a whole number within the bounds, both included. */
export function whole(
  place: Place,
  bounds: { readonly min: number; readonly max: number },
): number {
  const { value } = place;
  const fits =
    typeof value === "number" &&
    Number.isSafeInteger(value) &&
    value >= bounds.min &&
    value <= bounds.max;
  return fits ? value : expected(place, `a whole number from ${bounds.min} to ${bounds.max}`);
}

function childPath(parent: string, key: string): string {
  // A key with a dot would read like two levels.
  if (!/^[A-Za-z_][A-Za-z0-9_]*$/u.test(key)) return `${parent}[${JSON.stringify(key)}]`;
  return parent === "" ? key : `${parent}.${key}`;
}

function describe(value: unknown): string {
  if (value === undefined) return "nothing";
  if (value === null) return "null";
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object") return "a mapping";
  if (typeof value === "string") return `the text ${JSON.stringify(value.slice(0, 60))}`;
  return String(value);
}
