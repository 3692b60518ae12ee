/**
 * Handlers that print, yield or return far more than anybody wants: what they make is kept in part, stored
 * or refused, their nodes live and stay small, and others' requests end meanwhile. See docs/limits.md.
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import type { AttemptView } from "../../src/api/attempt-view.ts";
import type { RequestView } from "../../src/api/ports.ts";
import { attemptsOf, ended, Gate, useCluster } from "../lib/e2e-cluster.ts";
import { eventually } from "../lib/e2e-eventually.ts";
import { numberOf, ROOT } from "../lib/e2e-nodes.ts";

const NODES = [1, 2, 3];
/** A gibibyte, by lines of 8 KiB. */
const LINES = 131_072;
/** Ten million with `BOUNDS_PAIRS=10000000`: see docs/testing.md. */
const PAIRS = Number(process.env["BOUNDS_PAIRS"] ?? 1_000_000);
const LARGE = 200_000_000;
/** Each fits a frame of the worker's protocol. */
const VALUES = 25;
/** Generous: an idle node has some 210 MiB, and nothing above may be held whole. */
const RESIDENT_MAX = 1024 ** 3;
/** What is kept of a stream: `PRINTED_TAIL_BYTES`, and `ERROR_TEXT_MAX`. */
const PRINTED_KEPT = 4 * 1024;
const ERROR_KEPT = 16 * 1024;
/** `[` */
const BRACKET = 0x5b;
/** Only a hang should end by these: as many pairs as usual take some ten seconds. */
const END_MS_MAX = 120_000 + PAIRS / 10;
const READY_MS_MAX = 20_000;
const TEST_MS_MAX = 2 * END_MS_MAX;

const cluster = useCluster(NODES.length, { nodeArgs: "--slots 2" });

beforeAll(async () => {
  await cluster.apply(1, "bounds");
  await cluster.applyFile(1, join(ROOT, "test/e2e/bounds/others.yaml"));
});

async function submit(job: string, how: Readonly<Record<string, unknown>>): Promise<string> {
  const { request } = await cluster.client(1).submit({
    ...{ workflow: "bounds", job, idempotencyKey: undefined },
    arguments: [["how", how]],
  });
  return request;
}

/** The most memory that a node's process has ever had. */
function residentMost(number: number): number {
  const [pid] = readFileSync(join(cluster.home(number), "pid"), "utf8").split(" ");
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  return 1024 * Number(/^VmHWM:\s+(\d+) kB/m.exec(status)?.[1]);
}

/** All nodes are the processes that they were, can serve, and were never larger than they may be. */
async function unharmed(): Promise<void> {
  for (const number of NODES) {
    // A machine that stands still for two seconds is told of for ten, and is no harm that we did.
    await eventually(`node-${number} is ready`, READY_MS_MAX, async () => {
      const answer = await fetch(`${cluster.api(number)}/readyz`);
      if (!answer.ok) throw new Error(await answer.text());
      return true;
    });
  }
  const most = NODES.map(residentMost);
  console.log(`most memory so far: ${most.map((bytes) => `${bytes >>> 20} MiB`).join(", ")}`);
  for (const bytes of most) expect(bytes).toBeLessThan(RESIDENT_MAX);
}

/** No node or data plane was lost on the way: each unit was run once. Its attempts. */
async function ranOnce(id: string): Promise<readonly AttemptView[]> {
  const attempts = await attemptsOf(cluster.client(1), id);
  const units = attempts.map(({ invocation, phase }) => `${invocation} ${phase}`);
  expect(new Set(units).size).toBe(units.length);
  return attempts;
}

/** A small request of somebody else, through that node, goes its whole way. */
async function smallEnds(number: number): Promise<void> {
  const client = cluster.client(number);
  const { request } = await client.submit({
    ...{ workflow: "others", job: "small", idempotencyKey: undefined },
    arguments: [["a", 1]],
  });
  const view = await ended(client, request, END_MS_MAX);
  expect(view).toMatchObject({ state: "succeeded", result: { pairs: [["a", 1]] } });
}

/**
 * Runs a job whose handler tells when it is in the middle of it and ends when a gate is open; before that
 * a small request has ended through each node, that of the handler included.
 */
async function beside(
  job: string,
  how: Readonly<Record<string, unknown>>,
): Promise<{ readonly id: string; readonly view: RequestView }> {
  const gate = await Gate.make(cluster);
  const begun = `${gate.path}-begun`;
  const id = await submit(job, { ...how, begun, gate: gate.path });
  await eventually("the handler is in the middle of it", END_MS_MAX, () => existsSync(begun));
  for (const number of NODES) await smallEnds(number);
  const [running] = await attemptsOf(cluster.client(1), id);
  expect(running).toMatchObject({ state: "running" });
  await smallEnds(numberOf(running?.nodeName ?? ""));
  await gate.open();
  return { id, view: await ended(cluster.client(1), id, END_MS_MAX, false) };
}

/** Reads a result as it comes, and keeps nothing of it but its length and how many arrays began. */
async function readResult(id: string): Promise<{ bytes: number; arrays: number }> {
  const headers = { authorization: `Bearer ${cluster.token}` };
  const answer = await fetch(`${cluster.api(2)}/v1/requests/${id}/result`, { headers });
  expect(answer.status).toBe(200);
  let [bytes, arrays] = [0, 0];
  const body: ReadableStream<Uint8Array> | null = answer.body;
  const reader = body?.getReader();
  for (let part = await reader?.read(); part?.done === false; part = await reader?.read()) {
    const chunk = part.value;
    bytes += chunk.length;
    for (let at = chunk.indexOf(BRACKET); at >= 0; at = chunk.indexOf(BRACKET, at + 1)) arrays += 1;
  }
  return { bytes, arrays };
}

test(
  "of a gibibyte that a handler prints to stdout the end is kept, with a word on what is not",
  async () => {
    const { id, view } = await beside("print", { lines: LINES });
    expect(view).toMatchObject({ state: "succeeded" });
    const [attempt] = await ranOnce(id);
    const text = attempt?.printed?.stdout ?? "";
    const missing = LINES * 8192 - PRINTED_KEPT;
    expect(text.startsWith(`[${missing} bytes before this were not kept]\n`)).toBe(true);
    expect(text.endsWith("x\n")).toBe(true);
    expect(text.length).toBeLessThan(2 * PRINTED_KEPT);
    await unharmed();
  },
  TEST_MS_MAX,
);

test(
  "of a gibibyte that a Python handler prints to stderr before it throws the end is kept",
  async () => {
    const { id, view } = await beside("cry", { lines: LINES });
    expect(view).toMatchObject({ state: "failed", error: { code: "HANDLER_FAILED" } });
    const [attempt] = await ranOnce(id);
    expect(attempt?.error?.message).toContain("enough of it");
    const text = attempt?.error?.stderr ?? "";
    expect(text).toContain("xxx\n");
    expect(text.length).toBeLessThanOrEqual(ERROR_KEPT + 256);
    await unharmed();
  },
  TEST_MS_MAX,
);

test(
  `all of ${PAIRS} pairs that a mapper yields are stored, and read from another node`,
  async () => {
    const { id, view } = await beside("yield_all", { pairs: PAIRS });
    expect(view).toMatchObject({ state: "succeeded" });
    await ranOnce(id);
    expect((await readResult(id)).arrays).toBe(PAIRS + 1);
    await unharmed();
  },
  TEST_MS_MAX,
);

test(
  `all of ${PAIRS} pairs that a Python mapper yields come to its reducer`,
  async () => {
    const { id, view } = await beside("yield_counted", { pairs: PAIRS });
    expect(view).toMatchObject({ state: "succeeded" });
    await ranOnce(id);
    const { result } = await cluster.client(1).request(id, { waitMs: 0, withResult: true });
    expect(result?.pairs).toEqual([["count", PAIRS]]);
    await unharmed();
  },
  TEST_MS_MAX,
);

test(
  `${PAIRS} invocations of one mapper are known and begin, leave room for others, and can be cancelled`,
  async () => {
    const client = cluster.client(1);
    const id = await submit("fan", { pairs: PAIRS });
    await eventually("some of them are done", END_MS_MAX, async () => {
      const { steps } = await client.request(id, { waitMs: 0, withResult: false });
      return (steps["smalls"]?.done ?? 0) > 0;
    });
    for (const number of NODES) await smallEnds(number);
    const view = await client.request(id, { waitMs: 0, withResult: false });
    expect(view).toMatchObject({ endedAt: null, steps: { smalls: { total: PAIRS, failed: 0 } } });
    await client.cancel(id);
    expect(await ended(client, id, END_MS_MAX, false)).toMatchObject({ state: "cancelled" });
    for (const number of NODES) await smallEnds(number);
    await unharmed();
  },
  TEST_MS_MAX,
);

test.each([
  ["a JavaScript mapper", "swell", { values: 1, length: LARGE }],
  ["a Python reducer", "burst", { length: LARGE }],
])(
  "a value of 200 MB that %s returns is refused with a code, and small requests end meanwhile and after it",
  async (_who, job, how) => {
    const id = await submit(job, how);
    const meanwhile = NODES.map(smallEnds);
    const view = await ended(cluster.client(1), id, END_MS_MAX);
    expect(view).toMatchObject({ state: "failed", error: { code: "HANDLER_VALUE_TOO_LARGE" } });
    await Promise.all(meanwhile);
    await ranOnce(id);
    for (const number of NODES) await smallEnds(number);
    await unharmed();
  },
  TEST_MS_MAX,
);

test(
  "a result of 200 MB in values that fit a frame is stored, and read from another node",
  async () => {
    const length = LARGE / VALUES;
    const id = await submit("swell", { values: VALUES, length });
    const meanwhile = NODES.map(smallEnds);
    const { state, error } = await ended(cluster.client(1), id, END_MS_MAX, false);
    expect([state, error?.code]).toEqual(["succeeded", undefined]);
    await Promise.all(meanwhile);
    await ranOnce(id);
    const { bytes, arrays } = await readResult(id);
    expect(arrays).toBe(VALUES + 1);
    expect(bytes).toBeGreaterThan(LARGE);
    await unharmed();
  },
  TEST_MS_MAX,
);
