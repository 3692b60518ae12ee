/** Results that are too large for the log, and a node that holds some of them and never comes back. */
import { createHash } from "node:crypto";
import { readdir, rm, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { expect, test } from "vitest";
import type { AttemptView } from "../../src/api/attempt-view.ts";
import type { JobxClient } from "../../src/api/client.ts";
import { attemptsOf, ended, Gate, useCluster } from "../lib/e2e-cluster.ts";
import { eventually } from "../lib/e2e-eventually.ts";
import { numberOf } from "../lib/e2e-nodes.ts";

const LEAVES = 8;
const GATED_FROM = 6;
const VALUES_PER_LEAF = 1200;
const END_MS_MAX = 120_000;
/** Far above what is inline, and below the last block of a leaf's run. */
const LARGE_BYTES = 64 * 1024;
/** A run of 1.2 MiB has a block of one mebibyte and the rest. */
const BLOCKS_PER_LEAF = 2;

const NODES = ["node-1", "node-2", "node-3"];

const cluster = useCluster(3);

/** The large blocks on a node's disk. */
async function largeFiles(number: number): Promise<readonly string[]> {
  const folder = join(cluster.home(number), "data/blocks/blocks");
  const files = await readdir(folder, { recursive: true, withFileTypes: true });
  const sized = files.map(async (file) => {
    const path = join(file.parentPath, file.name);
    const { size } = await stat(path);
    return file.isFile() && size >= LARGE_BYTES ? [path] : [];
  });
  return (await Promise.all(sized)).flat();
}

async function largeBlocks(number: number): Promise<readonly string[]> {
  return (await largeFiles(number)).map((path) => basename(path));
}

/** All nodes lose what is large. */
async function loseLarge(): Promise<void> {
  for (const path of (await Promise.all([1, 2, 3].map(largeFiles))).flat()) await rm(path);
}

/** Submits leaves, of which those from `gatedFrom` on wait for the gate. */
async function fill(client: JobxClient, how: Readonly<Record<string, unknown>>): Promise<string> {
  const { request } = await client.submit({
    ...{ workflow: "large", job: "fill", arguments: [["how", how]] },
    idempotencyKey: undefined,
  });
  return request;
}

/** The leaves that are done, when they are so many. */
function leavesDone(
  client: JobxClient,
  id: string,
  count: number,
): Promise<readonly AttemptView[]> {
  return eventually("the leaves before the gate are done", 60_000, async () => {
    const attempts = await attemptsOf(client, id);
    const done = attempts.filter(({ step, state }) => step === "leaves" && state === "done");
    return done.length >= count ? done : undefined;
  });
}

/** What the handlers `fill` and `weigh` come to, without them. */
function expectedPairs(): readonly unknown[] {
  const pairs: unknown[] = [];
  for (let leaf = 0; leaf < LEAVES; leaf++) {
    for (let i = 0; i < VALUES_PER_LEAF; i++) {
      const value = `${leaf}/${i} `.padEnd(1024, `${leaf * i}`);
      pairs.push([
        [leaf, i],
        [1, createHash("sha256").update(value).digest("hex")],
      ]);
    }
  }
  return pairs;
}

test("large results outlive a node that held some of them", async () => {
  await cluster.apply(1, "large");
  const gate = await Gate.make(cluster);
  const all = cluster.client(1, 2, 3);
  const id = await fill(all, { leaves: LEAVES, gatedFrom: GATED_FROM, gate: gate.path });
  const first = await leavesDone(all, id, GATED_FROM);
  const holders = first.map(({ nodeName }) => numberOf(nodeName));
  // Whoever made a result has it; of the makers one that does not schedule, if there is one.
  const scheduler = await cluster.scheduler("large", 1);
  const victim = holders.find((number) => number !== scheduler.number) ?? holders[0] ?? 0;
  expect((await largeBlocks(victim)).length).toBeGreaterThanOrEqual(BLOCKS_PER_LEAF);
  // What is done is on two nodes, or killing one would be a matter of luck.
  const copies = new Map<string, number>();
  for (const name of (await Promise.all([1, 2, 3].map(largeBlocks))).flat()) {
    copies.set(name, (copies.get(name) ?? 0) + 1);
  }
  expect(copies.size).toBeGreaterThanOrEqual(GATED_FROM * BLOCKS_PER_LEAF);
  expect([...copies.values()].filter((count) => count < 2)).toEqual([]);
  await cluster.kill(victim);
  await gate.open();
  const client = cluster.client(...[1, 2, 3].filter((number) => number !== victim));
  const view = await ended(client, id, END_MS_MAX);
  expect(view).toMatchObject({ state: "succeeded", error: null });
  expect(view.result?.pairs).toEqual(expectedPairs());
  expect(view.steps).toEqual({
    root: { total: 1, done: 1, failed: 0 },
    leaves: { total: LEAVES, done: LEAVES, failed: 0 },
  });
  // What was finished is not made again: the other copies were used.
  const attempts = await attemptsOf(client, id);
  const done = attempts.filter(({ step, state }) => step === "leaves" && state === "done");
  const byInvocation = new Map(done.map((attempt) => [attempt.invocation, attempt]));
  expect(done).toHaveLength(LEAVES);
  expect(byInvocation.size).toBe(LEAVES);
  for (const attempt of first) expect(byInvocation.get(attempt.invocation)).toEqual(attempt);
});

test("results that every node has lost are made again, and keep no other request from running meanwhile", async () => {
  await cluster.up(3);
  const gate = await Gate.make(cluster);
  const client = cluster.client(1, 2, 3);
  const id = await fill(client, { leaves: LEAVES, gatedFrom: GATED_FROM, gate: gate.path });
  const before = await leavesDone(client, id, GATED_FROM);
  await loseLarge();
  await gate.open();
  await eventually("its reduction looks for the inputs", 60_000, async () => {
    const attempts = await attemptsOf(client, id);
    return attempts.some(({ phase, state }) => phase === "reduce" && state === "running");
  });
  const other = await fill(client, { leaves: 2, gatedFrom: 2, gate: gate.path });
  expect(await ended(client, other, END_MS_MAX)).toMatchObject({ state: "succeeded" });
  expect((await client.request(id, { waitMs: 0, withResult: false })).state).toBe("running");
  const view = await ended(client, id, END_MS_MAX);
  expect(view).toMatchObject({ state: "succeeded", error: null });
  expect(view.result?.pairs).toEqual(expectedPairs());
  // Nothing is counted twice, and whoever looks sees why finished units ran.
  expect(view.steps).toEqual({
    root: { total: 1, done: 1, failed: 0 },
    leaves: { total: LEAVES, done: LEAVES, failed: 0 },
  });
  expect(view.warnings.join()).toContain("had made is lost: made again");
  const attempts = await attemptsOf(client, id);
  const last = new Map(attempts.map((attempt) => [attempt.invocation, attempt]));
  // The other request has made the same of its two leaves.
  const remade = before.filter(({ invocation }) => !/[.](?:0|1)$/.test(invocation));
  expect(remade).toHaveLength(GATED_FROM - 2);
  for (const attempt of remade) {
    const again = last.get(attempt.invocation);
    expect(again).toMatchObject({ state: "done" });
    expect(again?.endedAt).not.toBe(attempt.endedAt);
  }
  const waited = attempts.filter(({ phase, state }) => phase === "reduce" && state === "released");
  expect(waited.at(-1)?.error?.message).toContain("RUN_LOST: no node that is up has the run");
});

test("a request whose arguments every holder has lost fails and names them", async () => {
  await cluster.up(3);
  const client = cluster.client(1, 2, 3);
  for (const node of NODES) await client.drainNode(node, true);
  const pad = "x".repeat(4 * LARGE_BYTES);
  const id = await fill(client, { leaves: 1, gatedFrom: 1, gate: "none", pad });
  await loseLarge();
  for (const node of NODES) await client.drainNode(node, false);
  const view = await ended(client, id, END_MS_MAX);
  expect(view).toMatchObject({ state: "failed", error: { code: "RUN_LOST" } });
  expect(view.error?.message).toContain("which is stored on node-");
});
