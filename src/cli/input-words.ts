/** What `jobx map` may be given as input: where objects are, as people write it, and the files of this machine. */
import { glob, readFile, stat } from "node:fs/promises";
import { join, resolve, sep } from "node:path";
import type { ObjectSource } from "../api/object-input.ts";
import { cliError } from "./errors.ts";

/** Before the name of a file with an input on each line. */
const LIST_MARK = "@";

/** What one word names. */
export type InputWord =
  | { readonly kind: "source"; readonly source: ObjectSource }
  /** Files here, to be put where the nodes find them. */
  | { readonly kind: "here"; readonly files: readonly string[] };

/**
 * `s3://bucket/prefix*`, `https://…`, `WORKFLOW:/path*`, `node:/path*` (of each node's own disk), `@LIST`, or a
 * path or pattern of this machine.
 * @throws {JobxError} `CLI_USAGE` for what fits nothing, `CLI_FILE_UNREADABLE` for a list that cannot be read.
 */
export async function inputWords(
  words: readonly string[],
  workflow: string,
): Promise<readonly InputWord[]> {
  const found: InputWord[] = [];
  for (const word of words) {
    if (word.startsWith(LIST_MARK)) {
      const lines = (await readList(word.slice(LIST_MARK.length))).split(/\r?\n/u);
      const named = lines.map((line) => line.trim()).filter((line) => line !== "");
      found.push(...(await Promise.all(named.map((line) => inputWord(line, workflow)))));
    } else found.push(await inputWord(word, workflow));
  }
  return found;
}

async function inputWord(word: string, workflow: string): Promise<InputWord> {
  if (/^https?:\/\//u.test(word)) return { kind: "source", source: { type: "url", url: word } };
  const s3 = /^s3:\/\/(?<bucket>[^/]+)(?:\/(?<path>.*))?$/su.exec(word)?.groups;
  if (s3 !== undefined) {
    const { bucket = "", path = "" } = s3;
    const wild = path.search(/[*?[{]/u);
    const prefix = wild < 0 ? path : path.slice(0, wild);
    const match = wild < 0 ? undefined : path;
    return { kind: "source", source: { type: "s3", bucket, prefix, match } };
  }
  const named = /^(?<where>[A-Za-z_][A-Za-z0-9_.]*):(?<path>\/.*)$/su.exec(word)?.groups;
  if (named === undefined) return { kind: "here", files: await filesHere(word) };
  const { where, path = "" } = named;
  if (where === "node")
    return { kind: "source", source: { type: "local", ...folderAndMatch(path) } };
  if (where === workflow) {
    return { kind: "source", source: { type: "volume", ...folderAndMatch(path) } };
  }
  throw usage(`${word}: a request reads its own workflow's volume, ${workflow}:/…`);
}

/** `/a/b/*.gz` is what fits `*.gz` below `/a/b`. */
export function folderAndMatch(path: string): { readonly path: string; readonly match?: string } {
  const parts = path.split("/");
  const wild = parts.findIndex((part) => /[*?[{]/u.test(part));
  if (wild < 0) return { path };
  const folder = parts.slice(0, wild).join("/");
  return { path: folder === "" ? "/" : folder, match: parts.slice(wild).join("/") };
}

async function filesHere(word: string): Promise<readonly string[]> {
  const files: string[] = [];
  const found = await stat(word).catch(() => undefined);
  const pattern = found?.isDirectory() === true ? join(word, "**") : word;
  if (found?.isFile() === true) return [resolve(word)];
  for await (const path of glob(pattern)) {
    if ((await stat(path)).isFile()) files.push(resolve(path));
  }
  if (files.length === 0) throw usage(`${word}: no such file, and no pattern that fits any`);
  return files.sort((left, right) => (left < right ? -1 : 1));
}

/** The folder that all of them are below, and each one's way from there. */
export function belowOne(files: readonly string[]): {
  readonly folder: string;
  readonly names: readonly string[];
} {
  const [first = []] = files.map((file) => file.split(sep).slice(0, -1));
  let depth = first.length;
  for (const file of files) {
    const parts = file.split(sep);
    while (first.slice(0, depth).some((part, at) => parts[at] !== part)) depth -= 1;
  }
  const names = files.map((file) => file.split(sep).slice(depth).join("/"));
  return { folder: first.slice(0, depth).join(sep), names };
}

async function readList(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (cause) {
    const details = { code: "CLI_FILE_UNREADABLE", path } as const;
    throw cliError(details, `cannot read the list ${path}: ${String(cause)}`, { cause });
  }
}

function usage(message: string): Error {
  return cliError({ code: "CLI_USAGE", command: "map" }, message);
}
