/** R17: what attempts write into the workspace of their request is seen with their completion, or never. */
import { access } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { mountedAt } from "../../src/mount/mount-info.ts";
import { isJobxError } from "../../src/std/errors.ts";
import { ended, Gate, useCluster } from "../lib/e2e-cluster.ts";
import { eventually } from "../lib/e2e-eventually.ts";
import { mountsRefused } from "../lib/e2e-mount.ts";

const END_MS_MAX = 90_000;
const PARTS = ["a", "b", "c"];
const cluster = useCluster(3, { nodeArgs: "--mount mnt" });

beforeAll(() => cluster.apply(1, "workspace"));

async function submit(job: string, gate: Gate, names: readonly string[]): Promise<string> {
  const { request } = await cluster.client(1, 2, 3).submit({
    ...{ workflow: "workspace", job, idempotencyKey: undefined },
    arguments: names.map((name) => [name, gate.path]),
  });
  return request;
}

/** Names and sizes in a folder, as a node sees it; none where it is not there. */
async function listed(node: number, path: string): Promise<Readonly<Record<string, number>>> {
  try {
    const at = { workflow: "workspace", path, after: undefined, limit: 100 };
    const { entries } = await cluster.client(node).files.list(at);
    return Object.fromEntries(entries.map(({ name, bytes }) => [name, bytes]));
  } catch (error) {
    if (isJobxError(error) && error.code === "FS_NOT_FOUND") return {};
    throw error;
  }
}

async function haveBegun(gate: Gate): Promise<boolean> {
  const begun = PARTS.map((name) => access(`${gate.path}.begun.${name}`));
  return (await Promise.allSettled(begun)).every(({ status }) => status === "fulfilled");
}

/** Each part is there once and whole, and nothing of attempts that did not end. */
async function expectWhole(node: number, id: string): Promise<void> {
  const whole = PARTS.flatMap((name) => [
    [name, "for all".length + 3_000_000],
    [`${name}.rest`, name.length],
  ]);
  expect(await listed(node, `.requests/${id}/parts`)).toEqual(Object.fromEntries(whole));
  const tries = Object.keys(await listed(node, `.requests/${id}/tries`));
  expect(tries.map((name) => name.slice(0, 1))).toEqual(PARTS);
  expect(Object.keys(await listed(node, `out/${id}`))).toEqual(PARTS);
  expect(Object.keys(await listed(node, `.requests/${id}`))).toEqual(["in", "parts", "tries"]);
  await eventually("folders of attempts are gone", END_MS_MAX, async () =>
    Object.keys(await listed(node, ".attempts")).length === 0 ? true : undefined,
  );
}

test("with the scheduler killed between writes and completions, files appear once, with the completions", async () => {
  const gate = await Gate.make(cluster);
  const id = await submit("parts", gate, PARTS);
  await eventually("all parts have begun", END_MS_MAX, async () =>
    (await haveBegun(gate)) ? true : undefined,
  );
  for (const node of [1, 2, 3]) {
    expect(await listed(node, `.requests/${id}`)).toEqual({ in: "for all".length });
    expect(await listed(node, `out/${id}`)).toEqual({});
  }
  const { number } = await cluster.scheduler("workspace", 1);
  await cluster.kill(number);
  const others = [1, 2, 3].filter((one) => one !== number);
  await gate.open();
  const view = await ended(cluster.client(...others), id, END_MS_MAX);
  expect(view).toMatchObject({ state: "succeeded" });
  expect(view.result?.pairs.toSorted()).toEqual(PARTS.map((name) => [name, [3_000_007, true]]));
  for (const node of others) await expectWhole(node, id);
  await cluster.start(number);
});

test("of an attempt whose node is killed half way nothing is seen, and its next one's files are whole", async () => {
  const gate = await Gate.make(cluster);
  const id = await submit("parts", gate, PARTS);
  await eventually("all parts have begun", END_MS_MAX, async () =>
    (await haveBegun(gate)) ? true : undefined,
  );
  const { attempts } = await cluster.client(1).attempts(id, { limit: 10 });
  const { number: scheduler } = await cluster.scheduler("workspace", 1);
  const running = attempts
    .filter(({ state }) => state === "running")
    .map(({ nodeName }) => Number(nodeName.replace("node-", "")));
  const number = running.find((node) => node !== scheduler) ?? scheduler;
  await cluster.kill(number);
  const others = [1, 2, 3].filter((one) => one !== number);
  for (const node of others) {
    expect(await listed(node, `.requests/${id}`)).toEqual({ in: "for all".length });
  }
  await gate.open();
  const view = await ended(cluster.client(...others), id, END_MS_MAX);
  expect(view).toMatchObject({ state: "succeeded" });
  for (const node of others) await expectWhole(node, id);
  await cluster.start(number);
});

test("of an attempt that fails nothing is seen, by its next one neither", async () => {
  const gate = await Gate.make(cluster);
  const id = await submit("stumble", gate, ["x"]);
  const view = await ended(cluster.client(1), id, END_MS_MAX);
  expect(view).toMatchObject({ state: "succeeded", result: { pairs: [["x", ["both"]]] } });
  expect(await listed(2, `.requests/${id}`)).toEqual({ both: "second".length });
  expect(await listed(3, "out")).toMatchObject({ x: 1 });
});

test("programs work in the workspace as a directory, and in the volume where it is mounted", async () => {
  const gate = await Gate.make(cluster);
  const isMounted = mountsRefused() === undefined;
  if (isMounted) {
    await eventually("the volume is mounted everywhere", END_MS_MAX, () =>
      Promise.resolve(
        [1, 2, 3].every((node) => mountedAt(join(cluster.home(node), "mnt", "workspace")))
          ? true
          : undefined,
      ),
    );
  }
  const id = await submit("shell", gate, ["x"]);
  const view = await ended(cluster.client(1), id, END_MS_MAX);
  const seen = ["FIRST\n", isMounted && "mounted\n"];
  expect(view).toMatchObject({ state: "succeeded", result: { pairs: [["volume", seen]] } });
  const names = Object.keys(await listed(2, `.requests/${id}`));
  expect(names).toEqual(["in", "link", "made"]);
});
