/** Reading what people give the command line: workflow files, folders of handlers, arguments. */
import type { Dirent } from "node:fs";
import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { parseDocument } from "yaml";
import { APPLY_BODY_BYTES_MAX, BODY_BYTES_MAX } from "../api/limits.ts";
import type { HandlerFile } from "../api/ports.ts";
import { decodeUtf8 } from "../api/values.ts";
import { handlersAmong } from "../workflow/handler-names.ts";
import { cliError } from "./errors.ts";
import type { Io } from "./io.ts";

/** Files looked at in one folder of handlers; ten times what a workflow may have. */
const FILES_MAX = 10_000;
/** Folders in folders. */
const DEPTH_MAX = 32;
/** Aliases that one document may resolve: enough for real files, too few for a bomb. */
const YAML_ALIASES_MAX = 100;

/**
 * The value of a YAML file.
 * @throws {JobxError} `CLI_FILE_UNREADABLE`, `CLI_FILE_TOO_LARGE`, `CLI_YAML_INVALID` with the line.
 */
export async function readYaml(path: string): Promise<unknown> {
  const text = await readText(path, BODY_BYTES_MAX);
  const document = parseDocument(text, { prettyErrors: true, uniqueKeys: true });
  const [problem] = document.errors;
  if (problem !== undefined) {
    const line = problem.linePos?.[0].line ?? 1;
    throw yamlError({ path, line }, problem);
  }
  try {
    const value: unknown = document.toJS({ maxAliasCount: YAML_ALIASES_MAX });
    return value;
  } catch (cause) {
    throw yamlError({ path, line: 1 }, cause);
  }
}

/**
 * The handlers of a folder, with their sources. Links to files are followed, links to folders are not.
 * @throws {JobxError} `CLI_FILE_UNREADABLE`, `CLI_FOLDER_TOO_LARGE`, `CLI_FILE_TOO_LARGE`, and the
 * codes of `handlersAmong`.
 */
export async function readHandlers(folder: string): Promise<readonly HandlerFile[]> {
  const handlers: HandlerFile[] = [];
  let bytesLeft = APPLY_BODY_BYTES_MAX;
  for (const { name, path, language } of handlersAmong(await walk(folder))) {
    const source = await readText(join(folder, path), bytesLeft);
    bytesLeft -= Buffer.byteLength(source);
    handlers.push({ name, path, language, source });
  }
  return handlers;
}

/**
 * A text file, or the standard input for `-`.
 * @throws {JobxError} `CLI_FILE_UNREADABLE`, `CLI_FILE_TOO_LARGE`.
 */
export async function readArgumentsText(path: string, io: Io): Promise<string> {
  if (path !== "-") return readText(path, BODY_BYTES_MAX);
  const bytes = await io.readInput(BODY_BYTES_MAX);
  if (bytes === undefined) throw tooLarge("the standard input", BODY_BYTES_MAX);
  return decodeUtf8(bytes);
}

async function readText(path: string, bytesMax: number): Promise<string> {
  let bytes: Uint8Array;
  try {
    // Looked at first, so that a wrong name does not fill the memory.
    if ((await stat(path)).size > bytesMax) throw tooLarge(path, bytesMax);
    bytes = await readFile(path);
  } catch (cause) {
    if (cause instanceof Error && "code" in cause && cause.code !== TOO_LARGE) {
      throw unreadable(path, cause);
    }
    throw cause;
  }
  return decodeUtf8(bytes);
}

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

function tooLarge(path: string, bytesMax: number): Error {
  return cliError(
    { code: "CLI_FILE_TOO_LARGE", path, bytesMax },
    `${path} is too large: at most ${bytesMax} bytes`,
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
