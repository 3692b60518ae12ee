/** Texts that people write (YAML, JSON, sources) made worse: lines, words, nesting, length. */
import type { Chance } from "../sim/chance.ts";

/** Characters of a text that was made longer on purpose: what takes the square of it takes too long. */
const LONG_LENGTH = 60_000;

/** How often a text is made so long: each costs as much as a thousand others. */
const LONG_RATIO = 0.002;

const WORDS = [
  ...["null", "true", "-1", "0", "1e999", "99999999999999999999", '""', "''", "[]", "{}", "~"],
  ...[
    "*a",
    "&a",
    "<<",
    "!!js/function",
    "!<tag>",
    "? ",
    "- ",
    ": ",
    "#",
    "%YAML 9.9",
    "---",
    "...",
  ],
  ...[
    "__proto__",
    "\t",
    "\u0000",
    "\ufeff",
    "\ud800",
    "é",
    "60s",
    "9h",
    "1GiB",
    "[",
    "{",
    '"',
    "`",
  ],
  ...["'", "/*", "*/", "**", "** yaml", "** json", '"""', "'''", "\\", "//", "|", ">-", "@", "\r"],
];

/** Beginnings of what is repeated until it is long. */
const REPEATED = [
  ...["[", "{a: ", "- ", '"\\', "`\\", "'\\", "&a [*a,", "? ", "\n", "a: 1\n", "**\n", "/*", "\\"],
  ...[" ", "# x\n", "!", "'''", '"', "{", "a\\\n", "*\n", "//", "\r\n", "- - "],
];

/** One to four changes, or now and then one that makes it long or deep. */
export function mutateText(text: string, chance: Chance): string {
  let mutant = text;
  for (let left = chance.whole(1, 4); left > 0; left--) mutant = changed(mutant, chance);
  if (!chance.hits(LONG_RATIO)) return mutant;
  const unit = chance.pick(REPEATED);
  const at = chance.whole(0, mutant.length);
  const long = unit.repeat(Math.ceil(LONG_LENGTH / unit.length));
  return mutant.slice(0, at) + long + mutant.slice(at);
}

function changed(text: string, chance: Chance): string {
  const lines = text.split("\n");
  const at = chance.whole(0, lines.length - 1);
  const line = lines[at] ?? "";
  const other = chance.pick(lines);
  switch (chance.whole(0, 8)) {
    case 0:
      return lines.toSpliced(at, 1).join("\n");
    case 1:
      return lines.toSpliced(at, 0, other).join("\n");
    case 2:
      return lines.with(at, other).join("\n");
    case 3:
      return lines.with(at, " ".repeat(chance.whole(1, 4)) + line).join("\n");
    case 4:
      return lines.with(at, replacedWord(line, chance)).join("\n");
    case 5:
      return text.slice(0, chance.whole(0, text.length));
    case 6:
      return lines.with(at, line.slice(chance.whole(0, line.length))).join("\n");
    default: {
      const place = chance.whole(0, text.length);
      const end = chance.hits(0.5) ? place : Math.min(text.length, place + chance.whole(1, 6));
      return text.slice(0, place) + chance.pick(WORDS) + text.slice(end);
    }
  }
}

function replacedWord(line: string, chance: Chance): string {
  const words = line.split(/\b/u);
  return words.with(chance.whole(0, words.length - 1), chance.pick(WORDS)).join("");
}
