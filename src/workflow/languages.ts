/** Languages that handlers are written in, and the files that are of each. */

/** TypeScript counts as JavaScript. An executable is whatever the machine can start: a script, a binary. */
export type HandlerLanguage = "javascript" | "python" | "executable" | "container";

/** Those whose sources begin with a comment that describes the handler. */
export type CommentedLanguage = Exclude<HandlerLanguage, "container">;

const LANGUAGES: ReadonlyMap<string, HandlerLanguage> = new Map<string, HandlerLanguage>([
  ["js", "javascript"],
  ["mjs", "javascript"],
  ["ts", "javascript"],
  ["mts", "javascript"],
  ["py", "python"],
  ...["sh", "bash", "awk", "pl", "rb", "tcl"].map((end) => [end, "executable"] as const),
]);

/** The language of a file by its extension; undefined for all others, and for mere declarations. */
export function languageOfFile(path: string): HandlerLanguage | undefined {
  if (isContainerFile(path)) return "container";
  const dot = path.lastIndexOf(".");
  if (dot <= path.lastIndexOf("/") || /\.d\.m?ts$/.test(path)) return undefined;
  return LANGUAGES.get(path.slice(dot + 1));
}

/** Containers are described in YAML, which is no language of its own. */
const CONTAINER_END = /\.container\.ya?ml$/;

function isContainerFile(path: string): boolean {
  return CONTAINER_END.test(path);
}

/** A file's path without what tells its language. */
export function withoutLanguage(path: string): string {
  return isContainerFile(path)
    ? path.replace(CONTAINER_END, "")
    : path.slice(0, path.lastIndexOf("."));
}
