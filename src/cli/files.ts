/** Reading what people give the command line: workflow files, folders of handlers, arguments. */
import { isUtf8 } from "node:buffer";
import type { Dirent } from "node:fs";
import { readdir, readFile, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { Lexer, LineCounter, parseDocument } from "yaml";
import { APPLY_BODY_BYTES_MAX, BODY_BYTES_MAX } from "../api/limits.ts";
import type { HandlerFile } from "../api/ports.ts";
import { assert } from "../std/assert.ts";
import { JobxError } from "../std/errors.ts";
import { BUNDLE_FILE } from "../workflow/bundle.ts";
import { handlersAmong } from "../workflow/handler-names.ts";
import { readBundle } from "./bundle.ts";
import { cliError } from "./errors.ts";
import type { Io } from "./io.ts";

/** Files looked at in one folder of handlers; ten times what a workflow may have. */
const FILES_MAX = 10_000;
/** Folders in folders. */
const DEPTH_MAX = 32;
/**
 * Aliases that one document may have, and resolve: enough for real files, too few for a bomb. Each that is
 * wrong takes the parser as long as the text is.
 */
const YAML_ALIASES_MAX = 100;
/** What the lexer of YAML says before the text of a plain or block scalar. */
const SCALAR_MARK = "\u001f";

/**
 * The value of a YAML file.
 * @throws {JobxError} `CLI_FILE_UNREADABLE`, `CLI_FILE_TOO_LARGE`, `CLI_FILE_NOT_UTF8` and
 * `CLI_YAML_INVALID` with the line.
 */
export async function readYaml(path: string): Promise<unknown> {
  return parseYaml(await readText(path, { bytesMax: BODY_BYTES_MAX, why: YAML_WHY }), path);
}

/** As `readYaml`, from the file's text. @throws {JobxError} `CLI_YAML_INVALID` with the line. */
export function parseYaml(text: string, path: string): unknown {
  const lines = new LineCounter();
  try {
    if (countAliases(text) > YAML_ALIASES_MAX)
      throw yamlError({ path, line: 1 }, new Error(`it has more than ${YAML_ALIASES_MAX} aliases`));
    // Making each error pretty takes the whole text: a minute, where nothing in a large file is right.
    const options = { prettyErrors: false, lineCounter: lines, uniqueKeys: true };
    const document = parseDocument(text, options);
    const [problem] = document.errors;
    if (problem !== undefined) {
      throw yamlError({ path, line: lines.linePos(problem.pos[0]).line }, problem);
    }
    const value: unknown = document.toJS({ maxAliasCount: YAML_ALIASES_MAX });
    return value;
  } catch (cause) {
    if (cause instanceof JobxError) throw cause;
    throw yamlError({ path, line: 1 }, cause);
  }
}

function countAliases(text: string): number {
  let count = 0;
  let before = "";
  for (const token of new Lexer().lex(text)) {
    if (token.startsWith("*") && before !== SCALAR_MARK) count += 1;
    before = token;
  }
  return count;
}

/**
 * The handlers of a folder, with their sources. Links to files are followed, links to folders are not.
 * @throws {JobxError} `CLI_FILE_UNREADABLE`, `CLI_FOLDER_TOO_LARGE`, `CLI_FILE_TOO_LARGE`,
 * `CLI_FILE_NOT_UTF8` with the line, and the codes of `handlersAmong` and `readBundle`.
 */
export async function readHandlers(folder: string): Promise<readonly HandlerFile[]> {
  const handlers: HandlerFile[] = [];
  let bytesLeft = APPLY_BODY_BYTES_MAX;
  for (const { name, path, language = "executable" } of handlersAmong(await walk(folder))) {
    const limit = { bytesMax: bytesLeft, why: SOURCES_WHY };
    const source =
      basename(path) === BUNDLE_FILE
        ? await readBundle(dirname(join(folder, path)))
        : await readText(join(folder, path), limit);
    if (source.length > bytesLeft) throw tooLarge(join(folder, path), limit);
    bytesLeft -= Buffer.byteLength(source);
    handlers.push({ name, path, language, source });
  }
  return handlers;
}

/**
 * A text file, or the standard input for `-`.
 * @throws {JobxError} `CLI_FILE_UNREADABLE`, `CLI_FILE_TOO_LARGE`, `CLI_FILE_NOT_UTF8`.
 */
export async function readArgumentsText(path: string, io: Io): Promise<string> {
  const limit = { bytesMax: BODY_BYTES_MAX, why: ARGUMENTS_WHY };
  if (path !== "-") return readText(path, limit);
  const bytes = await io.readInput(BODY_BYTES_MAX);
  if (bytes === undefined) throw tooLarge("the standard input", limit);
  return decode("the standard input", bytes);
}

/** How much is read, and the end of the sentence that refuses more. */
interface Limit {
  readonly bytesMax: number;
  readonly why: string;
}

const YAML_WHY = "of a workflow file";
const SOURCES_WHY = `are left of the ${APPLY_BODY_BYTES_MAX} that all handlers of a workflow may have together`;
const ARGUMENTS_WHY =
  "of arguments, which a node takes whole, in one call; put large inputs into files and pass their paths";

async function readText(path: string, limit: Limit): Promise<string> {
  let bytes: Uint8Array;
  try {
    // Looked at first, so that a wrong name does not fill the memory.
    if ((await stat(path)).size > limit.bytesMax) throw tooLarge(path, limit);
    bytes = await readFile(path);
  } catch (cause) {
    if (cause instanceof Error && "code" in cause && cause.code !== TOO_LARGE) {
      throw unreadable(path, cause);
    }
    throw cause;
  }
  return decode(path, bytes);
}

/** Bytes that are no UTF-8 are not replaced: what runs would not be what is in the file. */
function decode(path: string, bytes: Uint8Array): string {
  if (isUtf8(bytes)) return new TextDecoder().decode(bytes);
  const line = firstUndecodable(bytes);
  throw cliError(
    { code: "CLI_FILE_NOT_UTF8", path, line },
    `${path}, line ${line}: the bytes are not UTF-8; save the file as UTF-8`,
  );
}

/** The number of the first line that is no UTF-8; the byte at a line's end is in no other character. */
function firstUndecodable(bytes: Uint8Array): number {
  let from = 0;
  for (let line = 1; ; line++) {
    const end = bytes.indexOf(LINE_END, from);
    if (!isUtf8(bytes.subarray(from, end < 0 ? bytes.length : end))) return line;
    assert(end >= 0, "of what is no UTF-8 one line is none either");
    from = end + 1;
  }
}

const LINE_END = 0x0a;
const TOO_LARGE = "CLI_FILE_TOO_LARGE";

/** Paths of all files, relative, with `/`, in a fixed order. */
async function walk(folder: string): Promise<readonly string[]> {
  const found: string[] = [];
  const visit = async (relative: string, depth: number): Promise<void> => {
    for (const entry of await list(join(folder, relative))) {
      const path = relative === "" ? entry.name : `${relative}/${entry.name}`;
      // What no handler can be in: large foreign trees, caches, hidden folders.
      const skipped = entry.name === "node_modules" || /^[._]/u.test(entry.name);
      if (entry.isDirectory() && !skipped && depth < DEPTH_MAX) await visit(path, depth + 1);
      if (entry.isFile() || (entry.isSymbolicLink() && (await isFile(join(folder, path))))) {
        found.push(path);
      }
      if (found.length > FILES_MAX) {
        throw cliError(
          { code: "CLI_FOLDER_TOO_LARGE", path: folder, filesMax: FILES_MAX },
          `${folder} has more than ${FILES_MAX} files; is it the folder of the handlers?`,
        );
      }
    }
  };
  await visit("", 0);
  return found.sort();
}

async function list(folder: string): Promise<readonly Dirent[]> {
  try {
    return await readdir(folder, { withFileTypes: true });
  } catch (cause) {
    throw unreadable(folder, cause);
  }
}

async function isFile(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isFile();
  } catch {
    // A link to nothing is no handler.
    return false;
  }
}

function unreadable(path: string, cause: unknown): Error {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return cliError({ code: "CLI_FILE_UNREADABLE", path }, `cannot read ${path}: ${reason}`, {
    cause,
  });
}

function tooLarge(path: string, { bytesMax, why }: Limit): Error {
  return cliError(
    { code: "CLI_FILE_TOO_LARGE", path, bytesMax },
    `${path} is too large: at most ${bytesMax} bytes ${why}`,
  );
}

function yamlError(at: { readonly path: string; readonly line: number }, cause: unknown): Error {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return cliError(
    { code: "CLI_YAML_INVALID", path: at.path, line: at.line },
    `${at.path} is not valid YAML: ${reason}`,
    { cause },
  );
}
