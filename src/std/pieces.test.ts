import { expect, test } from "vitest";
import { joinedSmall } from "./pieces.ts";

async function* stream(...lengths: readonly number[]): AsyncGenerator<Uint8Array> {
  let next = 0;
  for (const length of lengths) {
    yield await Promise.resolve(Uint8Array.from({ length }, () => next++ % 251));
  }
}

test("small parts are joined into pieces, large ones pass as they are, and the bytes stay in order", async () => {
  const lengths = [3, 3, 3, 3, 20, 1, 10, 10, 4, 0, 2];
  const pieces: Uint8Array[] = [];
  for await (const piece of joinedSmall(stream(...lengths), { smallBytes: 10, pieceBytes: 9 })) {
    pieces.push(piece);
  }
  expect(pieces.map(({ length }) => length)).toEqual([9, 3, 20, 1, 10, 10, 6]);
  const whole = Buffer.concat(pieces);
  expect([...whole]).toEqual(Array.from({ length: 59 }, (_, at) => at % 251));
});

test("a stream without bytes has no pieces", async () => {
  const pieces: Uint8Array[] = [];
  for await (const piece of joinedSmall(stream(), { smallBytes: 10, pieceBytes: 9 })) {
    pieces.push(piece);
  }
  expect(pieces).toEqual([]);
});
