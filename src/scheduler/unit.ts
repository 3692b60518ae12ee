/**
 * Which piece of work is meant. An invocation is named by its request and the way to it from the root:
 * child numbers, one per level. A unit is one handler call of an invocation.
 */

/** Child numbers from the root invocation (empty) down; at most `PATH_LENGTH_MAX` of them. */
export type Path = readonly number[];

/** Levels of mapping below the root. Deeper is a mapper that maps to itself for ever. */
export const PATH_LENGTH_MAX = 32;

/** The call that maps an invocation, or one of the calls that reduce its children's results. */
export type UnitRef =
  | { readonly kind: "map"; readonly request: number; readonly path: Path }
  | {
      readonly kind: "reduce";
      readonly request: number;
      readonly path: Path;
      readonly part: number;
    };

/**
 * R16. Where in the log an attempt was granted: unique for ever, so that a late answer of an attempt
 * that was given up can be told from the answer of the one that counts.
 */
export interface Token {
  readonly index: number;
  /** Place within the entry: each command has `COMMAND_ORDINALS` of them, from a multiple of that on. */
  readonly ordinal: number;
}

/** One text per unit, for maps in memory and for log lines. */
export function unitText(unit: UnitRef): string {
  const place = [unit.request, ...unit.path].join(".");
  return unit.kind === "map" ? `m${place}` : `r${place}/${unit.part}`;
}

/** `workflow-GROUP-SEQUENCE`: names have no dash, so it can be taken apart again. */
export function requestId(workflow: string, group: number, sequence: number): string {
  return `${workflow}-${group}-${sequence}`;
}

/** What a request's id says, or undefined when the text is not one. */
export function parseRequestId(
  id: string,
): { readonly workflow: string; readonly group: number; readonly sequence: number } | undefined {
  const match = /^([A-Za-z_][A-Za-z0-9_.]{0,127})-(\d{1,15})-(\d{1,15})$/.exec(id);
  if (match === null) return undefined;
  return { workflow: match[1] ?? "", group: Number(match[2]), sequence: Number(match[3]) };
}

/** `WORKFLOW:NAME`, by which a request that is kept under a name is called; names have no colon. */
export function parseKeptName(
  text: string,
): { readonly workflow: string; readonly name: string } | undefined {
  const match = /^([A-Za-z_][A-Za-z0-9_.]{0,127}):([A-Za-z_][A-Za-z0-9_.]{0,127})$/.exec(text);
  return match === null ? undefined : { workflow: match[1] ?? "", name: match[2] ?? "" };
}

/** The request's id, `.r` for the root, then the child numbers: `text-2-1.r.0.12`. */
export function invocationId(request: string, path: Path): string {
  return [request, "r", ...path].join(".");
}

/** The id of a unit: its invocation's, and for a reduction the part: `text-2-1.r.0.12~3`. */
export function unitId(request: string, unit: UnitRef): string {
  const id = invocationId(request, unit.path);
  return unit.kind === "map" ? id : `${id}~${unit.part}`;
}

/** What the id of a unit says, or undefined when the text is not one. Numbers are in their one form. */
export function parseUnitId(
  id: string,
): { readonly workflow: string; readonly group: number; readonly unit: UnitRef } | undefined {
  const match = /^(.+-\d{1,15}-\d{1,15})\.r((?:\.\d{1,15})*)(?:~(\d{1,4}))?$/.exec(id);
  const request = match === null ? undefined : parseRequestId(match[1] ?? "");
  if (match === null || request === undefined) return undefined;
  const path = (match[2] ?? "").split(".").slice(1).map(Number);
  if (path.length > PATH_LENGTH_MAX) return undefined;
  const { workflow, group, sequence } = request;
  const place = { request: sequence, path };
  const unit: UnitRef =
    match[3] === undefined
      ? { kind: "map", ...place }
      : { kind: "reduce", ...place, part: Number(match[3]) };
  // `.01` would be a second name of one unit.
  if (unitId(requestId(workflow, group, sequence), unit) !== id) return undefined;
  return { workflow, group, unit };
}
