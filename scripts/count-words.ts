/**
 * Counts the words of a folder of texts in one process, the plain way. The demo compares a cluster's
 * result with it, so it shares no code with the handlers of `examples/wordcount`: those use a regular
 * expression on chunks, this walks over the characters of whole files.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

const isLetter = (character: string): boolean => /^\p{L}$/u.test(character);
const isApostrophe = (character: string): boolean => character === "'" || character === "\u2019";

/**
 * How often each word stands in a text. A word is a run of letters and of single apostrophes between
 * two letters, in lower case; both kinds of apostrophe count as `'`.
 */
export function countText(text: string, counts: Map<string, number>): void {
  const letters = new Map<string, boolean>();
  const known = (character: string): boolean => {
    const found = letters.get(character);
    if (found !== undefined) return found;
    const letter = isLetter(character);
    letters.set(character, letter);
    return letter;
  };
  let word = "";
  let apostrophe = false;
  const finish = (): void => {
    if (word !== "") {
      const key = word.toLowerCase();
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
    word = "";
    apostrophe = false;
  };
  for (const character of text) {
    if (known(character)) {
      word += apostrophe ? `'${character}` : character;
      apostrophe = false;
    } else if (isApostrophe(character) && word !== "" && !apostrophe) {
      apostrophe = true;
    } else {
      finish();
    }
  }
  finish();
}

/** What a folder holds: its `.txt` files, their bytes, and the words in them. */
export interface FolderCount {
  readonly documents: number;
  readonly bytes: number;
  readonly counts: ReadonlyMap<string, number>;
}

/** Counts the words of all files of `folder` that end in `.txt`, subfolders left out. */
export function countFolder(folder: string): FolderCount {
  const counts = new Map<string, number>();
  let documents = 0;
  let bytes = 0;
  for (const name of readdirSync(folder)) {
    if (!name.endsWith(".txt")) continue;
    const content = readFileSync(join(folder, name));
    documents += 1;
    bytes += content.length;
    countText(content.toString("utf8"), counts);
  }
  return { documents, bytes, counts };
}
