/** Files of a workflow over HTTP: put at one node, read at another, and a node that took an upload and dies. */
import { hash, randomBytes } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { request } from "node:http";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { useCluster } from "../lib/e2e-cluster.ts";
import { eventually } from "../lib/e2e-eventually.ts";

const MIB = 1024 * 1024;
const cluster = useCluster(3);

beforeAll(async () => {
  await cluster.client(1).createWorkflow({ workflow: "text" });
  await cluster.scheduler("text", 1);
});

function url(node: number, route: string, query: Readonly<Record<string, string>> = {}): URL {
  const at = new URL(`/v1/workflows/text/fs/${route}`, cluster.api(node));
  for (const [name, value] of Object.entries(query)) at.searchParams.set(name, value);
  return at;
}

function headers(more: Readonly<Record<string, string>> = {}): Record<string, string> {
  return { authorization: `Bearer ${cluster.token}`, "jobx-deadline-ms": "60000", ...more };
}

async function put(node: number, path: string, content: Uint8Array<ArrayBuffer>): Promise<unknown> {
  const at = url(node, "file", { path, parents: "true" });
  const answer = await fetch(at, { method: "PUT", headers: headers(), body: content });
  return answer.json();
}

async function read(
  node: number,
  path: string,
  more: Readonly<Record<string, string>> = {},
): Promise<{ readonly status: number; readonly hash: string; readonly bytes: Buffer }> {
  const answer = await fetch(url(node, "file", { path }), { headers: headers(more) });
  const bytes = Buffer.from(await answer.arrayBuffer());
  return { status: answer.status, hash: hash("sha256", bytes, "hex"), bytes };
}

async function post(node: number, route: string, body: object): Promise<unknown> {
  const type = { "content-type": "application/json" };
  const init = { method: "POST", headers: headers(type), body: JSON.stringify(body) };
  return (await fetch(url(node, route), init)).json();
}

async function look(node: number, route: string, query: Record<string, string>): Promise<unknown> {
  return (await fetch(url(node, route, query), { headers: headers() })).json();
}

/** The names of a page. */
function namesIn(page: unknown): readonly string[] {
  return [...JSON.stringify(page).matchAll(/"name":"(?<name>\w+)"/gu)].map(
    ({ groups }) => groups?.["name"] ?? "",
  );
}

/** Begins an upload and cuts it after some bytes. */
function cut(node: number, path: string, content: Uint8Array): Promise<void> {
  return new Promise((resolve) => {
    const at = url(node, "file", { path });
    const sent = request(at, {
      method: "PUT",
      headers: headers({ "content-length": String(content.length * 2) }),
    });
    sent.on("error", () => resolve());
    sent.write(content, () => setTimeout(() => sent.destroy(), 500));
  });
}

test("what is put at one node is read at every other, of any size", async () => {
  for (const bytes of [0, 1, MIB, MIB + 1, 20 * MIB]) {
    const content = randomBytes(bytes);
    const path = `/in/${bytes}`;
    const answer = await put(1, path, content);
    expect(answer).toMatchObject({ path, bytes, copiesWanted: 2 });
    expect(answer).toMatchObject({ copies: 2 });
    for (const node of [1, 2, 3]) {
      const answer = await read(node, path);
      expect([node, answer.status, answer.hash]).toEqual([
        node,
        200,
        hash("sha256", content, "hex"),
      ]);
    }
    const from = Math.max(bytes - 5, 0);
    if (bytes === 0) continue;
    const part = await read(3, path, { range: `bytes=${from}-` });
    expect(part.status).toBe(206);
    expect(part.bytes).toEqual(content.subarray(from));
  }
});

test("an upload that is cut in the middle leaves nothing", async () => {
  await cut(2, "/cut", randomBytes(12 * MIB));
  expect(await look(1, "stat", { path: "/cut" })).toMatchObject({ code: "FS_NOT_FOUND" });
  const content = randomBytes(100);
  await put(1, "/kept", content);
  await cut(2, "/kept", randomBytes(3 * MIB));
  expect((await read(3, "/kept")).bytes).toEqual(content);
});

test("content with another hash than it says changes nothing", async () => {
  const content = randomBytes(2 * MIB);
  const send = async (digest: string): Promise<number> => {
    const more = { "content-digest": `sha-256=:${digest}:` };
    const init = { method: "PUT", headers: headers(more), body: content };
    return (await fetch(url(2, "file", { path: "/digest" }), init)).status;
  };
  expect(await send(hash("sha256", "other", "base64"))).toBe(400);
  expect(await look(1, "stat", { path: "/digest" })).toMatchObject({ code: "FS_NOT_FOUND" });
  expect(await send(hash("sha256", content, "base64"))).toBe(200);
});

test("paths that are none, and what is not there, are told by their code", async () => {
  const content = Buffer.from("x");
  const codes: readonly (readonly [Promise<unknown>, string])[] = [
    [put(1, "/a/../b", content), "FS_NAME_INVALID"],
    [put(1, "/a//b", content), "FS_NAME_INVALID"],
    [put(2, `/${"n".repeat(256)}`, content), "FS_NAME_TOO_LONG"],
    [put(2, "/", content), "FS_IS_DIRECTORY"],
    [put(3, "/in", content), "FS_IS_DIRECTORY"],
    [put(3, "/in/1/below", content), "FS_NOT_DIRECTORY"],
    [look(2, "stat", { path: "/nothing" }), "FS_NOT_FOUND"],
    [look(2, "list", { path: "/in/1" }), "FS_NOT_DIRECTORY"],
    [look(2, "file", { path: "/in" }), "FS_IS_DIRECTORY"],
    [post(2, "remove", { path: "/in" }), "FS_NOT_EMPTY"],
    [post(2, "mkdir", { path: "/in" }), "FS_EXISTS"],
  ];
  for (const [answer, code] of codes) expect(await answer).toMatchObject({ code });
});

test("a folder of 1,000 names is listed page by page, each name once", async () => {
  const wanted = Array.from({ length: 1000 }, (_, at) => `n${String(at).padStart(4, "0")}`);
  expect(await post(1, "mkdir", { path: "/many" })).not.toHaveProperty("code");
  for (let at = 0; at < wanted.length; at += 50) {
    const part = wanted.slice(at, at + 50);
    await Promise.all(part.map((name) => post((at % 3) + 1, "mkdir", { path: `/many/${name}` })));
  }
  const found: string[] = [];
  for (let page = 0; page < 4; page++) {
    const last = found.at(-1);
    const query = { path: "/many", limit: "300", ...(last === undefined ? {} : { after: last }) };
    const names = namesIn(await look((page % 3) + 1, "list", query));
    expect(names).toHaveLength(page < 3 ? 300 : 100);
    found.push(...names);
  }
  expect(found).toEqual(wanted);
});

test("the command line puts, lists and gets what it is told, through any node", async () => {
  const content = randomBytes(5 * MIB);
  const local = join(cluster.folder, "local");
  await writeFile(local, content);
  const ran = async (node: number, ...words: readonly string[]): Promise<string> => {
    const { code, stdout, stderr } = await cluster.jobx(node, "fs", ...words);
    expect([words, code, stderr]).toEqual([words, 0, ""]);
    return stdout;
  };
  await ran(1, "mkdir", "-p", "text:/cli/a");
  expect(await ran(1, "put", local, "text:/cli/a/f")).toBe("text:/cli/a/f: 5.0 MiB on 2 nodes\n");
  await ran(2, "mv", "text:/cli/a/f", "text:/cli/g");
  expect(await ran(3, "ls", "text:/cli")).toBe("a/\ng\n");
  const got = join(cluster.folder, "got");
  await ran(3, "get", "text:/cli/g", got);
  expect((await readFile(got)).equals(content)).toBe(true);
  await ran(2, "rm", "-r", "text:/cli");
  const { code, stderr } = await cluster.jobx(1, "fs", "cat", "text:/cli/g");
  expect([code, stderr.includes("FS_NOT_FOUND")]).toEqual([4, true]);
});

test("names are moved and removed, and every node sees it at once", async () => {
  await put(1, "/a/b/file", Buffer.from("moved"));
  await post(2, "rename", { from: "/a/b/file", to: "/a/there" });
  expect((await read(3, "/a/there")).bytes.toString()).toBe("moved");
  expect(await look(1, "stat", { path: "/a/b/file" })).toMatchObject({ code: "FS_NOT_FOUND" });
  await post(3, "symlink", { path: "/link", target: "a/there" });
  expect((await read(1, "/link")).bytes.toString()).toBe("moved");
  await post(3, "remove", { path: "/a", recursive: true });
  expect((await read(1, "/a/there")).status).toBe(404);
});

test("a file outlives the node that took it, which is killed as soon as it has answered", async () => {
  const content = randomBytes(6 * MIB);
  const answer = await put(3, "/outlives", content);
  expect(answer).toMatchObject({ copies: 2 });
  await cluster.kill(3);
  for (const node of [1, 2]) {
    const found = await eventually("the file is read", 60_000, async () => {
      const answer = await read(node, "/outlives");
      return answer.status === 200 ? answer : undefined;
    });
    expect(found.hash).toBe(hash("sha256", content, "hex"));
  }
  // With two nodes left a file still has two copies.
  expect(await put(1, "/later", content)).toMatchObject({ copies: 2, bytes: content.length });
  expect((await read(2, "/later")).hash).toBe(hash("sha256", content, "hex"));
  await cluster.start(3);
});
