import { once } from "node:events";
import { connect } from "node:net";
import type { FastifyInstance } from "fastify";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { WebSocket } from "ws";
import { clusterFailure, FakeCluster } from "../../test/lib/fake-cluster.ts";
import { TOKENS } from "../../test/lib/fake-tokens.ts";
import { Deadline } from "../std/deadline.ts";
import { silentLog } from "../std/log.ts";
import { JobxClient } from "./client.ts";
import type { StreamEvent } from "./ports.ts";
import { buildApi, listenApi } from "./server.ts";

const SLOW = { timeout: 20_000 };
const cluster = new FakeCluster();
let app: FastifyInstance;
let url: string;

beforeAll(async () => {
  const rules = { listenHost: "127.0.0.1", hostNames: [] };
  app = await buildApi({ cluster, log: silentLog, rules });
  ({ url } = await listenApi(app, { host: "127.0.0.1", port: 0 }));
});

afterAll(() => app.close());

beforeEach(async () => {
  cluster.reset();
  cluster.definitions.set("text", {
    workflow: "text",
    description: "",
    handlers: [],
    steps: {},
    jobs: { wordcount: { step: "words", description: "" } },
    retention: undefined,
    weight: undefined,
  });
  const deadline = new Deadline({ nowMs: () => 0 }, 1000);
  const options = { deadline, signal: new AbortController().signal };
  const submission = { workflow: "text", job: "wordcount", arguments: [] };
  await cluster.submit({ ...submission, idempotencyKey: undefined, keep: undefined }, options);
  cluster.calls.length = 0;
});

/** Its revision stays: only progress is told, but for the end. */
function progress(number: number, done: number, endedAt: string | null = null): StreamEvent {
  return {
    kind: "request",
    number,
    revision: endedAt === null ? 3 : number,
    request: "r1",
    workflow: "text",
    job: "wordcount",
    state: endedAt === null ? "running" : "succeeded",
    submittedAt: "2026-01-01T00:00:00Z",
    endedAt,
    steps: { words: { total: 4, done, failed: 0 } },
  };
}

const END = "2026-01-01T00:00:09Z";
const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

function client(): JobxClient {
  const machine = {
    fetch,
    clock: { nowMs: () => performance.now() },
    sleep: () => Promise.resolve(),
    randomKey: () => "key",
  };
  return new JobxClient(machine, { urls: [url], token: TOKENS.read, deadlineMs: 1000 });
}

test("a stream begins with the present state, has each event under its number, and ends with the request", async () => {
  cluster.tell(progress(5, 2));
  cluster.tell({ kind: "idle", number: 6 });
  cluster.tell(progress(7, 4, END));
  const answer = await fetch(`${url}/v1/requests/r1/events`, { headers: bearer(TOKENS.read) });
  expect(answer.headers.get("content-type")).toBe("text/event-stream; charset=utf-8");
  const text = await answer.text();
  expect(text.split("\n\n").map((block) => block.split("\n").slice(0, 2))).toEqual([
    [": jobx"],
    ["id: 1", "event: resync"],
    ["id: 5", "event: request"],
    [": idle"],
    ["id: 7", "event: request"],
    [""],
  ]);
});

test("the client reads the same events, and says what it has seen when it comes again", async () => {
  cluster.tell(progress(5, 2));
  cluster.tell(progress(7, 4, END));
  const events: StreamEvent[] = [];
  for await (const event of client().events("r1", 4)) events.push(event);
  expect(events).toEqual([progress(5, 2), progress(7, 4, END)]);
  expect(cluster.calls.at(-1)?.input).toMatchObject({ after: 4, of: { request: "r1" } });
  const headers = { ...bearer(TOKENS.read), "last-event-id": "5" };
  await (await fetch(`${url}/v1/requests/r1/events`, { headers })).text();
  expect(cluster.calls.at(-1)?.input).toMatchObject({ after: 5 });
});

test("a stream that fails says so with its code", async () => {
  cluster.tell(progress(5, 2));
  cluster.tell(clusterFailure("NO_MAJORITY"));
  const read = async () => {
    for await (const event of client().events("r1", 1)) expect(event).toEqual(progress(5, 2));
  };
  await expect(read()).rejects.toMatchObject({ code: "NO_MAJORITY" });
});

test("a caller that goes away ends the stream that was made for it", async () => {
  const abort = new AbortController();
  const headers = bearer(TOKENS.read);
  const answer = await fetch(`${url}/v1/workflows/text/events`, { headers, signal: abort.signal });
  expect(answer.status).toBe(200);
  await expect.poll(() => cluster.waits, SLOW).toBe(1);
  abort.abort();
  await expect.poll(() => cluster.waits, SLOW).toBe(0);
});

test.each([
  ["/v1/requests/r1/events?after=x", 400],
  ["/v1/requests/r1/events?more=1", 400],
  ["/v1/workflows/my-flow/events", 400],
])("%s is %d", async (path, status) => {
  const answer = await fetch(url + path, { headers: bearer(TOKENS.read) });
  await answer.body?.cancel();
  expect(answer.status).toBe(status);
});

/** Opens a WebSocket and gathers what comes; resolves with how it ended. */
function socketOf(
  path: string,
  headers: Record<string, string>,
): { messages: unknown[]; ended: Promise<number>; socket: WebSocket } {
  const socket = new WebSocket(url.replace("http", "ws") + path, { headers });
  const messages: unknown[] = [];
  socket.on("message", (data) => messages.push(JSON.parse(String(data))));
  const ended = new Promise<number>((resolve) => {
    socket.on("close", (code) => resolve(code));
    socket.on("unexpected-response", (_request, response) => {
      resolve(response.statusCode ?? 0);
      response.destroy();
    });
    socket.on("error", () => {
      // Its reason is told by one of the others.
    });
  });
  return { messages, ended, socket };
}

test("over WebSocket each event is a message, and the end of the request closes it", async () => {
  cluster.tell(progress(5, 2));
  const { messages, ended } = socketOf("/v1/requests/r1/events", bearer(TOKENS.read));
  await expect.poll(() => messages.length, SLOW).toBe(2);
  cluster.tell(progress(7, 4, END));
  expect(await ended).toBe(1000);
  expect(messages.slice(1)).toEqual([progress(5, 2), progress(7, 4, END)]);
});

test("over WebSocket a failure is a message with its code", async () => {
  cluster.tell(clusterFailure("NO_MAJORITY"));
  const { messages, ended } = socketOf("/v1/requests/r1/events?after=1", bearer(TOKENS.read));
  expect(await ended).toBe(1011);
  expect(messages).toMatchObject([{ kind: "error", code: "NO_MAJORITY" }]);
});

test("a WebSocket needs what every call needs: a token, this node's name, no foreign page", async () => {
  const path = "/v1/workflows/text/events";
  expect(await socketOf(path, {}).ended).toBe(401);
  expect(await socketOf(path, bearer("nobody")).ended).toBe(401);
  const origin = { ...bearer(TOKENS.read), origin: "https://evil.example" };
  expect(await socketOf(path, origin).ended).toBe(403);
  const host = { ...bearer(TOKENS.read), host: "evil.example" };
  expect(await socketOf(path, host).ended).toBe(403);
  expect(await socketOf("/v1/workflows/other/events", bearer(TOKENS.limited)).ended).toBe(403);
});

test("a stream ends when its token is revoked, over SSE and over WebSocket, and tells nothing more", async () => {
  const path = "/v1/workflows/text/events";
  const answer = await fetch(url + path, { headers: bearer(TOKENS.read) });
  const { messages, ended } = socketOf(path, bearer(TOKENS.read));
  await expect.poll(() => cluster.waits, SLOW).toBe(2);
  cluster.revoked.add(TOKENS.read);
  cluster.tell(progress(5, 2));
  expect(await ended).toBe(1011);
  expect(messages.at(-1)).toMatchObject({ kind: "error", code: "API_TOKEN_UNKNOWN" });
  const text = await answer.text();
  expect(text).toContain('event: error\ndata: {"code":"API_TOKEN_UNKNOWN"');
  expect([text.includes('"number":5'), messages.length]).toEqual([false, 2]);
});

test("a WebSocket on another path is refused, and one that says too much is closed", async () => {
  const elsewhere = socketOf("/v1/nodes", bearer(TOKENS.read));
  expect(await elsewhere.ended).not.toBe(1000);
  const { ended, socket, messages } = socketOf("/v1/workflows/text/events", bearer(TOKENS.read));
  await expect.poll(() => messages.length, SLOW).toBe(1);
  socket.send("x".repeat(100_000));
  expect([1006, 1009]).toContain(await ended);
  await expect.poll(() => cluster.waits, SLOW).toBe(0);
});

test("a WebSocket keeps its place among the waits until it is closed, and one too many is refused before", async () => {
  const rules = { listenHost: "127.0.0.1", hostNames: [] };
  const own = await buildApi({ cluster, log: silentLog, rules, bounds: { waitsMax: 1 } });
  const usual = url;
  ({ url } = await listenApi(own, { host: "127.0.0.1", port: 0 }));
  try {
    const path = "/v1/workflows/text/events";
    const first = socketOf(path, bearer(TOKENS.read));
    await expect.poll(() => first.messages.length, SLOW).toBe(1);
    expect(await socketOf(path, bearer(TOKENS.read)).ended).toBe(429);
    first.socket.close();
    await first.ended;
    await expect.poll(() => cluster.waits, SLOW).toBe(0);
    const next = socketOf(path, bearer(TOKENS.read));
    await expect.poll(() => next.messages.length, SLOW).toBe(1);
    next.socket.terminate();
  } finally {
    url = usual;
    await own.close();
  }
});

test.each(["SSE", "WebSocket"])(
  "who takes nothing of a stream over %s is cut off",
  async (kind) => {
    const rules = { listenHost: "127.0.0.1", hostNames: [] };
    const own = await buildApi({ cluster, log: silentLog, rules, silenceMsMax: 300 });
    const { port } = await listenApi(own, { host: "127.0.0.1", port: 0 });
    try {
      const upgrade =
        "connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n";
      const socket = connect({ port, host: "127.0.0.1" });
      socket.write(
        `GET /v1/workflows/text/events HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer ${TOKENS.read}\r\n${kind === "SSE" ? "" : upgrade}\r\n`,
      );
      await once(socket, "readable");
      await expect.poll(() => cluster.waits, SLOW).toBe(1);
      // More than the kernel holds for both sides; nothing of it is read here.
      const large = { ...progress(1, 1), job: "x".repeat(1 << 20) };
      for (let count = 0; count < 40; count++) cluster.tell(large);
      await expect.poll(() => cluster.waits, SLOW).toBe(0);
      socket.destroy();
    } finally {
      await own.close();
    }
  },
);
