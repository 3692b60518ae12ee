/** Nodes that die, stop and hang while requests run. Each test ends with all three nodes up again. */
import { once } from "node:events";
import { beforeAll, beforeEach, expect, test } from "vitest";
import type { AttemptView } from "../../src/api/attempt-view.ts";
import { attemptsOf, ended, Gate, useCluster } from "../lib/e2e-cluster.ts";
import { eventually } from "../lib/e2e-eventually.ts";
import { callHttp } from "../lib/e2e-http.ts";
import {
  type Corpus,
  expectCounted,
  linesDone,
  submitCount,
  writeCorpus,
} from "../lib/e2e-words.ts";

const END_MS_MAX = 90_000;
const FAILOVER_MS_MAX = 30_000;
/** Longer than silence is borne, so that another scheduler takes over. */
const HANG_MS = 8_000;
const NODES = [1, 2, 3];
/**
 * Lines of each document before those that wait for the gate. So many of one document are done in any
 * order of documents, before waiting lines have all the slots.
 */
const FREE_LINES = 30;

const cluster = useCluster(3);
let small: Corpus;
let large: Corpus;

beforeAll(async () => {
  small = await writeCorpus(cluster, { documents: 3, linesEach: 4 });
  large = await writeCorpus(cluster, { documents: 3, linesEach: 40 });
  await cluster.apply(1, "words");
});

beforeEach(() => cluster.up(3));

/** Everybody but one. */
const others = (number: number): readonly number[] => NODES.filter((other) => other !== number);

const runningOn = (attempts: readonly AttemptView[], number: number): readonly AttemptView[] =>
  attempts.filter(({ state, nodeName }) => state === "running" && nodeName === `node-${number}`);

/** What became of an invocation on one node. */
const runsOf = (
  attempts: readonly AttemptView[],
  of: { readonly invocation: string; readonly number: number },
): readonly AttemptView[] =>
  attempts.filter(
    ({ invocation, nodeName }) => invocation === of.invocation && nodeName === `node-${of.number}`,
  );

test("what was acknowledged before all nodes were killed is done after their restart", async () => {
  const client = cluster.client(...NODES);
  const ids = await Promise.all(NODES.map((number) => submitCount(cluster.client(number), small)));
  await cluster.kill(...NODES);
  await cluster.start(...NODES);
  expect(new Set(ids).size).toBe(NODES.length);
  for (const id of ids) {
    await expectCounted(client, await ended(client, id, END_MS_MAX), small);
  }
});

test("the last node of three takes nothing, says why in time, and shows what it has with its age", async () => {
  const client = cluster.client(1);
  const id = await submitCount(client, small);
  await ended(client, id, END_MS_MAX);
  await cluster.kill(2, 3);
  const headers = { authorization: `Bearer ${cluster.token}`, "jobx-deadline-ms": "2000" };
  const path = "/v1/workflows/words/jobs/count/requests";
  const asked = await callHttp(cluster.api(1), { path: `/v1/requests/${id}`, headers });
  expect(asked).toMatchObject({ status: 503, code: "NO_MAJORITY" });
  const submitted = await callHttp(cluster.api(1), {
    ...{ method: "POST", path, body: '{"arguments":{}}' },
    headers: { ...headers, "content-type": "application/json" },
  });
  expect(submitted.code).toMatch(/^(NO_MAJORITY|COMMAND_OUTCOME_UNKNOWN)$/u);
  const { code, stdout, stderr } = await cluster.jobx(1, "request", "show", id, "--stale");
  expect([code, stderr]).toEqual([0, expect.stringMatching(/at most \d+ s old/u)]);
  expect(stdout).toContain("succeeded");
});

test("a request outlives the node of its scheduler, which catches up when it is back", async () => {
  const gate = await Gate.make(cluster);
  const before = await cluster.scheduler("words", 1);
  const survivors = others(before.number);
  const client = cluster.client(...survivors);
  const id = await submitCount(client, large, {
    pauseMs: 5,
    gatedFrom: FREE_LINES,
    gate: gate.path,
  });
  await linesDone(client, id, FREE_LINES);
  await cluster.kill(before.number);
  await gate.open();
  const view = await ended(client, id, END_MS_MAX);
  await expectCounted(client, view, large);
  const after = await cluster.scheduler("words", survivors[0] ?? 0);
  expect(survivors).toContain(after.number);
  expect(after.term).toBeGreaterThan(before.term);

  await cluster.start(before.number);
  const { appliedIndex: goal } = await cluster.client(after.number).workflow("words");
  const back = cluster.client(before.number);
  await eventually("the node that was killed has applied what the others had", 30_000, async () => {
    const { appliedIndex } = await back.workflow("words");
    return appliedIndex >= goal;
  });
  // The request ended once: to the node that came back it looks the same.
  await expectCounted(back, await ended(back, id, END_MS_MAX), large);
  expect((await back.request(id, { waitMs: 0, withResult: false })).endedAt).toBe(view.endedAt);
});

test("units of a killed node that only worked are granted to others", async () => {
  const gate = await Gate.make(cluster);
  const scheduler = await cluster.scheduler("words", 1);
  const [victim = 0] = others(scheduler.number);
  const client = cluster.client(...others(victim));
  const gatedFrom = 5;
  const id = await submitCount(client, large, { gatedFrom, gate: gate.path });
  const held = await eventually(`node-${victim} has units that wait`, 60_000, async () => {
    const running = runningOn(await attemptsOf(client, id), victim);
    // Others may end between this look and the kill.
    const waiting = running.filter(({ step, invocation }) => {
      return step === "lines" && Number(invocation.split(".").at(-1)) >= gatedFrom;
    });
    return waiting.length > 0 ? waiting : undefined;
  });
  await cluster.kill(victim);
  await gate.open();
  await expectCounted(client, await ended(client, id, END_MS_MAX), large);
  const attempts = await attemptsOf(client, id);
  // Some of them may have ended well in the moment before the kill; those at the gate cannot.
  const fates = held.map(({ invocation }) =>
    runsOf(attempts, { invocation, number: victim }).map(({ state }) => state),
  );
  expect(fates.flat()).toContain("lost");
  for (const states of fates) expect(["lost", "done"]).toContain(states[0]);
  expect(attempts.filter(({ state }) => state === "failed")).toEqual([]);
});

test("a node that is told to stop finishes its units, exits with 0, and nothing failed", async () => {
  const gate = await Gate.make(cluster);
  // Not the first one, whose folder has the token; a child of this test, which sees its exit code.
  const leaving = 3;
  await cluster.script("stop", String(leaving));
  const child = await cluster.adopt(leaving);
  const client = cluster.client(...others(leaving));
  const id = await submitCount(client, large, { gatedFrom: 5, gate: gate.path });
  await eventually(`node-${leaving} has units that run`, 60_000, async () => {
    return runningOn(await attemptsOf(client, id), leaving).length > 0;
  });
  const exit = once(child, "exit");
  child.kill("SIGTERM");
  await gate.open();
  expect(await exit).toEqual([0, null]);
  await expectCounted(client, await ended(client, id, END_MS_MAX), large);
  const states = new Set((await attemptsOf(client, id)).map(({ state }) => state));
  expect([...states].filter((state) => state === "failed" || state === "lost")).toEqual([]);
});

test("a scheduler that hangs for a while and comes back completes nothing twice", async () => {
  const gate = await Gate.make(cluster);
  const before = await cluster.scheduler("words", 1);
  const [desk = 0] = others(before.number);
  const client = cluster.client(...others(before.number));
  const id = await submitCount(client, large, {
    pauseMs: 5,
    gatedFrom: FREE_LINES,
    gate: gate.path,
  });
  await linesDone(client, id, FREE_LINES);
  const startMs = performance.now();
  await cluster.script("pause", String(before.number));
  try {
    await eventually("another scheduler was elected", FAILOVER_MS_MAX, async () => {
      const { number, term } = await cluster.scheduler("words", desk);
      return number !== before.number && term > before.term;
    });
    await gate.open();
    await eventually("the scheduler hung long enough", FAILOVER_MS_MAX, () => {
      return performance.now() - startMs >= HANG_MS;
    });
  } finally {
    await cluster.script("resume", String(before.number));
  }
  await expectCounted(client, await ended(client, id, END_MS_MAX), large);
  const back = cluster.client(before.number);
  await expectCounted(back, await ended(back, id, END_MS_MAX), large);
});
