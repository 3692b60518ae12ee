/** Which files of a folder are handlers, and what they are called. */
import { BUNDLE_FILE } from "./bundle.ts";
import { HANDLERS_MAX } from "./definition.ts";
import { workflowError } from "./errors.ts";
import { type HandlerLanguage, languageOfFile, withoutLanguage } from "./languages.ts";
import { isName, NAME_RULE } from "./names.ts";

/** A file that is a handler. */
export interface HandlerPath {
  /** Folders and file name without extension, joined by `_`: `map/test/split.py` is `map_test_split`. */
  readonly name: string;
  /** As given. */
  readonly path: string;
  /** Undefined for a bundle, whose `handler.yaml` says what is run. */
  readonly language: HandlerLanguage | undefined;
}

/**
 * The handlers among the files of a folder, sorted by name. A folder with a `handler.yaml` is one handler, whatever
 * else is in it; `path` is that of this file then. Skipped are files without an extension or
 * with one that no language has (and declarations, `.d.ts`), and whatever has a folder or file name that begins with
 * `_` or a dot: helpers, caches, hidden files. `paths` are relative to the folder, with `/`.
 * @throws {JobxError} `HANDLER_NAME_INVALID`, `HANDLER_NAME_DUPLICATE` with both files, `HANDLER_TOO_MANY`.
 */
export function handlersAmong(paths: readonly string[]): readonly HandlerPath[] {
  const byName = new Map<string, HandlerPath>();
  const bundles = paths.filter((path) => path.endsWith(`/${BUNDLE_FILE}`)).map(folderOf);
  const folders = new Set(bundles);
  for (const path of paths) {
    const isBundle = path.endsWith(`/${BUNDLE_FILE}`);
    if (isInside(isBundle ? folderOf(path) : path, folders)) continue;
    const handler = isBundle ? bundleAt(path) : handlerAt(path);
    if (handler === undefined) continue;
    addHandler(byName, handler);
  }
  return [...byName.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}

/**
 * Refuses names that are not names or not unique, for handlers that come from elsewhere.
 * @throws {JobxError} as `handlersAmong`.
 */
export function checkHandlerNames(handlers: readonly HandlerPath[]): void {
  const byName = new Map<string, HandlerPath>();
  for (const handler of handlers) addHandler(byName, handler);
}

function addHandler(byName: Map<string, HandlerPath>, handler: HandlerPath): void {
  const { name, path } = handler;
  if (!isName(name)) {
    throw workflowError(
      { code: "HANDLER_NAME_INVALID", name: name.slice(0, 200), file: path },
      `${path}: its handler would be called '${name.slice(0, 200)}', which is not a name; expected ${NAME_RULE}`,
    );
  }
  const other = byName.get(name);
  if (other !== undefined) {
    throw workflowError(
      { code: "HANDLER_NAME_DUPLICATE", name, files: [other.path, path] },
      `${other.path} and ${path} are both the handler ${name}; rename one of them`,
    );
  }
  byName.set(name, handler);
  if (byName.size > HANDLERS_MAX) {
    throw workflowError(
      { code: "HANDLER_TOO_MANY", countMax: HANDLERS_MAX },
      `a workflow has at most ${HANDLERS_MAX} handlers`,
    );
  }
}

function folderOf(path: string): string {
  return path.slice(0, path.lastIndexOf("/"));
}

/** Whether something lies in one of the folders, at any depth. */
function isInside(path: string, folders: ReadonlySet<string>): boolean {
  for (let at = path.lastIndexOf("/"); at > 0; at = path.lastIndexOf("/", at - 1)) {
    if (folders.has(path.slice(0, at))) return true;
  }
  return false;
}

function isHidden(path: string): boolean {
  return path
    .split("/")
    .some((part) => part === "" || part.startsWith("_") || part.startsWith("."));
}

function bundleAt(path: string): HandlerPath | undefined {
  if (isHidden(path)) return undefined;
  return { name: folderOf(path).replaceAll("/", "_"), path, language: undefined };
}

function handlerAt(path: string): HandlerPath | undefined {
  if (isHidden(path)) return undefined;
  const language = languageOfFile(path);
  if (language === undefined) return undefined;
  return { name: withoutLanguage(path).replaceAll("/", "_"), path, language };
}
