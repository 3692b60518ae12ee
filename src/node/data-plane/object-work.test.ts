import { mkdir, mkdtemp, readdir, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { expect, onTestFinished, test } from "vitest";
import { DataPlaneKit } from "../../../test/lib/data-plane-kit.ts";
import { ObjectServer, type Served } from "../../../test/lib/object-server.ts";
import { bzip2, xz } from "../../../test/lib/packers.ts";
import type { Dataset, Outcome } from "../../wire/dataset.ts";
import type { ObjectInput } from "../../wire/objects.ts";

const LINES = "one\ntwo\r\nthree";

async function opened(options: Parameters<typeof DataPlaneKit.open>[0] = {}) {
  const kit = await DataPlaneKit.open(options);
  onTestFinished(() => kit.close());
  return kit;
}

async function serving(objects: Readonly<Record<string, Served>>) {
  const server = await ObjectServer.start(new Map(Object.entries(objects)));
  onTestFinished(() => server.close());
  return server;
}

async function listed(
  kit: DataPlaneKit,
  sources: readonly object[],
  options: { readonly cursor?: string; readonly limit?: number } = {},
): Promise<Outcome> {
  const pairs = sources.map((source, at) => [at, { ...source }] as const);
  const { cursor = "", limit = 100 } = options;
  return kit.run({
    ...{ kind: "list", sources: await kit.plane.storePairs(pairs), cursor, limit },
    ...{ parts: 1, keepYieldOrder: true, timeoutMs: 10_000 },
  });
}

function childrenOf(outcome: Outcome): Dataset {
  if (outcome.kind !== "listed") throw new Error(JSON.stringify(outcome));
  return outcome.children;
}

/** What `objects.js` tells of each object of a list. */
async function given(
  kit: DataPlaneKit,
  sources: readonly object[],
  input: Partial<ObjectInput> = {},
): Promise<readonly (readonly [unknown, unknown])[]> {
  const mapper = await kit.handler("objects.js");
  const objects: ObjectInput = {
    ...{ form: "lines", compression: "auto", ahead: 3, unavailable: "fail" },
    ...input,
  };
  const children = childrenOf(await listed(kit, sources));
  const told: (readonly [unknown, unknown])[] = [];
  for (const piece of children) {
    for (let first = 0; first < piece.count; first++) {
      const slice = [{ piece, first, count: 1 }];
      const outcome = await kit.run({ ...mapOf(kit, mapper), input: slice, objects });
      if (outcome.kind !== "combined") throw new Error(JSON.stringify(outcome));
      told.push(...(await kit.pairsOf(outcome.pairs)));
    }
  }
  return told;
}

function mapOf(kit: DataPlaneKit, mapper: Parameters<DataPlaneKit["reduceOf"]>[0]) {
  const work = kit.mapOf({ mapper }, []);
  if (work.kind !== "map") throw new Error("a map unit");
  return work;
}

test("a stretch ends where it is long enough, and the next one goes on after it", async () => {
  const kit = await opened();
  const sources = [1, 2, 3].map((at) => ({ type: "url", url: `http://127.0.0.1/${at}` }));
  const names: unknown[] = [];
  let cursor = "";
  for (let stretches = 1; ; stretches++) {
    const outcome = await listed(kit, sources, { cursor, limit: 2 });
    if (outcome.kind !== "listed") throw new Error(JSON.stringify(outcome));
    names.push(...(await kit.pairsOf(outcome.children)).map(([key]) => key));
    if (outcome.closed) {
      expect(stretches).toBe(2);
      break;
    }
    cursor = outcome.cursor;
  }
  expect(names).toEqual(sources.map(({ url }) => url));
});

test("what is packed in each way reaches the mapper as its lines", async () => {
  const kit = await opened();
  const bytes = Buffer.from(LINES);
  const server = await serving({
    "/a": { bytes },
    "/a.gz": { bytes: gzipSync(bytes) },
    "/a.zst": { bytes: zstdCompressSync(bytes) },
    "/a.xz": { bytes: xz(bytes) },
    "/a.bz2": { bytes: bzip2(bytes) },
  });
  const urls = server.paths.map((path) => server.url(path));
  const told = await given(
    kit,
    urls.map((url) => ({ type: "url", url })),
  );
  const all = { count: 3, first: [1, "one"], last: [3, "three"], text: null };
  expect(told).toEqual(urls.map((url) => [url, all]));
});

test("each form gives the mapper what it is called for", async () => {
  const kit = await opened();
  const server = await serving({
    "/r.ndjson": { bytes: Buffer.from('{"a":1}\n\nno\n[2]\n9007199254740993\n') },
    "/t.csv": { bytes: Buffer.from('name,said\r\nAda,"well, ""yes"""\nBob,"two\nlines"\n') },
    "/b": { bytes: Buffer.from(LINES) },
    "/f.txt.gz": { bytes: gzipSync(Buffer.from(LINES)) },
  });
  const from = (path: string) => [{ type: "url", url: server.url(path) }];
  const one = async (path: string, form: ObjectInput["form"]) =>
    (await given(kit, from(path), { form })).map(([, what]) => what);
  expect(await one("/r.ndjson", "ndjson")).toEqual([
    { count: 2, first: [1, { a: 1 }], last: [4, [2]], text: null },
  ]);
  expect(await one("/t.csv", "csv")).toEqual([
    {
      ...{ count: 2, text: null },
      first: [1, { name: "Ada", said: 'well, "yes"' }],
      last: [2, { name: "Bob", said: "two\nlines" }],
    },
  ]);
  const piece = [0, Buffer.from(LINES).toString("base64")];
  expect(await one("/b", "bytes")).toEqual([{ count: 1, first: piece, last: piece, text: null }]);
  const [file] = await one("/f.txt.gz", "path");
  expect(file).toMatchObject({ count: 1, text: LINES });
  const [, path = ""] = /"first":\["[^"]*","([^"]*)"/u.exec(JSON.stringify(file)) ?? [];
  expect(basename(path)).toBe("f.txt");
  // The file was the mapper's: it went with the call.
  expect(await readdir(join(kit.directory, "objects", "files"))).toEqual([]);
});

test("lines that are no records are counted and told with the object and their numbers", async () => {
  const kit = await opened();
  const bytes = Buffer.from('{"a":1}\nno\n[2]\n{"b"\n');
  const server = await serving({ "/r": { bytes } });
  const url = server.url("/r");
  const [piece] = childrenOf(await listed(kit, [{ type: "url", url }]));
  if (piece === undefined) throw new Error("nothing was listed");
  const outcome = await kit.run({
    ...mapOf(kit, await kit.handler("objects.js")),
    input: [{ piece, first: 0, count: 1 }],
    objects: { form: "ndjson", compression: "auto", ahead: 3, unavailable: "fail" },
  });
  expect(outcome).toMatchObject({
    warnings: [`${url}: 2 lines are no record and left out: lines 2, 4`],
  });
});

test("an object that has not changed is not sent again; one that has is", async () => {
  const kit = await opened();
  const object: Served = { bytes: Buffer.from(LINES) };
  const server = await serving({ "/a": object });
  const sources = [{ type: "url", url: server.url("/a") }];
  await given(kit, sources);
  await given(kit, sources);
  expect([server.asked, server.sentBytes]).toEqual([2, LINES.length]);
  const { objectBytes } = await kit.plane.counts();
  expect(objectBytes).toEqual({ source: LINES.length, cache: LINES.length, volume: 0, local: 0 });
});

test("a fetch that fails or breaks off is tried again, and then fails with the object's name", async () => {
  const kit = await opened();
  const bytes = Buffer.from(LINES);
  const server = await serving({
    "/failing": { bytes, failing: 1 },
    "/cut": { bytes, cut: 1 },
    "/hopeless": { bytes, failing: 99 },
    "/bad.gz": { bytes },
  });
  const url = (path: string) => ({ type: "url", url: server.url(path) });
  const told = await given(kit, [url("/failing"), url("/cut")]);
  expect(told).toHaveLength(2);
  const failures = ["/hopeless", "/nowhere", "/bad.gz"].map((path) =>
    given(kit, [url(path)]).catch((error: unknown) => String(error)),
  );
  const [hopeless, nowhere, bad] = await Promise.all(failures);
  expect(hopeless).toMatch(/OBJECT_FETCH_FAILED.*\/hopeless cannot be fetched: .* 503/u);
  expect(nowhere).toMatch(/OBJECT_MISSING.*\/nowhere/u);
  expect(bad).toMatch(/OBJECT_DAMAGED.*\/bad\.gz/u);
});

test("files of the machine are read below the folders that its owner allows, and nowhere else", async () => {
  const folder = await mkdtemp(join(tmpdir(), "jobx-objects-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const allowed = join(folder, "in");
  await mkdir(join(allowed, "b"), { recursive: true });
  await writeFile(join(allowed, "a.txt"), LINES);
  await writeFile(join(allowed, "b", "c.txt"), LINES);
  await writeFile(join(allowed, "d.log"), LINES);
  await writeFile(join(folder, "secret.txt"), LINES);
  await symlink("../secret.txt", join(allowed, "link.txt"));
  const kit = await opened({ objects: { folders: [allowed], cacheBytes: 1 } });
  const source = { type: "local", path: allowed, match: "**/*.txt" };
  const names = (await given(kit, [source])).map(([name]) => name);
  expect(names).toEqual([join(allowed, "a.txt"), join(allowed, "b/c.txt")]);
  for (const path of [join(folder, "secret.txt"), join(allowed, "link.txt"), folder]) {
    const outcome = await listed(kit, [{ type: "local", path }]);
    expect(outcome).toMatchObject({ kind: "failed", error: { code: "OBJECT_LIST_FAILED" } });
  }
});

test("no more objects are fetched at once for a step than its request says", async () => {
  const kit = await opened();
  const paths = Array.from({ length: 8 }, (_, at) => `/${at}`);
  const server = await serving(
    Object.fromEntries(paths.map((path) => [path, { bytes: Buffer.from(path), delayMs: 50 }])),
  );
  const sources = paths.map((path) => ({ type: "url", url: server.url(path) }));
  const children = childrenOf(await listed(kit, sources));
  const work = mapOf(kit, await kit.handler("objects.js"));
  const objects = { form: "lines", compression: "auto", ahead: 2, unavailable: "fail" } as const;
  const runs = children.flatMap((piece) =>
    Array.from({ length: piece.count }, (_, first) =>
      kit.run({ ...work, input: [{ piece, first, count: 1 }], objects }),
    ),
  );
  await Promise.all(runs);
  expect(server.busyMost).toBe(2);
});

test("a disk that fails under an object fails its unit, and no other one of the node", async () => {
  const kit = await opened();
  const server = await serving({ "/a": { bytes: Buffer.from(LINES) } });
  const sources = [{ type: "url", url: server.url("/a") }];
  // Where files of handlers should be is a file.
  await writeFile(join(kit.directory, "objects", "files"), "");
  const failed = given(kit, sources, { form: "path" });
  await expect(failed).rejects.toThrow(/"failed".*OBJECT_FETCH_FAILED/u);
  expect(await given(kit, sources)).toHaveLength(1);
});

test("objects of a volume that is not here fail their unit, and no other one of the node", async () => {
  const kit = await opened();
  const [piece] = await kit.plane.storePairs([["v", { type: "volume", path: "v", bytes: 1 }]]);
  if (piece === undefined) throw new Error("nothing was stored");
  const outcome = await kit.run({
    ...mapOf(kit, await kit.handler("objects.js")),
    input: [{ piece, first: 0, count: 1 }],
    objects: { form: "lines", compression: "auto", ahead: 3, unavailable: "fail" },
  });
  expect(outcome).toMatchObject({ kind: "failed", error: { code: "OBJECT_FETCH_FAILED" } });
});
