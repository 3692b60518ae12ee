/** A worker that nobody can dial: it dials out, listens to nobody, and works all the same. */
import { spawn } from "node:child_process";
import { openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { beforeAll, expect, onTestFinished, test } from "vitest";
import { attemptsOf, ended, useCluster } from "../lib/e2e-cluster.ts";
import { eventually } from "../lib/e2e-eventually.ts";
import { type Corpus, expectCounted, submitCount, writeCorpus } from "../lib/e2e-words.ts";

const ROOT = join(import.meta.dirname, "../..");
const NODE = join(ROOT, "node_modules/.bin/node");
const END_MS_MAX = 90_000;
const JOIN_MS_MAX = 60_000;
/** Several rounds of the leader's look at its members, and of tries to dial. */
const SETTLED_MS = 5_000;

const cluster = useCluster(2);
let corpus: Corpus;

beforeAll(async () => {
  corpus = await writeCorpus(cluster, { documents: 2, linesEach: 20 });
  await cluster.apply(1, "words");
});

test("it runs units and learns, and has no vote although it is the third node", async () => {
  const client = cluster.client(1);
  const { ticket } = await client.createTicket({});
  const data = join(cluster.folder, "worker");
  const log = openSync(join(cluster.folder, "worker.log"), "a");
  const flags = ["--data", data, "--name", "worker", "--listen", "", "--api", "127.0.0.1:0"];
  const env = { ...process.env, JOBX_JOIN: ticket };
  const worker = spawn(NODE, [join(ROOT, "bin/jobx-node.js"), ...flags], {
    env,
    stdio: ["ignore", log, log],
  });
  onTestFinished(() => {
    worker.kill("SIGKILL");
  });
  await eventually("the worker is up", JOIN_MS_MAX, async () => {
    if (worker.exitCode !== null) {
      throw new Error(readFileSync(join(cluster.folder, "worker.log"), "utf8"));
    }
    return (await client.nodes()).some(({ name, state }) => name === "worker" && state === "up");
  });

  const id = await eventually("it runs units", END_MS_MAX, async () => {
    const next = await submitCount(client, corpus, { pauseMs: 20 });
    await expectCounted(client, await ended(client, next, END_MS_MAX), corpus);
    const attempts = await attemptsOf(client, next);
    return attempts.some(({ nodeName }) => nodeName === "worker") ? next : undefined;
  });
  const attempts = await attemptsOf(client, id);
  expect(attempts.filter(({ state }) => state !== "done")).toEqual([]);

  await sleep(SETTLED_MS);
  const roles = (await client.groups()).map(({ name, members }) => [
    name,
    members.find(({ node }) => node === "worker")?.role ?? "none",
  ]);
  expect(Object.fromEntries(roles)).toMatchObject({ system: "learner" });
  for (const [group, role] of roles)
    expect([group, role === "voter" || role === "leader"]).toEqual([group, false]);
});
