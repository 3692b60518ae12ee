/** Handlers that write files into the volume of their workflow, and read those of others on other nodes. */
import { access } from "node:fs/promises";
import { beforeAll, expect, test } from "vitest";
import { isJobxError } from "../../src/std/errors.ts";
import { ended, Gate, useCluster } from "../lib/e2e-cluster.ts";
import { eventually } from "../lib/e2e-eventually.ts";

const END_MS_MAX = 90_000;
const cluster = useCluster(3);

beforeAll(() => cluster.apply(1, "artifacts"));

async function submit(job: string, args: Readonly<Record<string, unknown>>): Promise<string> {
  const { request } = await cluster.client(1, 2, 3).submit({
    workflow: "artifacts",
    job,
    arguments: Object.entries(args),
    idempotencyKey: undefined,
  });
  return request;
}

/** What is there, or the code for which it cannot be told. */
async function lookAt(node: number, path: string): Promise<string> {
  try {
    return (await cluster.client(node).files.stat({ workflow: "artifacts", path })).type;
  } catch (error) {
    if (isJobxError(error)) return error.code;
    throw error;
  }
}

test("what JavaScript wrote Python reads and the other way round; the workspace goes with its request, the rest stays", async () => {
  const names = Array.from({ length: 12 }, (_, at) => `n${at}`);
  const id = await submit("pass", Object.fromEntries(names.map((name) => [name, 40_000])));
  const view = await ended(cluster.client(1), id, END_MS_MAX);
  expect(view.state).toBe("succeeded");
  const pairs = view.result?.pairs ?? [];
  const found = new Map(pairs.map(([name, told]) => [name, told]));
  expect([...found.keys()].sort()).toEqual([...names].sort());
  for (const name of names) {
    const bytes = Array.from({ length: 40_000 }, (_, line) => `${name} ${line}\n`.length);
    const size = bytes.reduce((sum, one) => sum + one, 0);
    const first = `${name.toUpperCase()} 0`;
    expect(found.get(name)).toEqual([first, size, true, "FS_NOT_FOUND"]);
  }
  // The outputs are there when the request is told to be done.
  for (const node of [1, 2, 3]) expect(await lookAt(node, `out/${id}/n0.txt`)).toBe("file");
  expect(await lookAt(1, `.requests/${id}/in/n0.txt`)).toBe("file");
  await cluster.client(1).deleteRequest(id);
  for (const node of [1, 2, 3]) {
    expect(await lookAt(node, `.requests/${id}`)).toBe("FS_NOT_FOUND");
    expect(await lookAt(node, `out/${id}/n0.txt`)).toBe("file");
  }
});

test("an attempt that is cancelled while it writes leaves nothing", async () => {
  const gate = await Gate.make(cluster);
  const id = await submit("hold", { path: "half", gate: gate.path });
  await eventually("it has begun to write", END_MS_MAX, () => isThere(`${gate.path}.begun`));
  await cluster.client(1).cancel(id);
  expect((await ended(cluster.client(1), id, END_MS_MAX, false)).state).toBe("cancelled");
  // Longer than a handler has to notice that it was given up; one that went on would write the rest now.
  await new Promise((resolve) => setTimeout(resolve, 2_000));
  await gate.open();
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  expect(await lookAt(2, "half")).toBe("FS_NOT_FOUND");
});

test("an attempt whose node is killed while it writes leaves nothing, and its next one all", async () => {
  const gate = await Gate.make(cluster);
  const id = await submit("hold", { path: "kept", gate: gate.path });
  const running = await eventually("it has begun to write", END_MS_MAX, async () => {
    if (!(await isThere(`${gate.path}.begun`))) return undefined;
    const { attempts } = await cluster.client(1).attempts(id, { limit: 10 });
    return attempts.find(({ state }) => state === "running");
  });
  const node = Number(running.nodeName.replace("node-", ""));
  const others = [1, 2, 3].filter((number) => number !== node);
  await cluster.kill(node);
  expect(await lookAt(others[0] ?? 1, "kept")).toBe("FS_NOT_FOUND");
  await gate.open();
  const view = await ended(cluster.client(...others), id, END_MS_MAX);
  expect(view).toMatchObject({ state: "succeeded", result: { pairs: [["done", 4_000_000]] } });
  await cluster.start(node);
});

async function isThere(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
