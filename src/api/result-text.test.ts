import { text } from "node:stream/consumers";
import { expect, test } from "vitest";
import { linesBody, objectBody } from "./result-text.ts";

const PIECES = ['["a",1]\n["b","1\\n,2"]\n', "", '["c",{"d":[]}]\n'];

async function* pieces(texts: readonly string[], onRead = (): void => {}) {
  for (const one of texts) {
    onRead();
    yield Buffer.from(one);
  }
}

test("lines go out as they are", async () => {
  expect(await text(linesBody(pieces(PIECES)))).toBe(PIECES.join(""));
});

test("as an object they are a list with commas, between two texts", async () => {
  const around = { before: '{"result":', after: "}" };
  expect(JSON.parse(await text(objectBody(pieces(PIECES), around)))).toEqual({
    result: {
      pairs: [
        ["a", 1],
        ["b", "1\n,2"],
        ["c", { d: [] }],
      ],
    },
  });
  expect(await text(objectBody(pieces([]), around))).toBe('{"result":{"pairs":[]}}');
});

test("everything else has its turn after each piece, though all of them are there", async () => {
  let turns = 0;
  const count = (): void => {
    turns += 1;
    timer = setImmediate(count);
  };
  let timer = setImmediate(count);
  await text(linesBody(pieces(Array.from({ length: 50 }, () => '["k",1]\n'))));
  clearImmediate(timer);
  expect(turns).toBeGreaterThanOrEqual(50);
});

test("no more is read than the reader takes, and one who goes ends the reading", async () => {
  let read = 0;
  let isClosed = false;
  async function* endless() {
    try {
      for (;;) {
        read += 1;
        yield Buffer.from('["k",1]\n');
      }
    } finally {
      isClosed = true;
    }
  }
  const body = linesBody(endless());
  for await (const piece of body) {
    expect(String(piece)).toBe('["k",1]\n');
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
    break;
  }
  expect(read).toBeLessThanOrEqual(3);
  await expect.poll(() => isClosed).toBe(true);
});
