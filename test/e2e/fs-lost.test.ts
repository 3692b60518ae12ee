/** R26: every copy of a file's block is gone: which file and block is said everywhere, until a copy comes back. */
import { randomBytes } from "node:crypto";
import { copyFile, mkdir, readdir, rename, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { expect, test } from "vitest";
import { useCluster } from "../lib/e2e-cluster.ts";
import { eventually } from "../lib/e2e-eventually.ts";

/** One block: what is lost later in a file cuts the answer off. */
const BYTES = 1 << 20;
/** A round of healing after a node that came, with the wait for it to stay. */
const ROUND_MS_MAX = 60_000;

const cluster = useCluster(2);

/** Files of blocks on a node. */
async function blockFiles(number: number): Promise<readonly string[]> {
  const folder = join(cluster.home(number), "data/blocks/blocks");
  const files = await readdir(folder, { recursive: true, withFileTypes: true });
  return files.filter((file) => file.isFile()).map((file) => join(file.parentPath, file.name));
}

async function read(number: number): Promise<Response> {
  const url = new URL("/v1/workflows/text/fs/file?path=/f", cluster.api(number));
  return fetch(url, { headers: { authorization: `Bearer ${cluster.token}` } });
}

test("a block that every node has lost is named with its file, until a copy of it comes back", async () => {
  const client = cluster.client(1, 2);
  await client.createWorkflow({ workflow: "text" });
  await cluster.scheduler("text", 1);
  const init = {
    method: "PUT",
    headers: { authorization: `Bearer ${cluster.token}` },
    body: randomBytes(BYTES),
  };
  const url = new URL("/v1/workflows/text/fs/file?path=/f", cluster.api(1));
  expect(await (await fetch(url, init)).json()).toMatchObject({ copies: 2 });
  const [lost = ""] = await blockFiles(1);
  expect((await stat(lost)).size).toBe(BYTES);
  const cid = basename(lost);
  const aside = join(cluster.folder, "aside");
  await mkdir(aside);
  for (const number of [1, 2]) {
    const file = (await blockFiles(number)).find((path) => basename(path) === cid) ?? "";
    await rename(file, join(aside, `${cid}-${number}`));
  }

  const answer = await read(2);
  expect(answer.status).toBe(500);
  expect(await answer.json()).toMatchObject({
    ...{ code: "FS_BLOCK_LOST", details: { cid, path: "/f" } },
  });
  const where = await cluster.jobx(1, "fs", "where", "text:/f");
  expect(where.stdout).toContain("1 lost");
  const verify = await cluster.jobx(2, "fs", "verify", "text:/f");
  expect(verify.code).not.toBe(0);
  expect(verify.stdout).toContain("1 blocks that no node has any more");

  // A round finds it: who leads the workflow anew begins one.
  const { number: leader } = await cluster.scheduler("text", 1);
  await cluster.kill(leader);
  await cluster.start(leader);
  const status = await eventually("the cluster's status tells of it", ROUND_MS_MAX, async () => {
    const { stdout } = await cluster.jobx(2, "cluster", "status");
    return stdout.includes("Blocks of files of text since") ? stdout : undefined;
  });
  expect(status).toContain(
    "0 with too few copies, 0 that only a node that is away may have, 1 lost",
  );
  const scheduler = await cluster.scheduler("text", 1);
  const ready = await fetch(`${cluster.api(scheduler.number)}/readyz`);
  expect(ready.status).toBe(200);
  expect(await ready.json()).toMatchObject({ warnings: [{ code: "blocks-wanting" }] });
  const headers = { authorization: `Bearer ${cluster.token}` };
  const metrics = await fetch(`${cluster.api(scheduler.number)}/metrics`, { headers });
  const text = await metrics.text();
  expect(text).toContain('jobx_fs_wanting_blocks{state="lost"} 1');
  expect(text).toMatch(/^jobx_fs_wanting_since_seconds \d+/mu);

  // Somebody finds the disk of one of them.
  await copyFile(join(aside, `${cid}-1`), lost);
  expect(dirname(lost)).toContain(cid.slice(0, 2));
  await eventually(
    "the file can be read",
    ROUND_MS_MAX,
    async () => (await read(2)).status === 200,
  );
  // By itself this is done within a minute.
  expect((await cluster.jobx(1, "fs", "heal", "text")).code).toBe(0);
  expect((await cluster.jobx(1, "fs", "where", "text:/f")).stdout).toContain("2/2 copies");
});
