/**
 * What a handler says about itself: parsed from its opening comment and validated. Pure; the YAML
 * parser is handed in, because this folder uses nothing from outside.
 */
import { JobxError } from "../std/errors.ts";
import { parseDuration } from "./duration.ts";
import { findHandlerComment } from "./handler-comment.ts";
import { type HandlerRuntime, RUNTIME_KEYS, readRuntime } from "./handler-runtime.ts";
import type { CommentedLanguage } from "./languages.ts";
import { CAPABILITY_RULE, isCapability } from "./names.ts";
import { parseSize, SIZE_RULE } from "./size.ts";

export type { CommentedLanguage } from "./languages.ts";

/** The three kinds of handler; the function of a handler is named after it. */
export type MetadataHandlerType = "mapper" | "combiner" | "reducer";

/** How a handler takes its argument: cast by the name of a builtin of Python, or null for an iterator. */
export type MetadataArgumentType = (typeof ARGUMENT_TYPES)["python"][number] | null;

/**
 * Validated metadata of one handler. Of `retries` and `timeout` a step says its own, or takes the
 * largest that one of its handlers says.
 */
export interface HandlerMetadata {
  readonly type: MetadataHandlerType;
  readonly argumentType: MetadataArgumentType;
  /** `none` when every executor may run it. */
  readonly requiredCapability: string;
  /** How often a failed attempt is repeated; undefined leaves it to others. */
  readonly retries: number | undefined;
  /** Longest time of one attempt, milliseconds; undefined leaves it to others. */
  readonly timeoutMs: number | undefined;
  /** Memory that one attempt may use, bytes; undefined leaves it to the executor. */
  readonly memoryBytes: number | undefined;
  /** What else it says about its running; undefined when that is nothing. */
  readonly runtime: HandlerRuntime | undefined;
  /** The opening text before the divider. */
  readonly description: string;
}

/** What a parser of YAML answers: a value, or the place of the mistake (line 1 is the first). */
export type ParsedText =
  | { readonly kind: "value"; readonly value: unknown }
  | { readonly kind: "malformed"; readonly line: number; readonly reason: string };

/** Parses YAML text. Must not throw for any text. */
export type TextParser = (text: string) => ParsedText;

/** Why a handler's source was refused. `line` is of the file, from 1. */
export type HandlerMetadataErrorDetails = {
  readonly code: "HANDLER_METADATA_INVALID";
  readonly file: string;
  readonly line: number;
  readonly reason: string;
};

/** The error of a source whose metadata is missing or wrong. */
export class HandlerMetadataError extends JobxError<HandlerMetadataErrorDetails> {}

/** Most repetitions that metadata may ask for: beyond it a retry is no longer a way to succeed. */
export const RETRIES_MAX = 100;

/** Longest timeout that metadata may ask for, milliseconds: a week, and within a timer's range. */
export const TIMEOUT_MS_MAX = 7 * 24 * 3_600_000;

/** Most memory that metadata may ask for, bytes: 1 TiB, beyond any machine meant here. */
export const MEMORY_BYTES_MAX = 2 ** 40;

/** Characters of metadata: a few lines, and parsers of YAML take long for much text. */
export const METADATA_LENGTH_MAX = 8 * 1024;

const ARGUMENT_NAMES = { mapper: "arguments", combiner: "results", reducer: "results" } as const;
/** An executable reads records, as they come. */
const KEYS_REQUIRED_OF_EXECUTABLES = ["handler_type", "required_capability"] as const;
/**
 * What can be called on a sequence of pairs. Python's `int` and `float` can, too, as in any handler of
 * theirs, and fail the call.
 */
const ARGUMENT_TYPES = {
  javascript: ["list", "dict", "tuple", "str", "bool"],
  python: [
    ...["list", "dict", "tuple", "set", "frozenset", "str", "bool", "int", "float"],
    ...["sorted", "reversed", "enumerate", "iter", "len"],
  ],
  executable: [],
} as const;
const KEYS_REQUIRED = ["handler_type", "argument_spec", "required_capability"] as const;
const KEYS_ALLOWED: readonly string[] = [
  ...KEYS_REQUIRED,
  ...["retries", "timeout", "memory"],
  ...RUNTIME_KEYS,
];

/**
 * Reads the metadata of a handler's source.
 * @throws {JobxError} `HANDLER_METADATA_INVALID` with file, line and reason, when there is none or
 * it is wrong.
 */
export function readHandlerMetadata(
  source: string,
  options: {
    readonly file: string;
    readonly language: CommentedLanguage;
    readonly parseYaml: TextParser;
  },
): HandlerMetadata {
  const found = findHandlerComment(source, options.language);
  if (found.kind === "missing") throw invalid(options.file, found.line, found.reason);
  const { comment } = found;
  const refuse: Refuse = (key, reason) =>
    invalid(options.file, comment.dividerLine + lineOfKey(comment.text, key), reason);
  if (comment.text.length > METADATA_LENGTH_MAX) {
    const reason = `the metadata is longer than ${METADATA_LENGTH_MAX} characters`;
    throw invalid(options.file, comment.dividerLine, reason);
  }
  const parsed =
    comment.format === "json" ? parseJson(comment.text) : options.parseYaml(comment.text);
  if (parsed.kind === "malformed") {
    const reason = `not ${comment.format.toUpperCase()}: ${parsed.reason}`;
    throw invalid(options.file, comment.dividerLine + parsed.line, reason);
  }
  const { language } = options;
  const { description } = comment;
  return validate(parsed.value, { refuse, language, description, isBundle: false });
}

/**
 * Reads the metadata of a bundle, from the text of its `handler.yaml`. `languageOf` tells the language of its
 * main file.
 * @throws {JobxError} `HANDLER_METADATA_INVALID` with file, line and reason.
 */
export function readBundleMetadata(
  text: string,
  options: {
    readonly file: string;
    readonly languageOf: (main: string) => CommentedLanguage;
    readonly parseYaml: TextParser;
  },
): HandlerMetadata {
  const { file } = options;
  if (text.length > METADATA_LENGTH_MAX) {
    throw invalid(file, 1, `the metadata is longer than ${METADATA_LENGTH_MAX} characters`);
  }
  const parsed = options.parseYaml(text);
  if (parsed.kind === "malformed") throw invalid(file, parsed.line, `not YAML: ${parsed.reason}`);
  const { value } = parsed;
  const refuse: Refuse = (key, reason) => invalid(file, Math.max(1, lineOfKey(text, key)), reason);
  const isMapping = typeof value === "object" && value !== null;
  const said = new Map<string, unknown>(isMapping ? Object.entries(value) : []);
  const main = said.get("main");
  const language = options.languageOf(typeof main === "string" ? main : "");
  const words = said.get("description") ?? "";
  if (typeof words !== "string") throw refuse("description", "description is a text");
  said.delete("description");
  const rest = isMapping && !Array.isArray(value) ? Object.fromEntries(said) : value;
  return validate(rest, { refuse, language, description: words, isBundle: true });
}

type Refuse = (key: string, reason: string) => HandlerMetadataError;

function invalid(file: string, line: number, reason: string): HandlerMetadataError {
  const message = `${file}:${line}: ${reason}`;
  return new HandlerMetadataError(
    { code: "HANDLER_METADATA_INVALID", file, line, reason },
    message,
  );
}

/** Line of a top-level key in the metadata's text, from 1; 0 (the divider) when it is not there. */
function lineOfKey(text: string, key: string): number {
  const lines = text.split("\n");
  const pattern = new RegExp(`^\\s*["']?${key.replace(/[^A-Za-z0-9_]/g, "\\$&")}["']?\\s*:`);
  return lines.findIndex((line) => pattern.test(line)) + 1;
}

function parseJson(text: string): ParsedText {
  try {
    const value: unknown = JSON.parse(text);
    return { kind: "value", value };
  } catch (thrown) {
    const reason = thrown instanceof Error ? thrown.message : String(thrown);
    const line = Number(/\(line (\d+) /.exec(reason)?.[1] ?? 1);
    return { kind: "malformed", line, reason };
  }
}

function validate(
  value: unknown,
  options: {
    readonly refuse: Refuse;
    readonly language: CommentedLanguage;
    readonly description: string;
    readonly isBundle: boolean;
  },
): HandlerMetadata {
  const { refuse } = options;
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw refuse("", "the metadata is no mapping");
  }
  const fields = new Map<string, unknown>(Object.entries(value));
  for (const key of fields.keys()) {
    if (!KEYS_ALLOWED.includes(key)) throw refuse(key, `unknown key: ${key}`);
  }
  const isExecutable = options.language === "executable";
  for (const key of isExecutable ? KEYS_REQUIRED_OF_EXECUTABLES : KEYS_REQUIRED) {
    if (!fields.has(key)) throw refuse(key, `missing key: ${key}`);
  }
  const type = handlerType(fields.get("handler_type"), refuse);
  const capability = fields.get("required_capability");
  if (typeof capability !== "string" || !isCapability(capability)) {
    throw refuse(
      "required_capability",
      `required_capability is a label (${CAPABILITY_RULE}), or \`none\``,
    );
  }
  return {
    type,
    argumentType: argumentType(fields.get("argument_spec"), { ...options, type }),
    requiredCapability: capability.toLowerCase(),
    retries: retries(fields.get("retries"), refuse),
    timeoutMs: timeoutMs(fields.get("timeout"), refuse),
    memoryBytes: memoryBytes(fields.get("memory"), refuse),
    runtime: readRuntime(fields, { isExecutable, isBundle: options.isBundle, refuse }),
    description: options.description,
  };
}

function handlerType(value: unknown, refuse: Refuse): MetadataHandlerType {
  if (value === "mapper" || value === "combiner" || value === "reducer") return value;
  throw refuse("handler_type", "handler_type is one of mapper, combiner, reducer");
}

function argumentType(
  value: unknown,
  options: {
    readonly type: MetadataHandlerType;
    readonly language: CommentedLanguage;
    readonly refuse: Refuse;
  },
): MetadataArgumentType {
  if (options.language === "executable" && value === undefined) return null;
  const wanted = ARGUMENT_NAMES[options.type];
  const refuse = (reason: string) => options.refuse("argument_spec", reason);
  if (!Array.isArray(value) || value.length !== 1) {
    throw refuse("argument_spec is a list with exactly one entry");
  }
  const entry: unknown = value[0];
  if (typeof entry !== "object" || entry === null || Array.isArray(entry)) {
    throw refuse("the entry of argument_spec has a name and a type");
  }
  const fields = new Map<string, unknown>(Object.entries(entry));
  if (fields.size !== 2 || !fields.has("name") || !fields.has("type")) {
    throw refuse("the entry of argument_spec has exactly a name and a type");
  }
  if (fields.get("name") !== wanted) throw refuse(`the argument of a ${options.type} is ${wanted}`);
  // In quotes or not, it says the same; the other types have no quotes in most files.
  const type = fields.get("type") === "null" ? null : fields.get("type");
  if (type === null) return null;
  const types: readonly Exclude<MetadataArgumentType, null>[] = ARGUMENT_TYPES[options.language];
  const known = types.find((candidate) => candidate === type);
  if (known !== undefined) return known;
  if (types.length === 0)
    throw refuse("the type is null: an executable reads records as they come");
  const where = ARGUMENT_TYPES.python.some((candidate) => candidate === type)
    ? "in JavaScript the type"
    : "the type";
  throw refuse(`${where} is one of ${types.join(", ")}, null`);
}

function retries(value: unknown, refuse: Refuse): number | undefined {
  if (value === undefined) return undefined;
  if (typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= RETRIES_MAX) {
    return value;
  }
  throw refuse("retries", `retries is an integer from 0 to ${RETRIES_MAX}`);
}

/** Seconds as a number, or a duration with a unit. */
function timeoutMs(value: unknown, refuse: Refuse): number | undefined {
  if (value === undefined) return undefined;
  const text = typeof value === "number" ? `${value}s` : value;
  const ms = typeof text === "string" ? parseDuration(text) : undefined;
  if (ms !== undefined && ms >= 1 && ms <= TIMEOUT_MS_MAX) return ms;
  throw refuse("timeout", "timeout is seconds, or a number with ms, s, m or h, at most a week");
}

/** Bytes as a number, or a number with one of the units KiB, MiB, GiB. */
function memoryBytes(value: unknown, refuse: Refuse): number | undefined {
  if (value === undefined) return undefined;
  const bytes = typeof value === "string" ? parseSize(value) : value;
  const fits = typeof bytes === "number" && Number.isInteger(bytes);
  if (fits && bytes >= 1 && bytes <= MEMORY_BYTES_MAX) return bytes;
  throw refuse("memory", `memory is ${SIZE_RULE}, at most 1024 GiB`);
}
