/** Languages that handlers are written in, and the files that are of each. */

/** TypeScript counts as JavaScript. */
export type HandlerLanguage = "javascript" | "python";

const LANGUAGES: ReadonlyMap<string, HandlerLanguage> = new Map([
  ["js", "javascript"],
  ["mjs", "javascript"],
  ["ts", "javascript"],
  ["mts", "javascript"],
  ["py", "python"],
]);

/** The language of a file by its extension; undefined for all others, and for mere declarations. */
export function languageOfFile(path: string): HandlerLanguage | undefined {
  const dot = path.lastIndexOf(".");
  if (dot <= path.lastIndexOf("/") || /\.d\.m?ts$/.test(path)) return undefined;
  return LANGUAGES.get(path.slice(dot + 1));
}
