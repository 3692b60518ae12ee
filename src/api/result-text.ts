/** The pairs of a result on their way out: piece by piece, with a turn of the loop after each. */
import { Readable } from "node:stream";
import { setImmediate as turn } from "node:timers/promises";

/** Lines of JSON, a pair on each, in pieces of whole lines. */
type Lines = AsyncIterable<Uint8Array>;

const LINE_BREAK = 0x0a;
const COMMA = 0x2c;

/** The lines as they are. */
export function linesBody(lines: Lines): Readable {
  return bodyOf(lines);
}

/** `{"pairs":[…]}` between two texts. */
export function objectBody(lines: Lines, around: { before: string; after: string }): Readable {
  return bodyOf(asObject(lines, around));
}

/** One piece is made ready while another is sent; the reader's pace decides when the next is read. */
function bodyOf(pieces: Lines): Readable {
  return Readable.from(takingTurns(pieces), { objectMode: false, highWaterMark: 1 });
}

/** What has arrived already would else be sent in one go, however many read. */
async function* takingTurns(pieces: Lines): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const piece of pieces) {
    if (piece.length > 0) yield piece;
    await turn();
  }
}

async function* asObject(
  lines: Lines,
  { before, after }: { readonly before: string; readonly after: string },
): AsyncGenerator<Uint8Array, void, undefined> {
  yield Buffer.from(`${before}{"pairs":[`);
  let gap = "";
  for await (const piece of lines) {
    if (piece.length === 0) continue;
    const text = Buffer.concat([Buffer.from(gap), piece.subarray(0, -1)]);
    for (let at = text.indexOf(LINE_BREAK); at >= 0; at = text.indexOf(LINE_BREAK, at + 1)) {
      text[at] = COMMA;
    }
    yield text;
    gap = ",";
  }
  yield Buffer.from(`]}${after}`);
}
