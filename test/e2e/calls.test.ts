/** What callers and strangers may send to a running cluster, and what they are told. */
import { randomBytes } from "node:crypto";
import { connect } from "node:net";
import { beforeAll, expect, test } from "vitest";
import type { InvocationSummary } from "../../src/api/invocation-view.ts";
import type { StreamEvent } from "../../src/api/ports.ts";
import { ended, Gate, useCluster } from "../lib/e2e-cluster.ts";
import { eventually } from "../lib/e2e-eventually.ts";
import { callHttp } from "../lib/e2e-http.ts";
import {
  type Corpus,
  expectCounted,
  linesDone,
  submitCount,
  writeCorpus,
} from "../lib/e2e-words.ts";

const END_MS_MAX = 60_000;
const SUBMIT = "/v1/workflows/words/jobs/count/requests";
const JSON_TYPE = { "content-type": "application/json" };

const cluster = useCluster(3);
let corpus: Corpus;

beforeAll(async () => {
  corpus = await writeCorpus(cluster, { documents: 2, linesEach: 3 });
  await cluster.apply(1, "words");
});

const authorization = (): Record<string, string> => ({ authorization: `Bearer ${cluster.token}` });

test("the same key at two nodes makes one request, and a conflict with another body", async () => {
  const input = {
    workflow: "words",
    job: "count",
    arguments: [["how", { folder: corpus.folder, pauseMs: 0, gatedFrom: 0, gate: null }]],
    idempotencyKey: "nightly-7",
  } as const;
  const before = (await cluster.client(1).requests("words", { limit: 100 })).requests;
  const answers = await Promise.all([2, 3].map((number) => cluster.client(number).submit(input)));
  const [id = "", ...more] = new Set(answers.map(({ request }) => request));
  expect(more).toEqual([]);
  expect((await cluster.client(1).submit(input)).request).toBe(id);
  const client = cluster.client(1);
  await expect(
    cluster.client(2).submit({ ...input, arguments: [["how", "else"]] }),
  ).rejects.toMatchObject({ code: "IDEMPOTENCY_CONFLICT", details: { status: 409 } });
  await expectCounted(client, await ended(client, id, END_MS_MAX), corpus);
  const after = (await client.requests("words", { limit: 100 })).requests;
  expect(after.length - before.length).toBe(1);
});

test("the invocations of a request are read at a node that is not the scheduler, as they run and when they are done", async () => {
  const { number: scheduler } = await cluster.scheduler("words", 1);
  const other = scheduler === 1 ? 2 : 1;
  const client = cluster.client(other);
  const gate = await Gate.make(cluster);
  const id = await submitCount(client, corpus, { gatedFrom: 2, gate: gate.path });
  const lines = { limit: 100, step: "lines" };
  await eventually("both lines behind the gate run", END_MS_MAX, async () => {
    const { invocations } = await client.invocations(id, { ...lines, state: "running" });
    return invocations.length >= 2;
  });
  const early = await client.request(id, { waitMs: 0, withResult: false });
  expect(early.state).toBe("running");
  const root = await client.invocation(id, `${id}.r`, { input: true, output: true });
  expect(root).toMatchObject({
    ...{ state: "done", step: "folder", parent: null, children: 2, attempts: 1, key: '"how"' },
    handlers: [{ type: "mapper", name: "folder" }],
    input: { pairs: 1, content: [["how", { folder: corpus.folder }]] },
    output: { pairs: 2 },
  });
  await gate.open();
  await expectCounted(client, await ended(client, id, END_MS_MAX), corpus);
  // Page by page: a root, its files and lines, and a reduction for each part of each that mapped.
  const seen: InvocationSummary[] = [];
  for (let after: string | undefined; ; ) {
    const page = await client.invocations(id, { limit: 3, after });
    seen.push(...page.invocations);
    if (page.next === null) break;
    after = page.next;
  }
  const kinds = seen.map(({ step, phase, state }) => `${step} ${phase} ${state}`).sort();
  const expected = [
    ...["files map done", "files map done", "files reduce done", "files reduce done"],
    ...["folder map done", "folder reduce done", "folder reduce done"],
    ...Array.from({ length: corpus.lines }, () => "lines map done"),
  ];
  expect(kinds).toEqual(expected);
  expect(new Set(seen.map(({ invocation }) => invocation)).size).toBe(seen.length);
  const leaf = await client.invocation(id, `${id}.r.1.2`, { input: true, output: true });
  expect(leaf).toMatchObject({ parent: `${id}.r.1`, key: "2", input: { pairs: 1 } });
  expect(leaf.handlers.map(({ type, name }) => `${type} ${name}`)).toEqual([
    ...["mapper line", "combiner pairs", "reducer sum"],
  ]);
  const counts = (leaf.output?.content ?? []).map(([, count]) => Number(count));
  expect(counts.reduce((sum, count) => sum + count, 0)).toBe(20);
  // A node says the same of its own copy once that is as new, and by the command line.
  await eventually("the copy at the other node is as new", END_MS_MAX, async () => {
    const path = `/v1/workflows/words/requests/${id}/invocations?stale=true&parent=${id}.r.1`;
    const { json } = await callHttp(cluster.api(other), { path, headers: authorization() });
    const { invocations } = await client.invocations(id, { limit: 100, parent: `${id}.r.1` });
    return JSON.stringify(json) === JSON.stringify({ invocations, next: null });
  });
  const told = await cluster.jobx(other, "request", "invocations", id, "--step", "files", "--json");
  expect(JSON.parse(told.stdout)).toMatchObject({ invocations: [{}, {}, {}, {}], next: null });
  await expect(
    client.invocation(id, `${id}.r.2`, { input: false, output: false }),
  ).rejects.toMatchObject({ code: "INVOCATION_UNKNOWN", details: { status: 404 } });
  // What was seen while it ran is not the request that there is now.
  await expect(client.deleteRequest(id, early)).rejects.toMatchObject({
    code: "REVISION_CHANGED",
    details: { status: 412 },
  });
  const now = await client.request(id, { waitMs: 0, withResult: false });
  expect(await client.deleteRequest(id, now)).toEqual({ request: id });
});

test("who follows a request cancels it at the revision that it was told beside the number of the event", async () => {
  const client = cluster.client(2);
  const gate = await Gate.make(cluster);
  const id = await submitCount(client, corpus, { gatedFrom: 2, gate: gate.path });
  // All but the last line of each document.
  await linesDone(client, id, corpus.lines - corpus.documents);
  const cancel = (body: object) =>
    callHttp(cluster.api(3), {
      method: "POST",
      path: `/v1/workflows/words/requests/${id}/cancel`,
      headers: { ...authorization(), ...JSON_TYPE },
      body: JSON.stringify(body),
    });
  const told: StreamEvent[] = [];
  for await (const event of client.events(id, undefined)) {
    told.push(event);
    if (event.kind !== "resync") continue;
    const [request] = event.requests;
    const revision = request?.revision ?? 0;
    // What has happened since it began to run is progress.
    expect(event.number).toBeGreaterThan(revision);
    const answers = [
      await cancel({ revision: event.number }),
      await cancel({ revision, nonsense: 1 }),
      await cancel({ revision }),
    ];
    expect(answers).toMatchObject([
      { status: 412, code: "REVISION_CHANGED" },
      { status: 400, code: "API_INPUT_INVALID" },
      { status: 200, json: { request: id, state: "cancelled" } },
    ]);
  }
  await gate.open();
  const end = told.findLast(({ kind }) => kind === "request");
  const { revision } = await client.request(id, { waitMs: 0, withResult: false });
  expect(end).toMatchObject({ state: "cancelled", number: revision, revision });
});

test("a caller without a token that is known here gets nothing", async () => {
  for (const path of ["/v1/nodes", "/v1/workflows/words", "/metrics"]) {
    const none = await callHttp(cluster.api(2), { path });
    expect(none).toMatchObject({ status: 401, code: "API_TOKEN_MISSING" });
    const wrong = { authorization: `Bearer ${cluster.token}x` };
    const unknown = await callHttp(cluster.api(2), { path, headers: wrong });
    expect(unknown).toMatchObject({ status: 401, code: "API_TOKEN_UNKNOWN" });
  }
  const submission = { method: "POST", path: SUBMIT, headers: JSON_TYPE, body: "{}" };
  expect(await callHttp(cluster.api(2), submission)).toMatchObject({ status: 401 });
});

test("a caller who was sent here by another page is refused, whatever token it has", async () => {
  const path = "/v1/nodes";
  const host = { ...authorization(), host: "jobs.example.com" };
  expect(await callHttp(cluster.api(1), { path, headers: host })).toMatchObject({
    status: 403,
    code: "API_HOST_REFUSED",
  });
  const origin = { ...authorization(), origin: "https://jobs.example.com" };
  expect(await callHttp(cluster.api(1), { path, headers: origin })).toMatchObject({
    status: 403,
    code: "API_ORIGIN_REFUSED",
  });
  expect(await callHttp(cluster.api(1), { path, headers: authorization() })).toMatchObject({
    status: 200,
  });
});

test("what does not exist is said to be unknown, by its kind", async () => {
  const headers = { ...authorization(), ...JSON_TYPE };
  const codeOf = async (path: string, post = false): Promise<unknown> => {
    const call = post ? { method: "POST", body: `{"arguments":[]}` } : {};
    const { status, code } = await callHttp(cluster.api(3), { path, headers, ...call });
    return [status, code];
  };
  expect(await codeOf("/v1/workflows/nobody")).toEqual([404, "WORKFLOW_UNKNOWN"]);
  expect(await codeOf(SUBMIT.replace("words", "nobody"), true)).toEqual([404, "WORKFLOW_UNKNOWN"]);
  expect(await codeOf(SUBMIT.replace("count", "nothing"), true)).toEqual([404, "JOB_UNKNOWN"]);
  for (const id of ["words-9999-1", "nonsense"]) {
    expect(await codeOf(`/v1/requests/${id}`)).toEqual([404, "REQUEST_UNKNOWN"]);
  }
  const [known = ""] = (
    await cluster.client(1).request(await submitCount(cluster.client(1), corpus), {
      waitMs: 0,
      withResult: false,
    })
  ).request.split(/-\d+$/);
  expect(await codeOf(`/v1/requests/${known}-99999`)).toEqual([404, "REQUEST_UNKNOWN"]);
  expect(await codeOf("/v1/nonsense")).toEqual([404, "API_ROUTE_UNKNOWN"]);
});

test("a body that is no JSON, or not the one expected, is refused and changes nothing", async () => {
  const headers = { ...authorization(), ...JSON_TYPE };
  const before = (await cluster.client(1).requests("words", { limit: 100 })).requests;
  const send = (body: string): Promise<unknown> =>
    callHttp(cluster.api(1), { method: "POST", path: SUBMIT, headers, body });
  expect(await send(`{"arguments":[`)).toMatchObject({ status: 400, code: "API_JSON_INVALID" });
  expect(await send(`{"arguments":7}`)).toMatchObject({ status: 400, code: "API_INPUT_INVALID" });
  expect(await send(`{"arguments":[["k",9007199254740993]]}`)).toMatchObject({
    status: 400,
    code: "HANDLER_VALUE_NOT_EXACT",
  });
  const after = (await cluster.client(1).requests("words", { limit: 100 })).requests;
  expect(after.map(({ request }) => request)).toEqual(before.map(({ request }) => request));
});

/** Sends bytes to a node's mesh port; resolves when the node has closed the connection. */
function sendGarbage(port: number, bytes: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: "127.0.0.1", port }, () => socket.write(bytes));
    socket.on("error", () => {
      // A reset is one way to close it.
    });
    socket.on("close", () => resolve());
    socket.resume();
    AbortSignal.timeout(60_000).addEventListener("abort", () => {
      socket.destroy();
      reject(new Error("the node keeps a connection that speaks nonsense"));
    });
  });
}

test("a stranger who sends garbage to the mesh is cut off, and nobody else notices", async () => {
  const started = await Promise.all([1, 2, 3].map((number) => cluster.scheduler("words", number)));
  const header = new TextEncoder().encode("\x13/multistream/1.0.0\n");
  const garbage = [
    randomBytes(64 * 1024),
    new TextEncoder().encode("GET / HTTP/1.1\r\nHost: x\r\n\r\n"),
    Buffer.concat([header, Buffer.alloc(4096, 0xff)]),
  ];
  const ports = [1, 2, 3].map((number) => cluster.meshPort(number));
  await Promise.all(ports.flatMap((port) => garbage.map((bytes) => sendGarbage(port, bytes))));
  const client = cluster.client(1);
  await expectCounted(
    client,
    await ended(client, await submitCount(client, corpus), END_MS_MAX),
    corpus,
  );
  for (const number of [1, 2, 3]) {
    await eventually(`node-${number} sees all nodes up`, END_MS_MAX, async () => {
      const nodes = await cluster.client(number).nodes();
      return nodes.filter(({ state }) => state === "up").length === 3;
    });
  }
  // Nobody was voted out meanwhile.
  expect(await Promise.all([1, 2, 3].map((number) => cluster.scheduler("words", number)))).toEqual(
    started,
  );
});

test("a submission whose input no other node takes in time is refused at its deadline", async () => {
  // Asked where the workflow is led: else it would be the leader that does not answer.
  const { number: asked } = await cluster.scheduler("words", 1);
  const others = [1, 2, 3].filter((number) => number !== asked);
  for (const number of others) await cluster.script("pause", String(number));
  try {
    const headers = { ...authorization(), ...JSON_TYPE, "jobx-deadline-ms": "1000" };
    const body = JSON.stringify({ arguments: [["how", "x".repeat(30_000)]] });
    const call = { method: "POST", path: SUBMIT, headers, body };
    // Later the copy would be given up, and it would be the command that nobody takes.
    expect(await callHttp(cluster.api(asked), call)).toMatchObject({
      status: 504,
      code: "DEADLINE_PASSED",
    });
  } finally {
    for (const number of others) await cluster.script("resume", String(number));
  }
});
