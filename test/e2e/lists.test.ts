/** Requests over lists of objects, with real nodes and a server that fails on purpose. */
import { execFile } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { ObjectInputBody } from "../../src/api/object-input.ts";
import type { RequestView } from "../../src/api/ports.ts";
import { useCluster } from "../lib/e2e-cluster.ts";
import { NODE, ROOT } from "../lib/e2e-nodes.ts";
import { ObjectServer, type Served } from "../lib/object-server.ts";
import { bzip2, xz } from "../lib/packers.ts";

const OBJECTS = 60;
const cluster = useCluster(3);
const run = promisify(execFile);
let server: ObjectServer;

function lines(count: number): Buffer {
  return Buffer.from(Array.from({ length: count }, (_, at) => `line ${at}\n`).join(""));
}

beforeAll(async () => {
  const objects = new Map<string, Served>();
  for (let at = 0; at < OBJECTS; at++) {
    objects.set(`/many/${at}.txt.gz`, { bytes: gzipSync(lines(at)) });
  }
  objects.set("/late.txt", { bytes: lines(7), delayMs: 2_000 });
  objects.set("/cut.txt", { bytes: lines(1_000), cut: 2 });
  objects.set("/failing.txt", { bytes: lines(3), failing: 4 });
  objects.set("/bad.gz", { bytes: lines(2) });
  objects.set("/a.zst", { bytes: zstdCompressSync(lines(11)) });
  objects.set("/a.xz", { bytes: xz(lines(12)) });
  objects.set("/a.bz2", { bytes: bzip2(lines(13)) });
  server = await ObjectServer.start(objects);
  await jobx(1, "apply", join(ROOT, "test/e2e/lists/lists.yaml"));
  await cluster.scheduler("lists", 1);
}, 120_000);

afterAll(() => server.close());

async function jobx(node: number, ...words: readonly string[]): Promise<string> {
  const env = { ...process.env, JOBX_API: cluster.api(node), JOBX_TOKEN: cluster.token };
  const { stdout } = await run(NODE, [join(ROOT, "bin/jobx.js"), ...words], { env });
  return stdout;
}

async function ended(job: string, input: Omit<ObjectInputBody, "type">): Promise<RequestView> {
  const client = cluster.client(1);
  const { request } = await client.submit({
    ...{ workflow: "lists", job, arguments: [], idempotencyKey: undefined },
    input: { type: "objects", ...input },
  });
  for (;;) {
    const view = await client.request(request, { waitMs: 30_000, withResult: true });
    if (["succeeded", "failed", "cancelled"].includes(view.state)) return view;
  }
}

function sources(...paths: readonly string[]): ObjectInputBody["sources"] {
  return paths.map((path) => ({ type: "url", url: server.url(path) }));
}

function resultOf(view: RequestView): ReadonlyMap<unknown, unknown> {
  return new Map((view.result?.pairs ?? []).map(([key, value]) => [key, value]));
}

test("each object of a list is given to one mapper, unpacked, and the results of all are reduced", async () => {
  const paths = Array.from({ length: OBJECTS }, (_, at) => `/many/${at}.txt.gz`);
  const view = await ended("lines", { form: "lines", sources: sources(...paths) });
  expect(view).toMatchObject({ state: "succeeded" });
  const counts = resultOf(view);
  expect(counts.size).toBe(OBJECTS);
  for (let at = 0; at < OBJECTS; at++) {
    expect(counts.get(server.url(`/many/${at}.txt.gz`))).toBe(at);
  }
  expect(view.steps["lines"]).toMatchObject({ total: OBJECTS + 1, done: OBJECTS + 1, failed: 0 });
}, 120_000);

test("what is packed in any of the usual ways is unpacked", async () => {
  const paths = ["/a.zst", "/a.xz", "/a.bz2"];
  const counts = resultOf(await ended("lines", { form: "lines", sources: sources(...paths) }));
  expect(paths.map((path) => counts.get(server.url(path)))).toEqual([11, 12, 13]);
}, 60_000);

test("a mapper gets the path of a complete file, which has the object's name without its packing", async () => {
  const [first] = sources("/many/40.txt.gz");
  const view = await ended("files", { sources: [first ?? {}] });
  expect(view).toMatchObject({ state: "succeeded" });
  const size = lines(40).length;
  expect(resultOf(view).get(server.url("/many/40.txt.gz"))).toEqual(["40.txt", size]);
}, 60_000);

test("objects that are late, break off or fail for a while are counted like all others", async () => {
  const paths = ["/late.txt", "/cut.txt", "/failing.txt", "/many/5.txt.gz"];
  const view = await ended("lines", { form: "lines", sources: sources(...paths) });
  expect(view).toMatchObject({ state: "succeeded" });
  const counts = resultOf(view);
  expect(paths.map((path) => counts.get(server.url(path)))).toEqual([7, 1_000, 3, 5]);
}, 120_000);

test("an object that is not there fails the request with its name, or is skipped where that is declared", async () => {
  const paths = sources("/many/1.txt.gz", "/nowhere", "/bad.gz");
  const failed = await ended("lines", { form: "lines", sources: paths });
  expect(failed.state).toBe("failed");
  expect(failed.error?.message).toMatch(/nowhere|bad/u);
  const view = await ended("lines", { form: "lines", sources: paths, unavailable: "skip" });
  expect(view).toMatchObject({ state: "succeeded" });
  expect([...resultOf(view)]).toEqual([[server.url("/many/1.txt.gz"), 1]]);
  expect(view.steps["lines"]).toMatchObject({ total: 4, done: 2, failed: 2 });
}, 120_000);

test("the command puts files of this machine into the volume and runs the job over them", async () => {
  const folder = join(cluster.folder, "here");
  await mkdir(join(folder, "b"), { recursive: true });
  await writeFile(join(folder, "a.txt"), lines(4));
  await writeFile(join(folder, "b", "c.txt.gz"), gzipSync(lines(6)));
  const words = ["map", "lists", "lines", folder, "--as", "lines", "--wait", "--json"];
  const told: unknown = JSON.parse(await jobx(2, ...words));
  expect(told).toMatchObject({ state: "succeeded" });
  expect(JSON.stringify(told)).toMatch(/a\.txt",4\].*c\.txt\.gz",6\]/u);
}, 120_000);

test("a source that is none is refused before anything is submitted", async () => {
  const refused = ended("lines", { sources: [{ type: "ftp", url: "ftp://a" }] });
  await expect(refused).rejects.toMatchObject({ code: "API_INPUT_INVALID" });
});
