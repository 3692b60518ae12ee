import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { HTTP_READER } from "./http-reader.ts";
import { listObjects, STRETCH_MS } from "./list-objects.ts";
import { LocalReader } from "./local-reader.ts";
import { PASSED_UNTOLD } from "./ports.ts";
import { S3Reader } from "./s3-reader.ts";
import { VolumeReader } from "./volume-reader.ts";

test("a stretch in which nothing is wanted ends in time, and the next one goes on after it", async () => {
  const folder = await mkdtemp(join(tmpdir(), "jobx-list-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const names = Array.from({ length: PASSED_UNTOLD }, (_, at) => `a${String(at)}.log`);
  for (const name of [...names, "b.txt"]) await writeFile(join(folder, name), "");
  const list = async (cursor: string) => {
    let nowMs = 0;
    return listObjects({
      sources: [{ type: "local", path: folder, match: "*.txt" }],
      ...{ cursor, limit: 10 },
      readers: {
        url: HTTP_READER,
        s3: new S3Reader({}),
        volume: new VolumeReader(undefined),
        local: new LocalReader([folder]),
      },
      nowMs: () => {
        nowMs += STRETCH_MS;
        return nowMs;
      },
      signal: new AbortController().signal,
    });
  };
  const first = await list("");
  expect(first).toMatchObject({ objects: [], closed: false });
  const second = await list(first.cursor);
  expect(second.objects).toMatchObject([{ path: join(folder, "b.txt") }]);
});
