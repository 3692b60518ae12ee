/** A submission over a list of objects: what its body says, checked. */

import { type ObjectSource, parseSource } from "../wire/object-source.ts";
import { FETCH_AHEAD_MAX, type ObjectInput } from "../wire/objects.ts";
import { type JsonSchema, oneOf } from "./json-schema.ts";
import { ARGUMENTS_MAX } from "./limits.ts";
import type { SubmitInput } from "./ports.ts";
import { inputError } from "./values.ts";

export type { ObjectSource } from "../wire/object-source.ts";

/** Objects that a node fetches at once for a step, unless it is said. */
export const AHEAD_DEFAULT = 3;

/** `input` of a submission, as its schema lets it through. */
export interface ObjectInputBody {
  readonly type: "objects";
  readonly sources: readonly unknown[];
  readonly form?: ObjectInput["form"];
  readonly compression?: ObjectInput["compression"];
  readonly ahead?: number;
  readonly unavailable?: ObjectInput["unavailable"];
}

/** The members of `ObjectInputBody`; what a source may have is told by its own errors. */
export const OBJECT_INPUT: JsonSchema = {
  type: "object",
  additionalProperties: false,
  required: ["type", "sources"],
  properties: {
    type: oneOf("objects"),
    sources: { type: "array", minItems: 1, maxItems: ARGUMENTS_MAX, items: { type: "object" } },
    form: oneOf("path", "lines", "ndjson", "bytes", "csv", "keyed"),
    compression: oneOf("auto", "none", "gz", "xz", "zst", "bz2"),
    ahead: { type: "integer", minimum: 1, maximum: FETCH_AHEAD_MAX },
    unavailable: oneOf("fail", "skip"),
  },
};

/**
 * The arguments of such a request, a pair for each source, and how its objects are taken.
 * @throws {JobxError} `API_INPUT_INVALID` for a source that is none, naming it.
 */
export function objectSubmission(
  body: ObjectInputBody,
): Pick<SubmitInput, "arguments" | "objects"> {
  const { form = "path", compression = "auto", ahead = AHEAD_DEFAULT } = body;
  const sources = body.sources.map((value, at) => {
    const source = parseSource(value);
    if (typeof source === "string") throw inputError(`input.sources[${at}]`, `a source: ${source}`);
    return source;
  });
  return {
    arguments: sources.map((source, at) => [at, fieldsOf(source)] as const),
    objects: { form, compression, ahead, unavailable: body.unavailable ?? "fail" },
  };
}

/** What is not said is left out, so that equal submissions are equal. */
function fieldsOf(source: ObjectSource): { readonly [name: string]: string } {
  return Object.fromEntries(
    Object.entries(source).flatMap(([name, text]): [string, string][] =>
      typeof text === "string" ? [[name, text]] : [],
    ),
  );
}

/** What a client submits. */
export interface ClientSubmission {
  readonly workflow: string;
  readonly job: string;
  readonly arguments: readonly (readonly [unknown, unknown])[];
  /** In place of arguments: the sources of a list of objects, and how they are taken. */
  readonly input?: ObjectInputBody | undefined;
  readonly idempotencyKey: string | undefined;
  readonly keep?: string | undefined;
}

/** As it is sent. */
export function submissionBody({ arguments: pairs, input, keep }: ClientSubmission): object {
  const given = input === undefined ? { arguments: pairs } : { input };
  return keep === undefined ? given : { ...given, keep };
}
