/** Secrets on real nodes: the handlers that name them get them at every node, and nothing else has them in clear. */
import { createHash } from "node:crypto";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { attemptsOf, ended, useCluster } from "../lib/e2e-cluster.ts";
import { eventually } from "../lib/e2e-eventually.ts";

const END_MS_MAX = 60_000;
const FIRST = "f1rst-value-of-the-key-7Qx";
const SEALED = "sea1ed-value-5Tr";
const SECOND = "s3cond-value-of-the-key-9Zk";

const cluster = useCluster(3);

beforeAll(async () => {
  await jobx(1, "workflow", "create", "secrets");
  await cluster.apply(1, "secrets");
}, 60_000);

async function jobx(node: number, ...words: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await cluster.jobx(node, ...words);
  expect([words, code, stderr]).toEqual([words, 0, ""]);
  return stdout;
}

async function set(node: number, value: string): Promise<void> {
  const file = join(cluster.folder, "value");
  await writeFile(file, `${value}\n`);
  expect(await jobx(node, "secret", "set", "secrets", "api_key", "--from-file", file)).toBe(
    `api_key is set: ${value.length} bytes\n`,
  );
}

async function submit(node: number): Promise<string> {
  const { request } = await cluster.client(node).submit({
    ...{ workflow: "secrets", job: "use", arguments: [["a", 1]], idempotencyKey: undefined },
  });
  return request;
}

async function used(node: number): Promise<unknown> {
  const view = await ended(cluster.client(node), await submit(node), END_MS_MAX);
  return view.result?.pairs;
}

const digest = (value: string): string => createHash("sha256").update(value).digest("hex");

/** Files of nodes, logs among them, in which a value stands. */
async function filesWith(...values: readonly string[]): Promise<readonly string[]> {
  const found: string[] = [];
  for (const node of [1, 2, 3]) {
    const entries = await readdir(cluster.home(node), { recursive: true, withFileTypes: true });
    for (const entry of entries.filter((one) => one.isFile())) {
      const path = join(entry.parentPath, entry.name);
      // What is compacted goes while this looks.
      const bytes = await readFile(path).catch(() => Buffer.alloc(0));
      if (values.some((value) => bytes.includes(value))) found.push(path);
    }
  }
  return found;
}

test("a request whose handler names a secret that nobody set fails and says which", async () => {
  const view = await ended(cluster.client(1), await submit(1), END_MS_MAX);
  expect(view.error).toMatchObject({ code: "SECRET_UNKNOWN" });
  expect(view.error?.message).toContain("api_key");
});

test("handlers get what was set at any node, and the new value after a change", async () => {
  await set(2, FIRST);
  expect(await used(3)).toEqual([["sha256", [digest(FIRST), []]]]);
  await set(3, SECOND);
  await eventually("the new value is used", END_MS_MAX, async () => {
    expect(await used(1)).toEqual([["sha256", [digest(SECOND), []]]]);
    return true;
  });
  expect(await jobx(1, "secret", "list", "secrets")).toMatch(/^NAME .*\napi_key +27 +2/u);
});

test("an argument that is sealed is opened for the mapper that unseals, and nowhere else", async () => {
  const file = join(cluster.folder, "value");
  await writeFile(file, `${SEALED}\n`);
  const sealed: unknown = JSON.parse(await jobx(1, "seal", "secrets", "--from-file", file));
  const { request } = await cluster.client(3).submit({
    ...{ workflow: "secrets", job: "open", arguments: [["password", sealed]] },
    idempotencyKey: undefined,
  });
  const view = await ended(cluster.client(2), request, END_MS_MAX);
  expect(view.result?.pairs).toEqual([["sha256", [digest(SEALED), []]]]);
  const attempts = JSON.stringify(await attemptsOf(cluster.client(1), request));
  expect(attempts).toContain("opened ***");
  expect(attempts + JSON.stringify(view)).not.toContain(SEALED);
});

test("no file or log of any node, and no list, has a value, and what was printed has stars", async () => {
  const request = await submit(2);
  await ended(cluster.client(2), request, END_MS_MAX);
  const attempts = JSON.stringify(await attemptsOf(cluster.client(1), request));
  expect(attempts).toContain("the key is ***");
  expect(attempts).toContain("logged ***");
  const told = attempts + (await cluster.logs()) + (await jobx(2, "secret", "list", "secrets"));
  for (const value of [FIRST, SECOND]) expect(told).not.toContain(value);
  expect(await filesWith(FIRST, SECOND, SEALED)).toEqual([]);
});

test("nodes that start anew have it, and a secret that is removed is gone", async () => {
  await cluster.kill(1);
  await cluster.start(1);
  expect(await used(1)).toEqual([["sha256", [digest(SECOND), []]]]);
  expect(await jobx(3, "secret", "rm", "secrets", "api_key")).toBe("api_key is removed\n");
  const again = await cluster.jobx(1, "secret", "rm", "secrets", "api_key");
  expect(again.stderr).toContain("SECRET_UNKNOWN");
  expect(await jobx(1, "secret", "list", "secrets")).toBe("no secrets\n");
});
