/** JSON schemas as values: made once, used to check what comes in and to describe what goes out. */

/** A schema of JSON Schema 2020-12, as OpenAPI 3.1 uses it. */
export type JsonSchema = { readonly [keyword: string]: unknown };

/** Text without a rule of its own. */
export const TEXT = { type: "string" } as const satisfies JsonSchema;
/** A count, size or position. */
export const NATURAL = { type: "integer", minimum: 0 } as const satisfies JsonSchema;
export const BOOLEAN = { type: "boolean" } as const satisfies JsonSchema;
/** A moment, ISO 8601. */
export const TIME = { type: "string", format: "date-time" } as const satisfies JsonSchema;
/** Any JSON value. */
export const ANY = {} as const satisfies JsonSchema;

/** Also null. */
export function nullable(schema: JsonSchema): JsonSchema {
  return { anyOf: [schema, { type: "null" }] };
}

export function list(items: JsonSchema): JsonSchema {
  return { type: "array", items };
}

/** An object that maps names to values of one kind. */
export function record(values: JsonSchema): JsonSchema {
  return { type: "object", additionalProperties: values };
}

export function oneOf(...values: readonly string[]): JsonSchema {
  return { type: "string", enum: values };
}

/**
 * An object with exactly these members, all of which are there. `title` makes it a component of the
 * document. The type argument is the type of the answers, so that a field that is added there and not
 * here does not compile.
 */
export function object<T extends object>(
  title: string,
  properties: { readonly [K in keyof T]-?: JsonSchema },
): JsonSchema {
  const required = Object.keys(properties);
  return { title, type: "object", additionalProperties: false, required, properties };
}
