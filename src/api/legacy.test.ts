import type { FastifyInstance } from "fastify";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { applyText, cluster, app as plain } from "../../test/lib/api-kit.ts";
import { clusterFailure } from "../../test/lib/fake-cluster.ts";
import { silentLog } from "../std/log.ts";
import { buildApi } from "./server.ts";

const JOB = "/job/text/wordcount";
let app: FastifyInstance;

beforeAll(async () => {
  const rules = { listenHost: "127.0.0.1", hostNames: [] };
  app = await buildApi({ cluster, log: silentLog, rules, legacyWorkflows: ["text"] });
});

afterAll(() => app.close());

beforeEach(applyText);

interface Call {
  readonly url?: string;
  readonly payload?: string;
  readonly headers?: Record<string, string>;
  readonly remoteAddress?: string;
  readonly on?: FastifyInstance;
}

async function post(call: Call = {}) {
  const { url = JOB, payload = '{"arguments":{"b":1,"a":2}}', headers = {}, on = app } = call;
  const type = { "content-type": "application/json" };
  const answer = await on.inject({
    method: "POST",
    url,
    payload,
    headers: { host: "localhost:7070", ...type, ...headers },
    remoteAddress: call.remoteAddress ?? "127.0.0.1",
  });
  const body: unknown = JSON.parse(answer.body);
  return { status: answer.statusCode, body, headers: answer.headers };
}

test("a blocking call waits for the result, with the headers that old clients read", async () => {
  const answer = post();
  await expect.poll(() => cluster.waits, { timeout: 20_000 }).toBe(1);
  cluster.succeed("r1", [["k", 3]]);
  expect(await answer).toMatchObject({
    status: 200,
    body: { result: { pairs: [["k", 3]] } },
    headers: { "x-mr-request-id": "r1", "x-fulfilled-by": "node-1" },
  });
  expect(cluster.calls.find(({ method }) => method === "submit")?.input).toMatchObject({
    arguments: [
      ["b", 1],
      ["a", 2],
    ],
  });
});

test("a pause is asked for once, however long it lasts", async () => {
  const answer = post();
  await expect.poll(() => cluster.waits, { timeout: 20_000 }).toBe(1);
  cluster.change("r1", { state: "paused" });
  const asked = (): unknown[] =>
    cluster.calls.filter(({ method }) => method === "request").map(({ input }) => input);
  await expect.poll(() => asked().length, { timeout: 20_000 }).toBe(2);
  // Other calls are answered meanwhile; the paused one is not.
  for (let at = 0; at < 5; at++) await post({ url: `${JOB}?blocking=false` });
  expect(asked()).toMatchObject([{ knowsPaused: false }, { knowsPaused: true }]);
  cluster.succeed("r1", [["k", 3]]);
  expect(await answer).toMatchObject({ status: 200, body: { result: { pairs: [["k", 3]] } } });
});

test("one that does not block has the id and no result", async () => {
  expect(await post({ url: `${JOB}?blocking=false` })).toMatchObject({
    status: 200,
    body: { result: null },
    headers: { "x-mr-request-id": "r1" },
  });
});

test("a failure is 500 with an empty body and its reason in headers of one line", async () => {
  const answer = post();
  await expect.poll(() => cluster.waits, { timeout: 20_000 }).toBe(1);
  cluster.fail("r1", { code: "HANDLER_FAILED", message: "it\r\nbroke ü" });
  expect(await answer).toMatchObject({
    status: 500,
    body: {},
    headers: { "x-mr-exception-type": "HANDLER_FAILED", "x-mr-exception-message": "it broke  " },
  });
});

const UNTOLD = {
  status: 503,
  body: { code: "API_REQUEST_UNANSWERED", details: { request: "r1", reason: "NO_MAJORITY" } },
  headers: { "x-mr-request-id": "r1" },
};

test("a majority that is away while the end is waited for is no failure of the job", async () => {
  const answer = post();
  await expect.poll(() => cluster.waits, { timeout: 20_000 }).toBe(1);
  cluster.failures.push(clusterFailure("NO_MAJORITY"));
  cluster.change("r1", { state: "paused" });
  const answered = await answer;
  expect(answered).toMatchObject(UNTOLD);
  // It would submit the job a second time.
  expect(answered.headers).not.toHaveProperty("retry-after");
  expect(answered.headers).not.toHaveProperty("x-mr-exception-type");
});

test("a majority that is away when the result is fetched is no failure of the job", async () => {
  const answer = post();
  await expect.poll(() => cluster.waits, { timeout: 20_000 }).toBe(1);
  cluster.failures.push(clusterFailure("NO_MAJORITY"));
  cluster.succeed("r1", [["k", 3]]);
  const answered = await answer;
  expect(answered).toMatchObject(UNTOLD);
  expect(answered.headers).not.toHaveProperty("x-mr-exception-type");
});

test("a request that is deleted while it is waited for has its own code, not a failure's", async () => {
  const answer = post();
  await expect.poll(() => cluster.waits, { timeout: 20_000 }).toBe(1);
  cluster.failures.push(clusterFailure("REQUEST_UNKNOWN"));
  cluster.change("r1", { state: "paused" });
  const answered = await answer;
  expect(answered).toMatchObject({ status: 404, body: { code: "REQUEST_UNKNOWN" } });
  expect(answered.headers).not.toHaveProperty("x-mr-exception-type");
});

test("without the option there is no such path", async () => {
  expect(await post({ on: plain })).toMatchObject({
    status: 404,
    body: { code: "API_ROUTE_UNKNOWN" },
  });
});

/** What a page could send without asking the browser's leave. */
const FORM: Call = { headers: { "content-type": "application/x-www-form-urlencoded" } };
const REFUSED: readonly (readonly [string, Call, number, string])[] = [
  ["another workflow", { url: "/job/other/wordcount" }, 403, "API_LEGACY_REFUSED"],
  ["another machine", { remoteAddress: "10.0.0.7" }, 403, "API_LEGACY_REFUSED"],
  ["another machine by its IPv6", { remoteAddress: "fe80::1" }, 403, "API_LEGACY_REFUSED"],
  ["another host's name", { headers: { host: "evil.example" } }, 403, "API_HOST_REFUSED"],
  ["a foreign page", { headers: { origin: "https://evil.example" } }, 403, "API_ORIGIN_REFUSED"],
  ["another type", { headers: { "content-type": "text/plain" } }, 415, "API_MEDIA_TYPE_UNKNOWN"],
  ["a form's type", FORM, 415, "API_MEDIA_TYPE_UNKNOWN"],
  ["no arguments", { payload: "{}" }, 400, "API_INPUT_INVALID"],
  ["no JSON", { payload: "{" }, 400, "API_JSON_INVALID"],
  ["a flag that is none", { url: `${JOB}?blocking=maybe` }, 400, "API_INPUT_INVALID"],
  ["a job that is not there", { url: "/job/text/none" }, 404, "JOB_UNKNOWN"],
];
test.each(REFUSED)("%s is refused", async (_what, call, status, code) => {
  expect(await post(call)).toMatchObject({ status, body: { code } });
});

test("it opens nothing else: what is under /v1 wants a token", async () => {
  const headers = { host: "localhost:7070" };
  expect((await app.inject({ url: "/v1/workflows/text", headers })).statusCode).toBe(401);
});
