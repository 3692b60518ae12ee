/** Splits a document into chunks, given as byte ranges of the file.
 *
 * A chunk ends before a blank or at the end of the file, so no word is cut: a word holds no blank, and a
 * byte below 128 is never part of a longer UTF-8 sequence.
 ** yaml
 * handler_type: mapper
 * argument_spec: [{ name: arguments, type: list }]
 * required_capability: none
 */
import { readFile } from "node:fs/promises";

const BLANKS = new Set([" ", "\n", "\r", "\t"].map((blank) => blank.charCodeAt(0)));

export async function* map(args, ctx) {
  yield ctx.mapTo("words");
  for (const [path, chunkBytes] of args) {
    const bytes = await readFile(path);
    for (let from = 0; from < bytes.length; ) {
      let to = Math.min(from + chunkBytes, bytes.length);
      while (to < bytes.length && !BLANKS.has(bytes[to])) to += 1;
      yield [path, [from, to]];
      from = to;
    }
  }
}
