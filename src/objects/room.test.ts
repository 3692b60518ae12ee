import { expect, test } from "vitest";
import { RESERVE_BYTES, type Room, within } from "./room.ts";

const CHUNKS = [Buffer.alloc(6), Buffer.alloc(4)];

async function taken(room: Room): Promise<number> {
  let bytes = 0;
  async function* content(): AsyncGenerator<Uint8Array, void, undefined> {
    yield* CHUNKS;
  }
  for await (const chunk of within(content(), { object: "o", room })) bytes += chunk.length;
  return bytes;
}

test("content of as many bytes as an object may have passes, and of one more does not", async () => {
  const freeBytes = () => Promise.resolve(RESERVE_BYTES);
  expect(await taken({ bytesMax: 10, freeBytes })).toBe(10);
  const more = taken({ bytesMax: 9, freeBytes });
  await expect(more).rejects.toMatchObject({ details: { code: "OBJECT_DAMAGED" } });
});

test("content is not written into what is left free for the rest of the node", async () => {
  const full = taken({ bytesMax: 10, freeBytes: () => Promise.resolve(RESERVE_BYTES - 1) });
  await expect(full).rejects.toMatchObject({ details: { code: "OBJECT_NO_ROOM" } });
});
