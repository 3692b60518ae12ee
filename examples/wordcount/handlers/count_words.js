/** Yields a pair (word, 1) for every word of a chunk.
 ** yaml
 * handler_type: mapper
 * argument_spec: [{ name: arguments, type: list }]
 * required_capability: none
 */
import { closeSync, openSync, readSync } from "node:fs";

/** Letters, and single apostrophes between two letters. */
const WORD = /\p{L}+(?:['\u2019]\p{L}+)*/gu;

function read(path, from, to) {
  const bytes = Buffer.alloc(to - from);
  const file = openSync(path);
  try {
    return bytes.subarray(0, readSync(file, bytes, 0, bytes.length, from)).toString("utf8");
  } finally {
    closeSync(file);
  }
}

// Not async: nothing is waited for between two words, and there are millions of them.
export function* map(args, ctx) {
  yield ctx.toReturn();
  for (const [path, [from, to]] of args) {
    for (const [word] of read(path, from, to).matchAll(WORD)) {
      yield [word.toLowerCase().replaceAll("\u2019", "'"), 1];
    }
  }
}
