import { expect, test } from "vitest";
import { Moving } from "./moving.ts";

const STALL_MS = 200;

/** `parts` of content, each after `pauseMs`. */
function content(parts: number, pauseMs: number): ReadableStream<Uint8Array> {
  let left = parts;
  return new ReadableStream(
    {
      async pull(controller) {
        await new Promise((resolve) => setTimeout(resolve, pauseMs));
        if (left === 0) controller.close();
        else controller.enqueue(Uint8Array.of(left));
        left -= 1;
      },
    },
    { highWaterMark: 0 },
  );
}

async function lengthOf(stream: ReadableStream<Uint8Array>): Promise<number> {
  let bytes = 0;
  for await (const part of stream) bytes += part.length;
  return bytes;
}

test("content that moves may take longer than the bound", async () => {
  const moving = new Moving(content(8, 50), STALL_MS);
  expect(await moving.whileMoving(lengthOf(moving.content))).toBe(8);
});

test("who takes nothing, and who says nothing after the last part, is given up", async () => {
  const untaken = new Moving(content(8, 0), STALL_MS);
  expect(await untaken.whileMoving(new Promise(() => undefined))).toBeUndefined();
  const silent = new Moving(content(2, 0), STALL_MS);
  const said = lengthOf(silent.content).then(() => new Promise(() => undefined));
  expect(await silent.whileMoving(said)).toBeUndefined();
});
