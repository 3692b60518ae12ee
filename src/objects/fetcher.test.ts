import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { ObjectServer, type Served } from "../../test/lib/object-server.ts";
import { type FetchFor, ObjectFetcher } from "./fetcher.ts";
import { HTTP_READER } from "./http-reader.ts";
import { LocalReader } from "./local-reader.ts";
import { ObjectCache } from "./object-cache.ts";
import { S3Reader } from "./s3-reader.ts";
import { VolumeReader } from "./volume-reader.ts";

async function parts(objects: Readonly<Record<string, Served>>, budgetBytes: number) {
  const directory = await mkdtemp(join(tmpdir(), "jobx-fetcher-"));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  const server = await ObjectServer.start(new Map(Object.entries(objects)));
  onTestFinished(() => server.close());
  const cache = await ObjectCache.open(directory, budgetBytes);
  const fetcher = new ObjectFetcher(cache);
  const fetch = (path: string, of: Partial<FetchFor> = {}) =>
    fetcher.fetch({ type: "url", url: server.url(path) }, { ...FOR, ...of });
  return { cache, fetch };
}

const FOR: FetchFor = {
  step: "s",
  ahead: 4,
  workflow: "w",
  readers: {
    url: HTTP_READER,
    s3: new S3Reader({}),
    volume: new VolumeReader(undefined),
    local: new LocalReader([]),
  },
  signal: new AbortController().signal,
  timeoutMs: 30_000,
};

test("what is here is let go when the server does not tell whether it has changed", async () => {
  const object: Served = { bytes: Buffer.from("text") };
  const { cache, fetch } = await parts({ "/a": object, "/b": { bytes: Buffer.from("more") } }, 4);
  await (await fetch("/a")).release();
  object.failing = 99;
  await expect(fetch("/a")).rejects.toThrow("503");
  // Only what nobody holds makes room.
  await (await fetch("/b")).release();
  expect(cache.bytes).toBe(4);
});

test("a fetch ends by the time of its unit, also where it waits for another one's", async () => {
  const { fetch } = await parts({ "/a": { bytes: Buffer.from("text"), delayMs: 3_000 } }, 4);
  const begunMs = performance.now();
  const long = fetch("/a");
  const failed = { details: { code: "OBJECT_FETCH_FAILED" } };
  await expect(fetch("/a", { timeoutMs: 100 })).rejects.toMatchObject(failed);
  expect(performance.now() - begunMs).toBeLessThan(2_500);
  await (await long).release();
  const alone = fetch("/a", { timeoutMs: 100 });
  await expect(alone).rejects.toThrow("within the 100 ms");
});
