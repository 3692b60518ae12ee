import { mkdir, mkdtemp, rm, symlink, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { gunzipSync } from "node:zlib";
import { afterEach, beforeEach, expect, test } from "vitest";
import { BUNDLE_BYTES_MAX, BUNDLE_MARK, decodeBundle } from "../workflow/bundle.ts";
import { readBundle } from "./bundle.ts";
import { readHandlers } from "./files.ts";

let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "jobx-bundle-"));
});
afterEach(() => rm(folder, { recursive: true }));

async function write(path: string, text: string, mode = 0o644): Promise<void> {
  await mkdir(dirname(join(folder, path)), { recursive: true });
  await writeFile(join(folder, path), text, { mode });
}

function contentsOf(source: string): unknown {
  const packed = Buffer.from(source.slice(BUNDLE_MARK.length), "base64");
  const found = decodeBundle(gunzipSync(packed));
  if (found.kind === "malformed") return found.reason;
  return found.files.map(({ path, isExecutable, bytes }) => [
    ...[path, isExecutable, Buffer.from(bytes).toString()],
  ]);
}

test("all of a folder is packed, links followed, without caches and histories", async () => {
  await write("a/handler.yaml", "main: run");
  await write("a/run", "#!/bin/sh", 0o755);
  await write("a/node_modules/x/index.js", "x");
  await write("a/_private/.hidden", "kept");
  await write("a/.git/config", "left out");
  await write("a/__pycache__/x.pyc", "left out");
  await write("outside", "linked");
  await symlink(join(folder, "outside"), join(folder, "a/link"));
  await symlink("nowhere", join(folder, "a/dead"));
  expect(contentsOf(await readBundle(join(folder, "a")))).toEqual([
    ["_private/.hidden", false, "kept"],
    ["handler.yaml", false, "main: run"],
    ["link", false, "linked"],
    ["node_modules/x/index.js", false, "x"],
    ["run", true, "#!/bin/sh"],
  ]);
});

test("a folder packed twice gives the same text", async () => {
  await write("a/handler.yaml", "main: run");
  const first = await readBundle(join(folder, "a"));
  await writeFile(join(folder, "a/handler.yaml"), "main: run");
  expect(await readBundle(join(folder, "a"))).toBe(first);
});

test("a folder that is too large is refused", async () => {
  await write("a/handler.yaml", "main: run");
  await write("a/large", "");
  await truncate(join(folder, "a/large"), BUNDLE_BYTES_MAX + 1);
  await expect(readBundle(join(folder, "a"))).rejects.toMatchObject({
    code: "CLI_BUNDLE_TOO_LARGE",
  });
});

test("a folder that leads back into itself comes to an end with a refusal", async () => {
  await write("a/handler.yaml", "main: run");
  await symlink(".", join(folder, "a/loop"));
  await expect(readBundle(join(folder, "a"))).rejects.toMatchObject({
    code: "CLI_BUNDLE_TOO_LARGE",
  });
});

test("a bundle is one handler among the files of a folder, whatever is in it", async () => {
  await write("text/count/handler.yaml", "main: main.py");
  await write("text/count/main.py", "");
  await write("text/count/deep/handler.yaml", "main: none");
  await write("text/split.py", "");
  const handlers = await readHandlers(folder);
  expect(handlers.map(({ name, path }) => [name, path])).toEqual([
    ["text_count", "text/count/handler.yaml"],
    ["text_split", "text/split.py"],
  ]);
  expect(contentsOf(handlers[0]?.source ?? "")).toHaveLength(3);
});
