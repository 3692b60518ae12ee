/** The configuration file: YAML, a mapping of options to values. */
import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";
import { isAlias, isMap, isScalar, isSeq, LineCounter, parseDocument } from "yaml";
import { suggest } from "../../workflow/suggest.ts";
import { ConfigError } from "./errors.ts";
import { isOption, type OptionName, optionNames, optionSpec } from "./options.ts";

/** A file of options is a page; more is another file, given by mistake, and YAML takes long to parse. */
const FILE_BYTES_MAX = 16 * 1024;

/** A value as text, and the place that says so. */
export interface Given {
  readonly text: string;
  /** As in `--slots`, `JOBX_SLOTS`, `/etc/jobx.yaml:3` or `default`. */
  readonly source: string;
}

/**
 * The options that the file gives; undefined when `path` does not exist and need not.
 * @throws {ConfigError} `CONFIG_FILE_UNREADABLE`, `CONFIG_FILE_INVALID`, `CONFIG_KEY_UNKNOWN`, `CONFIG_INVALID`.
 */
export function readConfigFile(
  path: string,
  need: "must exist" | "may be absent",
): ReadonlyMap<OptionName, Given> | undefined {
  const text = readText(path, need);
  return text === undefined ? undefined : parseConfigFile(text, path);
}

/** As `readConfigFile`, from the file's text. */
export function parseConfigFile(text: string, path: string): ReadonlyMap<OptionName, Given> {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, uniqueKeys: true });
  const [problem] = document.errors;
  if (problem !== undefined) {
    throw invalidFile(path, problem.linePos?.[0].line ?? 1, problem.message.split("\n")[0] ?? "");
  }
  const given = new Map<OptionName, Given>();
  const { contents } = document;
  // An empty file says nothing, which is allowed.
  if (contents === null || (isScalar(contents) && contents.value === null)) return given;
  if (!isMap(contents)) throw invalidFile(path, 1, "expected options, one `name: value` a line");
  for (const { key, value } of contents.items) {
    const node = isScalar(key) ? key : undefined;
    const [start = 0] = node?.range ?? [];
    const { line } = lines.linePos(start);
    const source = `${path}:${line}`;
    const name = String(node?.value ?? "");
    if (!isOption(name)) throw unknownKey(name, source, optionNames());
    given.set(name, { text: valueText(name, value, source), source });
  }
  return given;
}

/** @throws {ConfigError} `CONFIG_KEY_UNKNOWN`, always. */
export function unknownKey(key: string, source: string, known: readonly string[]): ConfigError {
  const close = suggest(key, known);
  const hint = close === null ? `known are ${known.join(", ")}` : `did you mean ${close}?`;
  return new ConfigError(
    { code: "CONFIG_KEY_UNKNOWN", key, source },
    `${source}: there is no option ${key}; ${hint}`,
  );
}

function valueText(name: OptionName, value: unknown, source: string): string {
  const wrong = (expected: string): ConfigError =>
    new ConfigError(
      { code: "CONFIG_INVALID", option: name, source },
      `${source}: ${name}: expected ${expected}`,
    );
  const { list } = optionSpec(name);
  if (isSeq(value)) {
    if (list !== true) throw wrong("one value, found a list");
    const parts = value.items.map((item) => (isScalar(item) ? item.value : item));
    const texts = parts.filter((part): part is string => typeof part === "string");
    if (texts.length < parts.length || texts.some((text) => text.includes(","))) {
      throw wrong("a list of texts without commas");
    }
    return texts.join(",");
  }
  if (isAlias(value) || !isScalar(value)) throw wrong("a value, found a mapping or a reference");
  const { value: scalar } = value;
  if (typeof scalar === "string") return scalar;
  // As it was written: 0x10 or 1e3 would come back as another text.
  if (typeof scalar === "number") return value.source ?? String(scalar);
  throw wrong("a text or a number");
}

function readText(path: string, need: "must exist" | "may be absent"): string | undefined {
  try {
    const text = readBounded(path);
    if (text !== undefined) return text;
    throw invalidFile(path, 1, `larger than ${FILE_BYTES_MAX} bytes`);
  } catch (cause) {
    if (cause instanceof ConfigError) throw cause;
    const absent = cause instanceof Error && "code" in cause && cause.code === "ENOENT";
    if (absent && need === "may be absent") return undefined;
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new ConfigError(
      { code: "CONFIG_FILE_UNREADABLE", path },
      `cannot read the configuration ${path}: ${reason}`,
      { cause },
    );
  }
}

/** Undefined when there is more than may be; what a file says of its size is not believed. */
function readBounded(path: string): string | undefined {
  // Else opening a pipe that nobody writes to would not end, and no signal would end the node.
  const file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    if (!fstatSync(file).isFile()) {
      throw new Error("it is no file; a folder, a pipe and a device are not read");
    }
    const buffer = Buffer.alloc(FILE_BYTES_MAX + 1);
    let length = 0;
    while (length < buffer.length) {
      const bytes = readSync(file, buffer, length, buffer.length - length, null);
      if (bytes === 0) return buffer.toString("utf8", 0, length);
      length += bytes;
    }
    return undefined;
  } finally {
    closeSync(file);
  }
}

function invalidFile(path: string, line: number, reason: string): ConfigError {
  return new ConfigError(
    { code: "CONFIG_FILE_INVALID", path, line },
    `${path}:${line}: the configuration cannot be read: ${reason}`,
  );
}
