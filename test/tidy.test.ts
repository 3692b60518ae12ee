/** Rules of our own that no linter knows. What is checked is what git would keep: `.gitignore` folders are left out. */
import { execFileSync } from "node:child_process";
import { globSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { expect, test } from "vitest";
import { HTTP_STATUS } from "../src/api/status.ts";

/** docs/STYLE.md: look again at 250 lines, split at 500. */
const LINES_MAX = 500;

const root = join(import.meta.dirname, "..");
const read = (file: string): string => readFileSync(join(root, file), "utf8");
const find = (...patterns: readonly string[]): readonly string[] =>
  globSync([...patterns], {
    cwd: root,
    exclude: ["**/node_modules/**", "**/__pycache__/**"],
  }).sort();

const sources = find("src/**/*.ts").filter((file) => !file.endsWith(".test.ts"));
const code = find(
  "{src,test,bench,scripts,bin,examples}/**/*.{ts,mjs,js,py,sh}",
  "*.{ts,js,cjs}",
  "scripts/jobx",
  ".ci/run",
);
const markdown = find("*.md", "{docs,src,test,bench,scripts,examples}/**/*.md");
const texts = [...code, ...markdown, ...find("*.json", "**/*.{yaml,yml,txt}", "bin/*")];

/** The files in which a pattern is found, with the text that matched. */
function offenders(files: readonly string[], pattern: RegExp): readonly string[] {
  return files.flatMap((file) => {
    const match = pattern.exec(read(file));
    return match === null ? [] : [`${file}: ${match[0].trim()}`];
  });
}

/** Where codes stand: in types, in details, in calls that make an error or a refusal, in a union. */
const CODE_PLACES = [
  /\bcode:\s*\|?\s*("[A-Z0-9]+_[A-Z0-9_]+"(?:\s*\|\s*"[A-Z0-9]+_[A-Z0-9_]+")*)/g,
  /\bconst code = ([^;]*);/g,
  /\b(?:refused|problem|Fault)\(\s*("[A-Z0-9]+_[A-Z0-9_]+")/g,
  /^\s*\| ("[A-Z0-9]+_[A-Z0-9_]+")/gm,
];

/** Error codes as they are written in types and at the place where the error is made. */
function codesIn(source: string): readonly string[] {
  return CODE_PLACES.flatMap((place) => [...source.matchAll(place)])
    .flatMap(([, list = ""]) => [...list.matchAll(/"([A-Z0-9]+_[A-Z0-9_]+)"/g)])
    .map(([, name = ""]) => name)
    .filter((name) => !name.startsWith("ERR_")); // Node's own.
}

test("the rules look at files at all", () => {
  expect(sources.length).toBeGreaterThan(50);
  expect(code).toContain("scripts/cluster.sh");
  expect(markdown).toContain("docs/errors.md");
});

test("every error code is in docs/errors.md, and none there is dead", () => {
  const used = new Set(sources.flatMap((file) => codesIn(read(file))));
  const rows = [...read("docs/errors.md").matchAll(/^\| `([A-Z0-9_]+)`/gm)].map(([, name]) => name);
  expect(
    rows.filter((row, index) => rows.indexOf(row) !== index),
    "twice",
  ).toEqual([]);
  expect([...rows].sort()).toEqual([...used].sort());
});

test("the HTTP statuses in docs/errors.md are those of the API", () => {
  const rows = [...read("docs/errors.md").matchAll(/^\| `([A-Z0-9_]+)` \| (\d+)? *\|/gm)];
  const told = rows.flatMap(([, name, status]) => (status ? [[name, Number(status)]] : []));
  expect(Object.fromEntries(told)).toEqual(HTTP_STATUS);
});

test("the table of imports in docs/ARCHITECTURE.md is the one that is enforced", () => {
  const [, table = ""] = /MAY_IMPORT = \{(.*?)^\};/ms.exec(read(".dependency-cruiser.cjs")) ?? [];
  const enforced = [...table.matchAll(/^ {2}(\w+): \[([^\]]*)\]/gm)].map(
    ([, folder, list = ""]) => {
      return [folder, [...list.matchAll(/\w+/g)].map(String).sort()];
    },
  );
  const rows = [...read("docs/ARCHITECTURE.md").matchAll(/^\| `(\w+)` \|[^|]*\| ([\w, ]+) \|$/gm)];
  const told = rows.map(([, folder, list = ""]) => {
    return [folder, list === "nothing" ? [] : list.split(", ").sort()];
  });
  expect(enforced.length).toBeGreaterThan(10);
  expect(Object.fromEntries(told)).toEqual(Object.fromEntries(enforced));
});

test("the README names every flag of a node, with its variable", () => {
  const args = [join(root, "src/node/main.ts"), "--help"];
  const help = execFileSync(join(root, "node_modules/.bin/node"), args, { encoding: "utf8" });
  const told = help.split("\n").filter((line) => line.includes("JOBX_"));
  expect(told.length).toBeGreaterThan(8);
  const rows = read("README.md");
  for (const line of told) {
    const flag = /--[a-z-]+/.exec(line)?.[0];
    const variable = /JOBX_[A-Z_]+/.exec(line)?.[0];
    expect(rows).toMatch(new RegExp(`\\| \`${flag} [^|]*\\| \`${variable}\` \\|`));
  }
});

test("the decisions are numbered from 1 without a gap", () => {
  const numbers = find("docs/decisions/*.md").map((file) => Number(basename(file).slice(0, 4)));
  expect(numbers).toEqual(numbers.map((_, index) => index + 1));
});

test("no leftovers of somebody's afternoon", () => {
  // In pieces, or the pattern would find itself.
  const leftovers = new RegExp(["FIX" + "ME", "\\bdebug" + "ger\\b", "\\.on" + "ly\\("].join("|"));
  expect(offenders(code, leftovers)).toEqual([]);
});

test("no file of code is longer than 500 lines", () => {
  const long = code.filter((file) => read(file).split("\n").length - 1 > LINES_MAX);
  expect(long).toEqual([]);
});

test("no path of a developer's machine is in the project", () => {
  const folders = ["home", "Users", "root", "work"].join("|");
  expect(offenders(texts, new RegExp(`(?<![\\w.~*$}/-])/(?:${folders})/[\\w.-]+`))).toEqual([]);
});

test("every Markdown file has exactly one title, and it comes first", () => {
  const wrong = markdown.filter((file) => {
    const prose = read(file).replace(/^```[\s\S]*?^```/gm, "");
    const titles = prose.match(/^# .+/gm) ?? [];
    return titles.length !== 1 || !prose.startsWith("# ");
  });
  expect(wrong).toEqual([]);
});
