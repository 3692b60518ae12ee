/** Reading query parameters, which are text that a schema has let through. */
import { inputError } from "./values.ts";

/** `?flag`, `?flag=1` and `?flag=true` are true; absent is `otherwise`. */
export function flagOf(value: string | undefined, otherwise: boolean): boolean {
  if (value === undefined) return otherwise;
  return value === "" || value === "true" || value === "1";
}

/** @throws {JobxError} `API_INPUT_INVALID` for a number outside of the bounds, both included. */
export function countOf(
  value: string | undefined,
  bounds: {
    readonly name: string;
    readonly min: number;
    readonly max: number;
    readonly otherwise: number;
  },
): number {
  if (value === undefined) return bounds.otherwise;
  const count = Number(value);
  if (count >= bounds.min && count <= bounds.max) return count;
  throw inputError(
    `querystring.${bounds.name}`,
    `a whole number from ${bounds.min} to ${bounds.max}`,
  );
}
