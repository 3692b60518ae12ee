import { expect, test } from "vitest";
import { FsError } from "../../fs/errors.ts";
import { namingFile } from "./named-loss.ts";

/** Some bytes, and then this. */
async function* broken(error: Error): AsyncGenerator<Uint8Array, void, undefined> {
  yield new Uint8Array(3);
  await Promise.resolve();
  throw error;
}

async function read(bytes: AsyncIterable<Uint8Array>): Promise<number> {
  let count = 0;
  for await (const some of bytes) count += some.length;
  return count;
}

test("a block that nobody has is told with the file that needs it", async () => {
  for (const code of ["FS_BLOCK_LOST", "FS_BLOCK_MISSING"] as const) {
    const error = new FsError({ code, cid: "abc" }, "no node has the block any more");
    await expect(read(namingFile("in/f", broken(error)))).rejects.toMatchObject({
      details: { code, cid: "abc", path: "/in/f" },
      message: "no node has the block any more: the file /in/f needs the block abc",
    });
  }
});

test("what else goes wrong stays as it is", async () => {
  const full = new FsError({ code: "FS_DISK_FULL", path: "/d" }, "no room");
  await expect(read(namingFile("in/f", broken(full)))).rejects.toBe(full);
  const mistake = new Error("a mistake");
  await expect(read(namingFile("in/f", broken(mistake)))).rejects.toBe(mistake);
});
