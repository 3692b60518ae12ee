/** Which files of a folder are handlers, and what they are called. */
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
  readonly language: HandlerLanguage;
}

/**
 * The handlers among the files of a folder, sorted by name. Skipped are files without an extension or
 * with one that no language has (and declarations, `.d.ts`), and whatever has a folder or file name that begins with
 * `_` or a dot: helpers, caches, hidden files. `paths` are relative to the folder, with `/`.
 * @throws {JobxError} `HANDLER_NAME_INVALID`, `HANDLER_NAME_DUPLICATE` with both files, `HANDLER_TOO_MANY`.
 */
export function handlersAmong(paths: readonly string[]): readonly HandlerPath[] {
  const byName = new Map<string, HandlerPath>();
  for (const path of paths) {
    const handler = handlerAt(path);
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

function handlerAt(path: string): HandlerPath | undefined {
  const parts = path.split("/");
  if (parts.some((part) => part === "" || part.startsWith("_") || part.startsWith("."))) {
    return undefined;
  }
  const language = languageOfFile(path);
  if (language === undefined) return undefined;
  return { name: withoutLanguage(path).replaceAll("/", "_"), path, language };
}
