import { access, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { ObjectCache } from "./object-cache.ts";

async function directoryOf(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "jobx-cache-"));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

function put(cache: ObjectCache, name: string, text: string) {
  async function* content(): AsyncGenerator<Uint8Array, void, undefined> {
    yield Buffer.from(text);
  }
  return cache.put(name, { object: name, content: content(), version: "1" });
}

test("what is put stays while it is held, whatever others release meanwhile", async () => {
  const cache = await ObjectCache.open(await directoryOf(), 0);
  const putAndRead = async (name: string): Promise<string> => {
    // Two texts only: what one releases is what another one puts.
    const held = await put(cache, name, `text ${name.length % 2}`);
    const text = await readFile(held.path, "utf8");
    await held.release();
    return text;
  };
  for (let round = 0; round < 40; round++) {
    const names = Array.from({ length: 12 }, (_, at) => "n".repeat(at + 1));
    const texts = await Promise.all(names.map(putAndRead));
    expect(texts).toEqual(names.map(({ length }) => `text ${length % 2}`));
  }
  expect(cache.bytes).toBe(0);
});

test("content whose file is gone is not given, and is taken in anew", async () => {
  const cache = await ObjectCache.open(await directoryOf(), 100);
  const held = await put(cache, "a", "text");
  await held.release();
  await rm(held.path);
  expect(await cache.get("a")).toBeUndefined();
  expect(cache.bytes).toBe(0);
  await (await put(cache, "a", "text")).release();
  const again = await cache.get("a");
  await expect(access(again?.path ?? "")).resolves.toBeUndefined();
});

test("content that cannot get its place counts for nothing", async () => {
  const directory = await directoryOf();
  const cache = await ObjectCache.open(directory, 100);
  await rm(join(directory, "content"), { recursive: true });
  const failed = put(cache, "a", "text");
  await expect(failed).rejects.toMatchObject({ details: { code: "OBJECT_FETCH_FAILED" } });
  expect(cache.bytes).toBe(0);
});

test("names go with what they lead to, also when that went while nobody looked", async () => {
  const directory = await directoryOf();
  const names = () => readdir(join(directory, "names"));
  const cache = await ObjectCache.open(directory, 4);
  await (await put(cache, "a", "text")).release();
  await (await put(cache, "b", "more")).release();
  expect(await names()).toHaveLength(1);
  await rm(join(directory, "content"), { recursive: true });
  await ObjectCache.open(directory, 4);
  expect(await names()).toEqual([]);
});
