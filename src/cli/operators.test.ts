/** What operators type: nodes, tickets, groups. */
import { Readable } from "node:stream";
import type { FastifyInstance } from "fastify";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { FakeCluster } from "../../test/lib/fake-cluster.ts";
import { TOKENS } from "../../test/lib/fake-tokens.ts";
import { buildApi, listenApi } from "../api/server.ts";
import { systemTimers } from "../node/system.ts";
import { silentLog } from "../std/log.ts";
import { runCli } from "./run.ts";

const RULES = { listenHost: "127.0.0.1", hostNames: [] };

const cluster = new FakeCluster();
let app: FastifyInstance;
let url: string;

beforeAll(async () => {
  app = await buildApi({ cluster, log: silentLog, rules: RULES });
  ({ url } = await listenApi(app, { host: "127.0.0.1", port: 0 }));
});

afterAll(() => app.close());

beforeEach(() => cluster.reset());

async function jobx(
  words: string,
): Promise<{ readonly exit: number; readonly out: string; readonly err: string }> {
  let out = "";
  let err = "";
  const exit = await runCli(words.split(" "), {
    env: { JOBX_API: url, JOBX_TOKEN: TOKENS.admin },
    homeFolder: "/nowhere",
    timers: systemTimers,
    interrupted: () => new Promise(() => {}),
    out: (text) => {
      out += text;
    },
    err: (text) => {
      err += text;
    },
    write: () => Promise.resolve(),
    terminal: false,
    version: () => Promise.resolve("0.0.0"),
    readInput: () => Promise.resolve(new Uint8Array()),
    bytes: { input: () => Readable.from([]), write: () => Promise.resolve() },
    client: {
      fetch,
      clock: { nowMs: () => performance.now() },
      sleep: () => Promise.resolve(),
      randomKey: () => "random-key",
    },
  });
  return { exit, out, err };
}

const called = (method: string): unknown =>
  cluster.calls.findLast((call) => call.method === method)?.input;

test("node list, ticket and status", async () => {
  expect(JSON.parse((await jobx("node list --json")).out)).toMatchObject([
    {
      id: "12D3KooWfirst",
      name: "node-1",
      state: "up",
      capabilities: ["general", "python"],
      slots: 4,
    },
  ]);
  expect((await jobx("node list")).out).toMatch(/node-1 +up +4 +general,python +http/);
  expect((await jobx("cluster ticket --uses 2 --expires 24h")).out).toBe("jobx1-ticket\n");
  expect(called("createTicket")).toEqual({ uses: 2, expiresMs: 86_400_000 });
  expect((await jobx("cluster ticket list")).out).toMatch(/^t1 +open +2 +2026\S+ +node-1$/m);
  expect((await jobx("cluster ticket revoke t1")).out).toBe("t1 is revoked\n");
  expect((await jobx("cluster ticket list")).out).toMatch(/^t1 +revoked /m);
  const unknown = await jobx("cluster ticket revoke t2");
  expect([unknown.exit, unknown.err]).toEqual([4, expect.stringContaining("TICKET_UNKNOWN")]);
  const status = await jobx("cluster status");
  expect(status.out).toContain("cluster version 1\n");
  expect(status.out).not.toContain("waits for");
  expect(status.out).toMatch(/^node-1 +up +4 +1 +http/m);
  expect(status.out).toContain("acknowledged data is on one disk");
  const [first] = cluster.nodeViews;
  if (first === undefined) throw new Error("the fake cluster has a node");
  expect(status.out).not.toContain("durability is none");
  cluster.nodeViews = [first, { ...first, name: "node-2", durability: "none", clockIsOff: true }];
  const warned = await jobx("cluster status");
  expect(warned.out).toContain("WARNING: durability is none on node-2");
  expect(warned.out).toMatch(/^Clocks off .*: node-2\.$/m);
  expect((await jobx("node list")).out).toMatch(/^node-2 +up, clock off /m);
  const [group] = cluster.admin.groupViews;
  if (group === undefined) throw new Error("the fake cluster has a group");
  cluster.admin.groupViews = [
    { ...group, votersWanted: 3 },
    { ...group, name: "text", led: false },
  ];
  const since = "2026-01-02T03:04:05.000Z";
  cluster.admin.wanting = [{ workflow: "text", short: 12, missing: 0, lost: 1, since }];
  const short = await jobx("cluster status");
  expect(short.out).toContain(`Blocks of files of text since ${since}: 12 with too few copies, `);
  expect(cluster.calls.find(({ method }) => method === "workflows")).toMatchObject({ stale: true });
  expect(short.out).toContain("Fewer voters than there should be: system.\n");
  expect(short.out).toContain("Nobody leads: text.\n");
  cluster.isReady = false;
  expect(JSON.parse((await jobx("cluster status --json")).out)).toMatchObject({
    ready: false,
    reason: "still joining",
    workflows: 0,
  });
});

test("cluster status says for whom the next version waits, and what each node supports", async () => {
  const [first] = cluster.nodeViews;
  if (first === undefined) throw new Error("the fake cluster has a node");
  const newer = { ...first, id: "second", name: "node-2", versions: { min: 1, max: 2 } };
  cluster.nodeViews = [first, newer];
  const { out } = await jobx("cluster status");
  expect(out).toContain("Version 2 waits for node-1.\n");
  expect(out).toMatch(/^node-2 +up +4 +1-2 +http/m);
  expect(JSON.parse((await jobx("cluster status --json")).out)).toMatchObject({
    version: 1,
    next: { version: 2, waitsFor: [{ name: "node-1", versions: { min: 1, max: 1 } }] },
    why: "Version 2 waits for node-1.",
    nodes: [{ versions: { min: 1, max: 1 } }, { versions: { min: 1, max: 2 } }],
  });
  expect((await jobx("node show node-2")).out).toMatch(/^supports +1-2$/m);
});

test("node list and node show name damaged replicas", async () => {
  const [first] = cluster.nodeViews;
  if (first === undefined) throw new Error("the fake cluster has a node");
  cluster.nodeViews = [{ ...first, damaged: ["system", "text"] }];
  expect((await jobx("node list")).out).toContain("up, damaged: system text");
  const { out } = await jobx("node show node-1");
  expect(out).toContain("node-1 (up, damaged: system text)");
  expect(out).toMatch(/^system +1 +leader +17$/m);
  expect((await jobx("node show nobody")).exit).toBe(2);
});

test("node show says of a group that nobody leads that it does not know, not that nothing is there", async () => {
  const { groupViews } = cluster.admin;
  cluster.admin.groupViews = groupViews.map((view) => ({ ...view, led: false, members: [] }));
  const { out } = await jobx("node show node-1");
  expect(out).toMatch(/^system +unknown: nobody leads *$/mu);
  expect(out).not.toContain("no replicas");
  const json: unknown = JSON.parse((await jobx("node show node-1 --json")).out);
  expect(json).toMatchObject({ replicas: [], unled: ["system"] });
});

test("node drain, undrain and remove, raft list and transfer", async () => {
  expect((await jobx("node drain node-1")).out).toContain("node-1 gets no new work");
  expect(called("drainNode")).toEqual({ node: "node-1", drained: true });
  expect((await jobx("node undrain node-1")).exit).toBe(0);
  expect((await jobx("node remove node-1")).out).toContain("node-1 is being removed");
  expect(called("removeNode")).toEqual({ node: "node-1" });
  expect((await jobx("raft list")).out).toMatch(/^0 +system +3 +17 +leader +node-1 +1 +17$/m);
  const { out: replicas } = await jobx("raft replicas");
  expect(replicas).toMatch(/^0 +system +1 +leader +3 +17 +00ff$/m);
  expect(replicas).toMatch(/^1 +text +stopped: rows differ +3 +17 +00ff$/m);
  expect((await jobx("raft transfer system node-1")).exit).toBe(0);
  expect(called("transfer")).toEqual({ group: "system", node: "node-1" });
  const explained = await jobx("raft recover --system");
  expect(explained.out).toContain("node-3 (replica 3, votes)");
  expect(explained.out).toContain("What was acknowledged after entry 17 would be lost.");
  expect(called("recoverGroup")).toEqual({ group: "system", acceptLoss: false });
  expect((await jobx("raft recover text --accept-loss")).out).toContain("goes on with what node-1");
  expect(called("recoverGroup")).toEqual({ group: "text", acceptLoss: true });
  expect((await jobx("raft recover")).exit).toBe(2);
  expect((await jobx("raft recover text --system")).exit).toBe(2);
  cluster.admin.groupViews = cluster.admin.groupViews.map((view) => ({ ...view, led: false }));
  expect((await jobx("raft list")).out).toMatch(/^0 +system +nobody leads$/m);
});

test("fs gc says for each node what was deleted, and with --dry-run what would be", async () => {
  const { exit, out } = await jobx("fs gc");
  expect(exit).toBe(0);
  expect(out.replaceAll(/ +/gu, " ")).toContain("node-1 7 5 0 0 2 2000");
  const { out: dry } = await jobx("fs gc --dry-run --json");
  expect(JSON.parse(dry)).toMatchObject([
    { node: "node-1", waiting: { blocks: 2, bytes: 2000 }, deleted: { blocks: 0 } },
  ]);
});
