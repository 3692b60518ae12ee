/**
 * Nodes on networks that lose packets: a worker that nobody can dial, nodes that are cut off, and cuts
 * of one direction only. Whatever is cut, what was acknowledged ends once, and no unit is done twice.
 */
import { randomUUID } from "node:crypto";
import { beforeAll, beforeEach, describe, expect, test } from "vitest";
import { attemptsOf, ended, Gate } from "../lib/e2e-cluster.ts";
import { eventually } from "../lib/e2e-eventually.ts";
import { useHosts } from "../lib/e2e-hosts.ts";
import { callHttp, type HttpAnswer } from "../lib/e2e-http.ts";
import { networkProblem } from "../lib/e2e-network.ts";
import {
  type Corpus,
  expectCounted,
  linesDone,
  submitCount,
  writeCorpus,
} from "../lib/e2e-words.ts";

const END_MS_MAX = 90_000;
const CHANGE_MS_MAX = 60_000;
/** What somebody who asks a node that is cut off is willing to wait. */
const DEADLINE_MS = 3_000;
/** Nodes that can be dialled: they vote. */
const VOTERS = [1, 2, 4];
/** Nobody can dial it. */
const WORKER = 3;

const textOf = (json: unknown, field: string): string =>
  String(typeof json === "object" && json !== null ? Reflect.get(json, field) : undefined);

const messageOf = (json: unknown): string => textOf(json, "message");

const problem = networkProblem();
if (problem !== undefined) console.warn(`skipped: ${problem}`);

describe.skipIf(problem !== undefined)("nodes on networks that lose packets", () => {
  const cluster = useHosts(2);
  let small: Corpus;
  let large: Corpus;

  beforeAll(async () => {
    small = await writeCorpus(cluster, { documents: 2, linesEach: 4 });
    // Long lines: what a document maps to is more than fits into the log.
    large = await writeCorpus(cluster, { documents: 3, linesEach: 60 });
    await cluster.apply(1, "words");
    await cluster.apply(1, "large");
  });

  beforeEach(() => {
    // A cut ends with each test, the shield of the worker does not.
    if (cluster.has(WORKER)) cluster.network.shield(WORKER);
  });

  /** Names of the voters of each group, as node `at` says. */
  const votersOf = async (at: number): Promise<Readonly<Record<string, readonly string[]>>> => {
    const groups = await cluster.client(at).groups();
    return Object.fromEntries(
      groups.map(({ name, members }) => [
        name,
        members.flatMap(({ role, node }) => (role === "learner" ? [] : [node])).sort(),
      ]),
    );
  };

  /** Submits a count at one node and says how it answered, whatever it was. */
  const submitAt = (number: number, key: string): Promise<HttpAnswer> =>
    callHttp(cluster.api(number), {
      method: "POST",
      path: "/v1/workflows/words/jobs/count/requests",
      headers: {
        "content-type": "application/json",
        authorization: `Bearer ${cluster.token}`,
        "jobx-deadline-ms": String(DEADLINE_MS),
        "idempotency-key": key,
      },
      body: JSON.stringify({ arguments: [["how", { folder: small.folder, pauseMs: 0 }]] }),
    });

  /** Asks until the node knows that it is cut off; it acknowledges nothing meanwhile. */
  const untilNoMajority = async (number: number): Promise<string> => {
    let acknowledged = false;
    const why = await eventually(`node-${number} knows why`, CHANGE_MS_MAX, async () => {
      const { status, code, json } = await submitAt(number, randomUUID());
      acknowledged ||= status === 202;
      return status === 503 && code === "NO_MAJORITY" ? messageOf(json) : undefined;
    });
    expect(acknowledged).toBe(false);
    return why;
  };

  /** Repeats a command until it is acknowledged; the id of its request. */
  const repeated = async (number: number, key: string): Promise<string> => {
    const { json } = await eventually("the command is repeated", CHANGE_MS_MAX, async () => {
      const answer = await submitAt(number, key);
      return answer.status === 202 ? answer : undefined;
    });
    return textOf(json, "request");
  };

  const cutFromAll = (number: number): void => {
    for (const other of [...VOTERS, WORKER]) {
      if (other !== number) cluster.network.cut(number, other);
    }
  };

  const countRequests = async (at: number): Promise<number> => {
    const { requests, next } = await cluster.client(at).requests("words", { limit: 200 });
    expect(next).toBeNull();
    return requests.length;
  };

  test("a worker that nobody can dial joins, works, and what it made is fetched from it", async () => {
    cluster.network.addHost(WORKER);
    cluster.network.shield(WORKER);
    await cluster.start(WORKER, 4);
    const voters = VOTERS.map((number) => `node-${number}`);
    await eventually("the three that can be dialled vote", CHANGE_MS_MAX, async () => {
      const { system, words } = await votersOf(1);
      return system?.length === 3 && words?.length === 3;
    });
    expect(await votersOf(1)).toMatchObject({ system: voters, words: voters });

    const client = cluster.client(1);
    const id = await submitCount(client, large, { pauseMs: 20 });
    await expectCounted(client, await ended(client, id, END_MS_MAX), large);
    const worked = async (request: string, step: string): Promise<boolean> =>
      (await attemptsOf(client, request)).some(
        (one) => one.nodeName === "node-3" && one.step === step && one.state === "done",
      );
    expect(await worked(id, "lines")).toBe(true);

    // Its leaves are runs, which others must read to reduce, or to keep a copy of.
    const sent = 'jobx_mesh_block_bytes_total{direction="out"}';
    const before = (await cluster.metric(WORKER, sent)) ?? Number.NaN;
    const { request: runs } = await client.submit({
      workflow: "large",
      job: "fill",
      arguments: [["how", { leaves: 12, gatedFrom: 12, gate: "" }]],
      idempotencyKey: undefined,
    });
    expect(await ended(client, runs, END_MS_MAX, false)).toMatchObject({ state: "succeeded" });
    expect(await worked(runs, "leaves")).toBe(true);
    expect(await cluster.metric(WORKER, sent)).toBeGreaterThan(before);
  });

  test("a leader that is cut off acknowledges nothing and says why, and nothing is done twice", async () => {
    const gate = await Gate.make(cluster);
    const { number: cutOff, term } = await cluster.scheduler("words", 1);
    const others = [...VOTERS, WORKER].filter((number) => number !== cutOff);
    const client = cluster.client(...others);
    const before = await countRequests(cutOff);
    const early = await submitCount(client, large, { gatedFrom: 10, gate: gate.path });
    await eventually(`node-${cutOff} has units that wait`, CHANGE_MS_MAX, async () =>
      (await attemptsOf(client, early)).some(
        ({ state, nodeName }) => state === "running" && nodeName === `node-${cutOff}`,
      ),
    );
    cutFromAll(cutOff);
    // It still takes itself for the leader, and its executor works on.
    const key = randomUUID();
    const first = await submitAt(cutOff, key);
    expect(first).toMatchObject({ status: 504, code: "COMMAND_OUTCOME_UNKNOWN" });
    await gate.open();

    const after = await eventually("the others have a scheduler", CHANGE_MS_MAX, async () => {
      const next = await cluster.scheduler("words", others[0] ?? 0);
      return next.term > term ? next : undefined;
    });
    expect(after.number).not.toBe(cutOff);
    const during = await submitCount(client, small);
    const view = await ended(client, early, END_MS_MAX);
    await expectCounted(client, view, large);
    await expectCounted(client, await ended(client, during, END_MS_MAX), small);

    const voters = VOTERS.map((number) => `node-${number}`).join(", ");
    const why = `of those on ${voters} this node reaches only node-${cutOff}`;
    expect(await untilNoMajority(cutOff)).toContain(why);
    const words = ["submit", "words", "count", "how=nothing", "--wait", "--timeout", "4s"];
    const typed = await cluster.jobx(cutOff, ...words);
    expect(typed.code).not.toBe(0);
    expect(typed.stderr).toContain("NO_MAJORITY");
    expect(typed.stderr).toContain(why);
    await eventually("it says that it is not ready", CHANGE_MS_MAX, async () => {
      return (await fetch(`${cluster.api(cutOff)}/readyz`)).status === 503;
    });

    cluster.network.heal();
    await cluster.ready(cutOff);
    // What it may have taken is asked for again with the same key: it happens once.
    const request = await repeated(cutOff, key);
    await expectCounted(client, await ended(client, request, END_MS_MAX), small);
    expect(await countRequests(others[0] ?? 0)).toBe(before + 3);
    // What its executor did meanwhile counts nowhere.
    expect(await ended(client, early, END_MS_MAX)).toEqual(view);
    await expectCounted(client, view, large);
  });

  test("a follower that is cut off acknowledges nothing, says why, and disturbs nobody", async () => {
    const gate = await Gate.make(cluster);
    const { number: leader, term } = await cluster.scheduler("words", 1);
    const cutOff = VOTERS.find((number) => number !== leader) ?? 0;
    const client = cluster.client(leader);
    const before = await countRequests(leader);
    const early = await submitCount(client, large, { gatedFrom: 10, gate: gate.path });
    await eventually(`node-${cutOff} has units that wait`, CHANGE_MS_MAX, async () =>
      (await attemptsOf(client, early)).some(
        ({ state, nodeName }) => state === "running" && nodeName === `node-${cutOff}`,
      ),
    );
    cutFromAll(cutOff);
    await gate.open();
    expect(await untilNoMajority(cutOff)).toContain("this node reaches only");
    const view = await ended(client, early, END_MS_MAX);
    cluster.network.heal();
    await cluster.ready(cutOff);
    // It asked whether it could be elected, and nobody's term has changed.
    expect(await cluster.scheduler("words", cutOff)).toEqual({ number: leader, term });
    const back = cluster.client(cutOff);
    expect(await ended(back, early, END_MS_MAX)).toEqual(view);
    await expectCounted(back, view, large);
    expect(await countRequests(cutOff)).toBe(before + 1);
  });

  test.each([
    ["is not heard", (leader: number, other: number) => cluster.network.cutOneWay(leader, other)],
    ["hears nobody", (leader: number, other: number) => cluster.network.cutOneWay(other, leader)],
  ])("a leader that %s acknowledges nothing, and another takes over", async (_what, cut) => {
    const { number: leader, term } = await cluster.scheduler("words", 1);
    const others = [...VOTERS, WORKER].filter((number) => number !== leader);
    const client = cluster.client(...others);
    const before = await countRequests(leader);
    const early = await submitCount(client, large, { pauseMs: 200 });
    await linesDone(client, early, 5);
    for (const other of others) cut(leader, other);
    const key = randomUUID();
    const answer = await submitAt(leader, key);
    expect([answer.status, answer.code]).toEqual([504, "COMMAND_OUTCOME_UNKNOWN"]);
    const after = await eventually("the others have a scheduler", CHANGE_MS_MAX, async () => {
      const next = await cluster.scheduler("words", others[0] ?? 0);
      return next.term > term ? next : undefined;
    });
    expect(after.number).not.toBe(leader);
    const view = await ended(client, early, END_MS_MAX);
    await expectCounted(client, view, large);
    cluster.network.heal();
    await cluster.ready(leader);
    expect(await ended(cluster.client(leader), early, END_MS_MAX)).toEqual(view);
    await expectCounted(client, view, large);
    // Others may have got what it was told, or not. Told again with the same key, it happens once.
    const told = await repeated(leader, key);
    await expectCounted(client, await ended(client, told, END_MS_MAX), small);
    expect(await countRequests(leader)).toBe(before + 2);
  });

  test("a follower that does not hear its leader, and others do, is told by them who leads", async () => {
    const { number: leader, term } = await cluster.scheduler("words", 1);
    const deaf = VOTERS.find((number) => number !== leader) ?? 0;
    const client = cluster.client(leader);
    const early = await submitCount(client, large, { pauseMs: 50 });
    cluster.network.cutOneWay(leader, deaf);
    const told = await untilNoMajority(deaf);
    const other = VOTERS.find((number) => number !== leader && number !== deaf) ?? 0;
    const why = new RegExp(
      `node-${leader}, which leads it as far as .*node-${other}.* knows?, cannot be reached`,
    );
    expect(told).toMatch(why);
    await expectCounted(client, await ended(client, early, END_MS_MAX), large);
    expect(await cluster.scheduler("words", leader)).toEqual({ number: leader, term });
    cluster.network.heal();
    await eventually(`node-${deaf} serves again`, CHANGE_MS_MAX, async () => {
      return (await submitAt(deaf, randomUUID())).status === 202;
    });
  });

  test("a worker whose place in a group was taken by another gives its replica up", async () => {
    const groups = await cluster.client(1).groups();
    const lost = groups.filter(({ members }) => !members.some(({ node }) => node === "node-3"));
    expect(lost.map(({ name }) => name)).toContain("words");
    for (const { group } of lost)
      await eventually(`node-3 has no replica of group ${group}`, CHANGE_MS_MAX, async () => {
        const applied = await cluster.metric(WORKER, "jobx_raft_applied_index", group);
        return applied === undefined;
      });
  });
});
