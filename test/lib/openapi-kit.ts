/** Finds one's way in the OpenAPI document of a server, and gives its schemas to a validator. */
import { assert } from "../../src/std/assert.ts";

/** As much of an operation as tests look at. */
export interface Operation {
  readonly security: unknown;
  readonly responses: Readonly<Record<string, unknown>>;
}

/** As much of the document as tests look at. */
export interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: unknown;
}

/** The document as a validator wants it: a copy, since it changes what it is given. */
export function specOf(value: unknown): Record<string, unknown> {
  const copy: unknown = structuredClone(value);
  assert(typeof copy === "object" && copy !== null, "this is no OpenAPI document");
  return { ...copy };
}

/** The document, after a look at its outline. */
export function documentOf(value: unknown): Document {
  assert(isDocument(value), "this is no OpenAPI document");
  return value;
}

/** The schema of an answer, with the components that it refers to. The failures' one for other statuses. */
export function schemaOf(
  document: Document,
  at: { readonly method: string; readonly path: string; readonly status: number },
): Record<string, unknown> {
  const operation = document.paths[at.path]?.[at.method.toLowerCase()];
  assert(operation !== undefined, `the document has no ${at.method} ${at.path}`);
  const answer = operation.responses[String(at.status)];
  assert(answer !== undefined || at.status >= 400, `${at.path} may not answer ${at.status}`);
  const schema = member(
    member(member(answer ?? operation.responses["default"], "content"), "application/json"),
    "schema",
  );
  assert(typeof schema === "object" && schema !== null, `${at.path} has no schema`);
  return { ...schema, components: document.components };
}

function member(value: unknown, name: string): unknown {
  if (typeof value !== "object" || value === null) return undefined;
  return Object.getOwnPropertyDescriptor(value, name)?.value;
}

function isDocument(value: unknown): value is Document {
  return (
    typeof member(value, "paths") === "object" && typeof member(value, "components") === "object"
  );
}
