/** Folders of a workflow by the command line: put at one node, got at another, and at once or not at all. */
import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { beforeAll, expect, test } from "vitest";
import { TAR_END, tarHeader } from "../../src/api/tar/tar-writer.ts";
import { useCluster } from "../lib/e2e-cluster.ts";
import { NODE, ROOT } from "../lib/e2e-nodes.ts";

const MIB = 1024 * 1024;
const FILES = 2000;
const cluster = useCluster(3);
const run = promisify(execFile);

beforeAll(async () => {
  await cluster.client(1).createWorkflow({ workflow: "text" });
  await cluster.scheduler("text", 1);
});

async function jobx(node: number, ...words: readonly string[]): Promise<string> {
  const env = { ...process.env, JOBX_API: cluster.api(node), JOBX_TOKEN: cluster.token };
  const { stdout } = await run(NODE, [join(ROOT, "bin/jobx.js"), ...words], { env });
  return stdout;
}

/** 2,000 small files in folders, a large one, and a link. */
async function someFolder(): Promise<string> {
  const folder = join(cluster.folder, "directory");
  for (let at = 0; at < FILES; at++) {
    const below = join(folder, `d${at % 20}`);
    if (at < 20) await mkdir(below, { recursive: true });
    await writeFile(join(below, `f${at}`), randomBytes(at));
  }
  await writeFile(join(folder, "large"), randomBytes(20 * MIB));
  await symlink("d1/f1", join(folder, "link"));
  return folder;
}

function url(path: string, atomic: boolean): URL {
  const at = new URL("/v1/workflows/text/fs/tree", cluster.api(2));
  at.searchParams.set("path", path);
  at.searchParams.set("atomic", String(atomic));
  return at;
}

test("a folder that is put at one node is got at another, with all that is in it", async () => {
  const folder = await someFolder();
  const put: unknown = JSON.parse(await jobx(1, "fs", "put", "-r", folder, "text:/in", "--json"));
  const counts = { files: FILES + 1, directories: 20, links: 1 };
  expect(put).toMatchObject({ ...counts, copies: 2, copiesWanted: 2 });
  const got = join(cluster.folder, "got");
  await jobx(2, "fs", "get", "-r", "text:/in", got);
  // Fails where anything differs.
  await run("diff", ["-r", "--no-dereference", folder, got]);
  const du = await jobx(3, "fs", "du", "text:/in", "--json");
  expect(JSON.parse(du.trimEnd().split("\n").at(-1) ?? "")).toMatchObject({ files: FILES + 1 });
}, 120_000);

test("with atomic a folder is seen whole or not at all", async () => {
  const head = tarHeader({ kind: "directory", path: "d", mode: 0o755, mtimeMicros: 0 });
  const send = async (body: Buffer, atomic: boolean): Promise<unknown> => {
    const headers = { authorization: `Bearer ${cluster.token}` };
    const answer = await fetch(url("/whole", atomic), { method: "PUT", headers, body });
    return answer.json();
  };
  const { files } = cluster.client(3);
  expect(await send(Buffer.from(head), true)).toMatchObject({ code: "API_TAR_INVALID" });
  const at = { workflow: "text", path: "/whole" };
  await expect(files.stat(at)).rejects.toMatchObject({ code: "FS_NOT_FOUND" });
  expect(await send(Buffer.concat([head, TAR_END]), true)).toMatchObject({ directories: 1 });
  expect(await files.stat(at)).toMatchObject({ type: "directory", entries: 1 });
  expect(await send(Buffer.concat([head, TAR_END]), true)).toMatchObject({ code: "FS_NOT_EMPTY" });
  const root = await files.list({ workflow: "text", path: "/", limit: 100 });
  expect(root.entries.map(({ name }) => name)).not.toContain(".uploads");
});
