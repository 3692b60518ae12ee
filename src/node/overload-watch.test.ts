/** A node whose load a test says, with the API in front. */
import type { FastifyInstance } from "fastify";
import { afterEach, beforeEach, expect, test } from "vitest";
import { FakeCluster } from "../../test/lib/fake-cluster.ts";
import { FakeTimers } from "../../test/lib/fake-timers.ts";
import { TOKENS } from "../../test/lib/fake-tokens.ts";
import { buildApi } from "../api/server.ts";
import { silentLog } from "../std/log.ts";
import { LOOK_MS, OverloadWatch, UNASKED_MS } from "./overload-watch.ts";

/** Parts of the time: the control thread's, and the processors' that are idle. */
type Load = readonly [busy: number, idle: number];

const OVERLOADED: Load = [0.5, 0.1];

let timers: FakeTimers;
let cluster: FakeCluster;
let app: FastifyInstance;
let watch: OverloadWatch;
let load: { busyMs: number; processors: number; idle: number };
let applied: Map<string, number>;
let warned: unknown[];

beforeEach(async () => {
  timers = new FakeTimers();
  cluster = new FakeCluster();
  load = { busyMs: 0, processors: 0, idle: 0 };
  applied = new Map();
  warned = [];
  watch = new OverloadWatch({
    ...{ clock: timers, timers, load: () => ({ ...load }) },
    applied: () => [...applied].map(([workflow, index]) => ({ workflow, index })),
    log: { ...silentLog, warn: (_message, fields) => warned.push(fields) },
  });
  const rules = { listenHost: "127.0.0.1", hostNames: [] };
  app = await buildApi({ cluster, log: silentLog, rules, gate: watch });
  for (const workflow of ["flooded", "quiet"]) {
    const payload = { steps: { s: { map: "m", reduce: "r" } }, jobs: { one: { step: "s" } } };
    const url = `/v1/workflows/${workflow}`;
    await app.inject({ method: "PUT", url, headers: HEADERS, payload });
  }
});

afterEach(async () => {
  watch.stop();
  await app.close();
});

const HEADERS = { host: "localhost", authorization: `Bearer ${TOKENS.admin}` };

async function submit(workflow: string) {
  const url = `/v1/workflows/${workflow}/jobs/one/requests`;
  const payload = { arguments: {} };
  const answer = await app.inject({ method: "POST", url, headers: HEADERS, payload });
  return { status: answer.statusCode, later: answer.headers["retry-after"] };
}

/** Time until the next look, under that load. */
async function pass([busy, idle]: Load): Promise<void> {
  load.busyMs += busy * LOOK_MS;
  load.processors += 1000;
  load.idle += idle * 1000;
  await timers.advance(LOOK_MS);
}

/** Submits much to one workflow, as fast as it is taken, and now and then to another. */
async function flood(looks: number, now: Load): Promise<void> {
  for (let look = 0; look < looks; look++) {
    for (let count = 0; count < 40; count++) watch.ask("flooded");
    watch.ask("quiet");
    await pass(now);
  }
}

test("a flood is refused with 429 and Retry-After while the node is overloaded, and a quiet workflow is served", async () => {
  await flood(3, OVERLOADED);
  expect(warned).toEqual([{ workflow: "flooded" }]);
  // Those that may wait for a turn.
  for (let count = 0; count < 40; count++) watch.ask("flooded");
  const refused = await submit("flooded");
  expect(refused.status).toBe(429);
  expect(refused.later).toMatch(/^[1-9][0-9]?$/);
  expect(await submit("quiet")).toEqual({ status: 202, later: undefined });
  expect(cluster.calls.filter(({ method }) => method === "submit")).toHaveLength(1);
});

test.each<readonly [string, Load]>([
  ["the processors are idle", [0.5, 0.5]],
  ["others than this node keep the processors busy", [0.2, 0]],
])("nobody is held while %s", async (_what, now) => {
  await flood(20, now);
  expect(warned).toEqual([]);
  expect(await submit("flooded")).toMatchObject({ status: 202 });
});

test("a node whose own thread has no time left is overloaded, whatever the processors do", async () => {
  await flood(3, [0.95, 0.9]);
  expect(warned).toHaveLength(1);
});

test("a system that counts no processor time is not overloaded for that", async () => {
  for (let look = 0; look < 20; look++) {
    for (let count = 0; count < 40; count++) watch.ask("flooded");
    watch.ask("quiet");
    load.busyMs += 0.5 * LOOK_MS;
    await timers.advance(LOOK_MS);
  }
  expect(warned).toEqual([]);
});

test("a workflow that only moves here, asked for elsewhere, is one to be protected", async () => {
  const floodAlone = async (moves: boolean): Promise<void> => {
    for (let look = 0; look < 4; look++) {
      for (let count = 0; count < 40; count++) watch.ask("flooded");
      applied.set("flooded", (applied.get("flooded") ?? 0) + 9);
      applied.set("elsewhere", (applied.get("elsewhere") ?? 0) + (moves ? 1 : 0));
      await pass(OVERLOADED);
    }
  };
  await floodAlone(false);
  expect(warned).toEqual([]);
  await floodAlone(true);
  expect(warned).toEqual([{ workflow: "flooded" }]);
});

test("a node that nobody submits to does not look, and one that is stopped does not either", async () => {
  expect(timers.count).toBe(0);
  watch.ask("quiet");
  await timers.advance(UNASKED_MS / 2);
  expect(timers.count).toBe(1);
  await timers.advance(UNASKED_MS);
  expect(timers.count).toBe(0);
  watch.ask("quiet");
  expect(timers.count).toBe(1);
  watch.stop();
  watch.ask("quiet");
  expect(timers.count).toBe(0);
});
