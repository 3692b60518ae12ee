/**
 * Whether a source may become a handler: its metadata is right and its code compiles. The code is
 * looked at in a worker process, never in the node, and is not run.
 */
import { createHash } from "node:crypto";
import { parseDocument } from "yaml";
import type { Timers } from "../std/clock.ts";
import type { ArgumentType, HandlerType, Language } from "../wire/dataset.ts";
import {
  containerSource,
  type HandlerMetadata,
  HandlerMetadataError,
  type HandlerRuntime,
  isName,
  languageOfFile,
  NAME_RULE,
  type ParsedText,
  readContainerHandler,
  readHandlerMetadata,
} from "../wire/handler-metadata.ts";
import type { HandlerForm } from "../wire/worker-protocol.ts";
import { readBundle } from "./bundle-check.ts";
import { isBundleSource } from "./bundle-source.ts";
import { HandlersError } from "./errors.ts";
import type { WorkerPool } from "./pool.ts";

/** A handler at one version, complete. */
export interface HandlerDefinition {
  readonly name: string;
  /** `sha256` in hex over language and source, which contains the metadata. */
  readonly version: string;
  readonly language: Language;
  readonly type: HandlerType;
  readonly argumentType: ArgumentType;
  readonly requiredCapability: string;
  readonly form: HandlerForm;
  readonly retries: number | undefined;
  readonly timeoutMs: number | undefined;
  readonly memoryBytes: number | undefined;
  readonly runtime: HandlerRuntime | undefined;
  readonly description: string;
  /** What runs: for TypeScript the file with its types blanked out, line for line. */
  readonly source: string;
}

/** Why a source was refused. `line` is of the file, from 1. */
export interface SourceError {
  readonly code: HandlerCheckErrorDetails["code"];
  readonly file: string;
  readonly line: number;
  readonly reason: string;
}

/** The codes of a check. */
export type HandlerCheckErrorDetails =
  | { readonly code: "HANDLER_NAME_INVALID" }
  | { readonly code: "HANDLER_LANGUAGE_UNKNOWN" }
  | { readonly code: "HANDLER_METADATA_INVALID" }
  | { readonly code: "HANDLER_SOURCE_TOO_LARGE" }
  | { readonly code: "HANDLER_SOURCE_INVALID" };

/** The result of a check. */
export type HandlerCheck =
  | { readonly kind: "accepted"; readonly definition: HandlerDefinition }
  | { readonly kind: "refused"; readonly errors: readonly SourceError[] };

/** Largest source, bytes: it is kept in the replicated state and sent to workers in one frame. */
export const SOURCE_BYTES_MAX = 1024 * 1024;

/** Longest time that the compiling of a source may take, milliseconds. */
export const CHECK_TIMEOUT_MS = 20_000;

/** A file that shall become a handler. */
export interface HandlerFile {
  readonly name: string;
  /** Path for messages; its extension tells the language. */
  readonly file: string;
  readonly source: string;
}

/**
 * Checks one file with a worker of the pool.
 * @throws {JobxError} `HANDLER_WORKER_UNAVAILABLE` when there is no worker for the language here,
 * or it dies of the source; `HANDLER_POOL_CLOSED`.
 */
export async function checkHandler(
  file: HandlerFile,
  options: { readonly pool: WorkerPool; readonly timers: Timers },
): Promise<HandlerCheck> {
  const refuse = (code: SourceError["code"], line: number, reason: string): HandlerCheck => ({
    kind: "refused",
    errors: [{ code, file: file.file, line, reason }],
  });
  const isBundle = isBundleSource(file.source);
  const language = languageOfFile(file.file);
  if (language === undefined && !isBundle) {
    return refuse("HANDLER_LANGUAGE_UNKNOWN", 1, "the extension is of no language of handlers");
  }
  if (!isName(file.name)) {
    return refuse("HANDLER_NAME_INVALID", 1, `a name is ${NAME_RULE}`);
  }
  if (Buffer.byteLength(file.source) > SOURCE_BYTES_MAX) {
    return refuse("HANDLER_SOURCE_TOO_LARGE", 1, `a source has at most ${SOURCE_BYTES_MAX} bytes`);
  }
  if (isBundle || language === undefined) return checkBundle(file, options);
  const metadata = metadataOf(file, language);
  if (metadata.kind === "refused") return metadata;
  const compiled =
    metadata.source === undefined
      ? await compile(file, { ...options, language, type: metadata.metadata.type })
      : ({ kind: "checked", form: "plain", source: metadata.source } as const);
  if (compiled.kind === "refused") {
    return refuse("HANDLER_SOURCE_INVALID", compiled.line, compiled.reason);
  }
  const { form, source } = compiled;
  const version = versionOf(language, source);
  const definition = { name: file.name, version, language, form, source, ...metadata.metadata };
  return { kind: "accepted", definition };
}

/** A bundle is what its files are, whatever its main file compiles to. @throws {JobxError} as `checkHandler`. */
async function checkBundle(
  file: HandlerFile,
  options: { readonly pool: WorkerPool; readonly timers: Timers },
): Promise<HandlerCheck> {
  const found = await readBundle(file, parseYaml).catch((thrown: unknown) => {
    if (!(thrown instanceof HandlerMetadataError)) throw thrown;
    return { kind: "refused", errors: [thrown.details] } as const;
  });
  if (found.kind === "refused") {
    if ("errors" in found) return found;
    const { code, reason } = found;
    return { kind: "refused", errors: [{ code, file: found.file, line: 1, reason }] };
  }
  const { metadata, language, main } = found;
  let form: HandlerForm = "plain";
  if (main !== undefined) {
    const { type } = metadata;
    const about = { ...options, language, type, isBundle: true };
    const compiled = await compile({ ...main, name: file.name }, about);
    if (compiled.kind === "refused") {
      const { line, reason } = compiled;
      const error = { code: "HANDLER_SOURCE_INVALID", file: main.file, line, reason } as const;
      return { kind: "refused", errors: [error] };
    }
    form = compiled.form;
  }
  const { source, name } = file;
  const version = versionOf(language, source);
  return { kind: "accepted", definition: { name, version, language, form, source, ...metadata } };
}

/** The version of a handler: a hash of its language and of the source as it runs. */
export function versionOf(language: Language, source: string): string {
  return createHash("sha256").update(`jobx handler 1\n${language}\n`).update(source).digest("hex");
}

function metadataOf(
  file: HandlerFile,
  language: Language,
):
  | {
      readonly kind: "metadata";
      readonly metadata: HandlerMetadata;
      /** What is stored of what has no code. */
      readonly source?: string;
    }
  | Extract<HandlerCheck, { kind: "refused" }> {
  try {
    const options = { file: file.file, parseYaml };
    if (language === "container") {
      const { handler, metadata } = readContainerHandler(file.source, options);
      return { kind: "metadata", metadata, source: containerSource(handler) };
    }
    const metadata = readHandlerMetadata(file.source, { ...options, language });
    if (metadata.runtime?.image !== undefined) return withImage(file);
    return { kind: "metadata", metadata };
  } catch (thrown) {
    if (!(thrown instanceof HandlerMetadataError)) throw thrown;
    return { kind: "refused", errors: [thrown.details] };
  }
}

/** Refused, not run without its image: workers are processes of the node's machine. */
function withImage({ file, source }: HandlerFile): Extract<HandlerCheck, { kind: "refused" }> {
  const line = 1 + source.split("\n").findIndex((one) => /^\W*image["']?\s*:/.test(one));
  const reason = "an image is named by a step, or in NAME.container.yaml: sources run in none";
  return { kind: "refused", errors: [{ code: "HANDLER_METADATA_INVALID", file, line, reason }] };
}

/** YAML 1.2 as data: no tags of our own, few aliases, so that no text can grow without bound. */
export function parseYaml(text: string): ParsedText {
  try {
    const document = parseDocument(text, { schema: "core", uniqueKeys: true });
    const [error] = document.errors;
    if (error !== undefined) {
      const reason = error.message.split("\n")[0] ?? "";
      return { kind: "malformed", line: error.linePos?.[0].line ?? 1, reason };
    }
    const value: unknown = document.toJS({ maxAliasCount: 100 });
    return { kind: "value", value };
  } catch (thrown) {
    const reason = thrown instanceof Error ? thrown.message : String(thrown);
    return { kind: "malformed", line: 1, reason };
  }
}

type Compiled =
  | { readonly kind: "checked"; readonly form: HandlerForm; readonly source: string }
  | { readonly kind: "refused"; readonly line: number; readonly reason: string };

async function compile(
  file: HandlerFile,
  options: {
    readonly pool: WorkerPool;
    readonly timers: Timers;
    readonly language: Language;
    readonly type: HandlerType;
    readonly isBundle?: boolean;
  },
): Promise<Compiled> {
  const { pool, language, type, isBundle = false } = options;
  const worker = await pool.acquire(
    { name: "", language, version: "", memoryBytes: undefined },
    { user: "checks" },
  );
  const timer = options.timers.after(CHECK_TIMEOUT_MS, () => void worker.kill());
  try {
    const end = await worker.check({ file: file.file, type, source: file.source, isBundle });
    if (end.kind === "checked" || end.kind === "refused") return end;
    throw new HandlersError(
      { code: "HANDLER_WORKER_UNAVAILABLE", language },
      `the worker ended while it checked ${file.file}: ${end.kind}`,
    );
  } finally {
    timer.cancel();
    pool.release(worker);
  }
}
