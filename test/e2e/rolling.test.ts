/** Nodes that are stopped on purpose, one after the other, while requests run. */
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { beforeAll, expect, test } from "vitest";
import { attemptsOf, ended, Gate, useCluster } from "../lib/e2e-cluster.ts";
import { eventually } from "../lib/e2e-eventually.ts";
import { type Corpus, expectCounted, submitCount, writeCorpus } from "../lib/e2e-words.ts";

const END_MS_MAX = 90_000;
const NODES = [1, 2, 3];
/** Between two submissions: several requests are under way at any moment. */
const SUBMIT_MS = 150;
/**
 * A second signal ends the waiting: processes end and disks close, on a busy machine. Well below the half
 * minute that a node waits for its units by default.
 */
const HURRIED_MS_MAX = 20_000;

// Units that wait at a gate outlast the drain, so that they are interrupted.
const cluster = useCluster(3, { nodeArgs: "--drain-timeout 1" });
let small: Corpus;
let gated: Corpus;

beforeAll(async () => {
  small = await writeCorpus(cluster, { documents: 1, linesEach: 3 });
  gated = await writeCorpus(cluster, { documents: 2, linesEach: 10 });
  await cluster.apply(1, "words");
});

/** States of the attempts of a request. */
async function states(id: string): Promise<ReadonlySet<string>> {
  return new Set((await attemptsOf(cluster.client(...NODES), id)).map(({ state }) => state));
}

/** Waits until a node has lines that wait at the gate: the folder and its documents end by themselves. */
async function linesWaitOn(id: string, number: number): Promise<void> {
  const client = cluster.client(...NODES);
  await eventually(`node-${number} has lines that wait`, 60_000, async () => {
    const attempts = await attemptsOf(client, id);
    return attempts.some(
      ({ state, step, nodeName }) =>
        state === "running" && step === "lines" && nodeName === `node-${number}`,
    );
  });
}

test("a rolling restart by SIGTERM under load loses no request and fails no unit", async () => {
  const gate = await Gate.make(cluster);
  const client = cluster.client(...NODES);
  const long = await submitCount(client, gated, { gatedFrom: 0, gate: gate.path });
  const load = new AbortController();
  const ids: string[] = [];
  const submitting = (async () => {
    for (let turn = 0; !load.signal.aborted; turn++) {
      // Each node is asked in turn, also the one that is stopping or away: the client goes on then.
      const order = [0, 1, 2].map((step) => NODES[(turn + step) % NODES.length] ?? 1);
      ids.push(await submitCount(cluster.client(...order), small));
      await sleep(SUBMIT_MS);
    }
  })();
  try {
    for (const number of NODES) {
      await linesWaitOn(long, number);
      await cluster.script("stop", String(number));
      await cluster.start(number);
    }
  } finally {
    load.abort();
  }
  await submitting;
  await gate.open();
  expect(ids.length).toBeGreaterThan(NODES.length);
  await expectCounted(client, await ended(client, long, END_MS_MAX), gated);
  for (const id of ids) await expectCounted(client, await ended(client, id, END_MS_MAX), small);
  // Interrupted units were given back: that is no failure, and nobody took the node for dead.
  expect([...(await states(long))].sort()).toEqual(["done", "released"]);
  for (const id of ids) {
    const bad = [...(await states(id))].filter((state) => state === "failed" || state === "lost");
    expect([id, bad]).toEqual([id, []]);
  }
});

test("a second SIGTERM ends the waiting at once, and the unit it interrupts has not failed", async () => {
  const gate = await Gate.make(cluster);
  const leaving = 3;
  await cluster.script("stop", String(leaving));
  // With the default drain of half a minute, as a child whose exit code is seen.
  const child = await cluster.adopt(leaving);
  const client = cluster.client(1, 2);
  const id = await submitCount(client, gated, { gatedFrom: 0, gate: gate.path });
  await linesWaitOn(id, leaving);
  const exit = once(child, "exit");
  child.kill("SIGTERM");
  await eventually("it says that it is stopping", HURRIED_MS_MAX, async () => {
    return !(await fetch(`${cluster.api(leaving)}/readyz`)).ok;
  });
  const secondMs = performance.now();
  child.kill("SIGTERM");
  expect(await exit).toEqual([0, null]);
  expect(performance.now() - secondMs).toBeLessThan(HURRIED_MS_MAX);
  await gate.open();
  await expectCounted(client, await ended(client, id, END_MS_MAX), gated);
  expect([...(await states(id))].sort()).toEqual(["done", "released"]);
});
