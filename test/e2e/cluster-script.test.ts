/** `scripts/cluster.sh` in the hands of somebody who interrupts it. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, afterEach, expect, test } from "vitest";
import { parseRecord } from "../../scripts/lib/json.ts";
import { Cluster } from "../lib/e2e-cluster.ts";
import { eventually } from "../lib/e2e-eventually.ts";

const UP_MS_MAX = 120_000;
const SCRIPT = join(import.meta.dirname, "../../scripts/cluster.sh");

const cluster = new Cluster();
afterEach(async ({ task }) => {
  if (task.result?.state === "fail") console.error(await cluster.logs());
});
afterAll(() => cluster.destroy());

async function storeOf(number: number): Promise<unknown> {
  const text = await readFile(join(cluster.home(number), "data/identity.json"), "utf8");
  return parseRecord(text, "the identity")["storeId"];
}

test("an `up` that is broken off after nodes have joined is finished by the next one", async () => {
  const env = { ...process.env, JOBX_CLUSTER_DIR: join(cluster.folder, "cluster") };
  const up = spawn(SCRIPT, ["up", "3"], { env, stdio: "ignore" });
  const ended = once(up, "exit");
  await eventually("node-3 has joined", UP_MS_MAX, async () => {
    if (up.exitCode !== null) throw new Error("`up` ended before it could be broken off");
    return existsSync(join(cluster.home(3), "data/identity.json"));
  });
  up.kill("SIGTERM");
  await ended;
  const stores = await Promise.all([1, 2, 3].map(storeOf));
  await cluster.up(3);
  // R2: a data directory that was made anew would have another store.
  expect(await Promise.all([1, 2, 3].map(storeOf))).toEqual(stores);
  const nodes = await cluster.client(3).nodes();
  expect(nodes.map(({ name }) => name).sort()).toEqual(["node-1", "node-2", "node-3"]);
});

test("a paused node can be stopped", async () => {
  // The next test needs a majority of three: nodes become voters some time after they have joined.
  await eventually("all three vote", UP_MS_MAX, async () => {
    const system = (await cluster.client(1).groups()).find(({ name }) => name === "system");
    return system?.members.filter(({ role }) => role !== "learner").length === 3;
  });
  await cluster.script("pause", "3");
  await cluster.script("stop", "3");
  expect(await cluster.script("status")).toMatch(/node-3 .* stopped /);
});

test("a node without its majority is said to be not ready, why, and who is missing", async () => {
  await cluster.script("kill", "1", "2");
  await cluster.script("start", "1");
  await expect(cluster.script("wait", "8")).rejects.toThrow(
    /node-1 is not ready in time: the system group has no leader.*\(stopped: node-2 node-3\)/,
  );
});
