/** Languages that handlers are written in, and the files that are of each. */

/** TypeScript counts as JavaScript. An executable is whatever the machine can start: a script, a binary. */
export type HandlerLanguage = "javascript" | "python" | "executable";

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
  const dot = path.lastIndexOf(".");
  if (dot <= path.lastIndexOf("/") || /\.d\.m?ts$/.test(path)) return undefined;
  return LANGUAGES.get(path.slice(dot + 1));
}
