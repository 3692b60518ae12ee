/**
 * Where a handler's source carries its description and metadata: the first block comment of a
 * JavaScript file, the docstring of a Python file, the first lines of an executable that begin with `#`. Only text
 * is looked at; nothing is run.
 */
import type { CommentedLanguage } from "./languages.ts";

/** The opening text of a source, cut at its divider. Line numbers start at 1 and are of the file. */
export interface HandlerComment {
  /** What stands before the divider, without decoration. */
  readonly description: string;
  /** The parser that the divider names. */
  readonly format: "yaml" | "json";
  /** What stands below the divider, ready for the parser. */
  readonly text: string;
  /** Line of the divider; the metadata's line n is line `dividerLine + n` of the file. */
  readonly dividerLine: number;
  /** Line on which the comment or docstring begins. */
  readonly startLine: number;
}

/** A comment, or why there is none that serves. */
export type HandlerCommentResult =
  | { readonly kind: "comment"; readonly comment: HandlerComment }
  | { readonly kind: "missing"; readonly line: number; readonly reason: string };

/** Text between the delimiters, and the line on which it begins. */
interface Opening {
  readonly body: string;
  readonly startLine: number;
}

/** Finds the opening comment of a source and cuts it at the divider. */
export function findHandlerComment(
  source: string,
  language: CommentedLanguage,
): HandlerCommentResult {
  const opening = FINDERS[language](source);
  if (opening === undefined) {
    return { kind: "missing", line: 1, reason: `the file has no ${COMMENT_NAMES[language]}` };
  }
  const lines = opening.body.split("\n").map((line) => line.replace(/\r$/, ""));
  const parsers = lines.map((line, index) => parserNamed(line, { language, isFirst: index === 0 }));
  const divider = parsers.findIndex((parser) => FORMATS.has(parser ?? "none"));
  const format = FORMATS.get(parsers[divider] ?? "none");
  if (format === undefined) return withoutDivider(parsers, opening.startLine);
  const undecorated = language === "javascript" ? lines.map(withoutStar) : lines;
  const description = dedent(undecorated.slice(0, divider)).join("\n").trim();
  return {
    kind: "comment",
    comment: {
      description,
      format,
      text: dedent(undecorated.slice(divider + 1)).join("\n"),
      dividerLine: opening.startLine + divider,
      startLine: opening.startLine,
    },
  };
}

const COMMENT_NAMES = {
  javascript: "block comment that is closed",
  python: "docstring that is closed",
  executable: "lines at its beginning that begin with #",
} as const satisfies Record<CommentedLanguage, string>;

const FINDERS: Readonly<Record<CommentedLanguage, (source: string) => Opening | undefined>> = {
  javascript: findBlockComment,
  python: findDocstring,
  executable: findHashComment,
};

/** By the parser that a divider names, in small letters. */
const FORMATS: ReadonlyMap<string, "yaml" | "json"> = new Map([
  ["", "yaml"],
  ["yaml", "yaml"],
  ["json", "json"],
]);

const DIVIDER = /^\s*\*\*(.*)$/;
const DIVIDER_FIRST = /^\s+\*\*(.*)$/;
const DIVIDER_STARRED = /^\s*(?:\*\s+)?\*\*(.*)$/;

/**
 * What a line that starts with `**` says after it, in small letters; undefined for any other line. In
 * JavaScript such a line may have the star and the blank of other lines before it. Stars that touch a
 * comment's opening are part of that.
 */
function parserNamed(
  line: string,
  options: { readonly language: CommentedLanguage; readonly isFirst: boolean },
): string | undefined {
  const { language, isFirst } = options;
  const starred = isFirst ? DIVIDER_FIRST : DIVIDER_STARRED;
  const pattern = language === "javascript" ? starred : DIVIDER;
  return pattern.exec(line)?.[1]?.trim().toLowerCase();
}

/** A word after the stars is meant as a parser; more may as well be a description. */
function withoutDivider(
  parsers: readonly (string | undefined)[],
  startLine: number,
): HandlerCommentResult {
  const wrong = parsers.findIndex((parser) => parser !== undefined && /^\w{1,20}$/.test(parser));
  const reason =
    wrong < 0
      ? "no divider line (`**`, `** yaml` or `** json`) before the metadata"
      : `no parser is called ${parsers[wrong]}; the divider is \`**\`, \`** yaml\` or \`** json\``;
  return { kind: "missing", line: startLine + Math.max(0, wrong), reason };
}

/** Removes the leading `*` of a comment's line, and one space after it. */
function withoutStar(line: string): string {
  return line.replace(/^\s*\* ?/, "");
}

function dedent(lines: readonly string[]): readonly string[] {
  const widths = lines
    .filter((line) => line.trim() !== "")
    .map((line) => /^[ \t]*/.exec(line)?.[0].length ?? 0);
  const width = widths.length === 0 ? 0 : Math.min(...widths);
  return lines.map((line) => (line.trim() === "" ? "" : line.slice(width)));
}

function lineAt(source: string, offset: number): number {
  return source.slice(0, offset).split("\n").length;
}

/**
 * What may stand before the first block comment are strings and line comments. Each character is passed a
 * few times at most: where a string has no end, none of its kind that begins inside of it has one either.
 */
function findBlockComment(source: string): Opening | undefined {
  const endlessUntil = new Map<string, number>();
  for (let at = 0; at < source.length; ) {
    const char = source[at] ?? "";
    if (source.startsWith("/*", at)) {
      const end = source.indexOf("*/", at + 2);
      if (end < 0) return undefined;
      return { body: source.slice(at + 2, end), startLine: lineAt(source, at) };
    }
    if (source.startsWith("//", at)) {
      const end = source.indexOf("\n", at);
      if (end < 0) return undefined;
      at = end;
    } else if (QUOTES.includes(char) && at >= (endlessUntil.get(char) ?? 0)) {
      const { end, closed } = stringEnd(source, at);
      if (closed) at = end;
      else {
        endlessUntil.set(char, end);
        at += 1;
      }
    } else at += 1;
  }
  return undefined;
}

const QUOTES = ['"', "'", "`"];

/** Where the string that begins at `start` ends; only a template goes over lines. */
function stringEnd(
  source: string,
  start: number,
): { readonly end: number; readonly closed: boolean } {
  const quote = source[start];
  for (let at = start + 1; at < source.length; at += 1) {
    if (source[at] === "\\") at += 1;
    else if (source[at] === quote) return { end: at + 1, closed: true };
    else if (source[at] === "\n" && quote !== "`") return { end: at, closed: false };
  }
  return { end: source.length, closed: false };
}

/** Blank lines and comments may stand before a docstring; it may have a prefix such as `r`. */
const BEFORE_DOCSTRING = /^\uFEFF?(?:[ \t\f]*(?:#[^\n]*)?\r?\n)*[rRuU]?("""|''')/;

function findDocstring(source: string): Opening | undefined {
  const match = BEFORE_DOCSTRING.exec(source);
  const quotes = match?.[1];
  if (match === null || quotes === undefined) return undefined;
  const start = match[0].length;
  const end = endOfDocstring(source, { start, quotes });
  if (end < 0) return undefined;
  return { body: source.slice(start, end), startLine: lineAt(source, start) };
}

function endOfDocstring(
  source: string,
  options: { readonly start: number; readonly quotes: string },
): number {
  for (let at = options.start; at < source.length; at++) {
    if (source[at] === "\\") at++;
    else if (source.startsWith(options.quotes, at)) return at;
  }
  return -1;
}

/** The first lines that begin with `#`, behind one that names an interpreter, without that sign and a blank. */
function findHashComment(source: string): Opening | undefined {
  const lines = source.split("\n");
  const isOpening = (line: string, at: number): boolean =>
    line.startsWith("#") && !(at === 0 && line.startsWith("#!"));
  const first = lines.findIndex(isOpening);
  const before = lines.slice(lines[0]?.startsWith("#!") === true ? 1 : 0, Math.max(0, first));
  if (first < 0 || before.some((line) => line.trim() !== "")) return undefined;
  const end = lines.findIndex((line, at) => at > first && !line.startsWith("#"));
  const comment = lines.slice(first, end < 0 ? lines.length : end);
  const body = comment.map((line) => line.replace(/^# ?/, "")).join("\n");
  return { body, startLine: first + 1 };
}
