import type { FastifyInstance, InjectOptions } from "fastify";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { clusterFailure, FakeCluster, TOKENS } from "../../test/lib/fake-cluster.ts";
import { silentLog } from "../std/log.ts";
import { APPLY_BODY_BYTES_MAX, BODY_BYTES_MAX } from "./limits.ts";
import { buildApi } from "./server.ts";

let cluster: FakeCluster;
let app: FastifyInstance;
const logged: unknown[] = [];
const log = {
  ...silentLog,
  error: (message: string, fields?: unknown) => logged.push({ message, fields }),
};

beforeAll(async () => {
  cluster = new FakeCluster();
  app = await buildApi({
    cluster,
    log,
    rules: { listenHost: "127.0.0.1", hostNames: ["jobx.example"] },
  });
});

afterAll(async () => {
  await app.close();
});

beforeEach(() => {
  cluster.reset();
  logged.length = 0;
});

async function call(
  method: "GET" | "PUT" | "POST" | "DELETE",
  url: string,
  options: Omit<InjectOptions, "method" | "url"> & { readonly token?: string } = {},
): Promise<{ status: number; body: unknown; headers: Record<string, unknown> }> {
  const { token = TOKENS.admin, headers = {}, ...rest } = options;
  const authorization = token === "" ? {} : { authorization: `Bearer ${token}` };
  const response = await app.inject({
    method,
    url,
    headers: { host: "localhost:7070", ...authorization, ...headers },
    ...rest,
  });
  const json = String(response.headers["content-type"]).startsWith("application/json");
  const body: unknown = json ? JSON.parse(response.body) : response.body;
  return { status: response.statusCode, body, headers: response.headers };
}

const JSON_TYPE = { "content-type": "application/json" };
const STEPS = { words: { map: "count", reduce: "sum", timeout: "60s" } };
const JOBS = { wordcount: { step: "words" } };
const SUBMIT = "/v1/workflows/text/jobs/wordcount/requests";

async function applyText(): Promise<void> {
  await call("PUT", "/v1/workflows/text", { payload: { steps: STEPS, jobs: JOBS } });
  cluster.calls.length = 0;
}

describe("who may call", () => {
  test("every route under /v1 wants a token", async () => {
    const routes = [
      ["GET", "/v1/nodes"],
      ["POST", "/v1/tickets"],
      ["GET", "/v1/workflows"],
      ["GET", "/v1/workflows/w"],
      ["PUT", "/v1/workflows/w"],
      ["DELETE", "/v1/workflows/w"],
      ["POST", "/v1/workflows/w/jobs/j/requests"],
      ["GET", "/v1/workflows/w/requests"],
      ["GET", "/v1/requests/r"],
      ["GET", "/v1/requests/r/attempts"],
      ["POST", "/v1/requests/r/cancel"],
      ["POST", "/v1/requests/r/resume"],
    ] as const;
    for (const [method, url] of routes) {
      const answer = await call(method, url, { token: "" });
      expect([url, answer.status, answer.headers["www-authenticate"]]).toEqual([
        url,
        401,
        "Bearer",
      ]);
    }
    // A route that is added without a line above shows here.
    // Paths are counted: of several methods on one path the first is printed before the others.
    const known = app.printRoutes({ commonPrefix: false }).match(/\((?:GET|PUT|POST|DELETE)/g);
    expect(known).toHaveLength(10 + 3);
  });

  test.each([
    ["read", "GET", "/v1/workflows", 200],
    ["read", "POST", SUBMIT, 403],
    ["read", "POST", "/v1/requests/r1/cancel", 403],
    ["submit", "PUT", "/v1/workflows/text", 403],
    ["submit", "DELETE", "/v1/workflows/text", 403],
    ["submit", "POST", "/v1/tickets", 403],
    ["submit", "GET", "/v1/workflows", 200],
    ["admin", "POST", "/v1/tickets", 201],
  ] as const)("a token that may %s calls %s %s: %d", async (role, method, url, status) => {
    await applyText();
    const answer = await call(method, url, { token: TOKENS[role] });
    expect(answer.status).toBe(status);
    if (status === 403) expect(answer.body).toMatchObject({ code: "API_ROLE_INSUFFICIENT" });
  });

  test("an unknown token and one that is no token are told apart", async () => {
    expect((await call("GET", "/v1/nodes", { token: "x" })).body).toMatchObject({
      code: "API_TOKEN_UNKNOWN",
    });
    const basic = await call("GET", "/v1/nodes", {
      token: "",
      headers: { authorization: "Basic eDp5" },
    });
    expect(basic.body).toMatchObject({ code: "API_TOKEN_MISSING" });
  });

  test("a name that is not this node's is refused before the token is looked at", async () => {
    const answer = await call("GET", "/healthz", {
      token: "",
      headers: { host: "evil.example:7070" },
    });
    expect(answer.status).toBe(403);
    expect(answer.body).toMatchObject({
      code: "API_HOST_REFUSED",
      details: { host: "evil.example:7070" },
    });
    expect((await call("GET", "/healthz", { headers: { host: "jobx.example" } })).status).toBe(200);
  });

  test("a page from elsewhere is refused, one from here is not", async () => {
    const origin = (value: string) => call("GET", "/v1/nodes", { headers: { origin: value } });
    expect((await origin("http://evil.example")).body).toMatchObject({
      code: "API_ORIGIN_REFUSED",
    });
    expect((await origin("null")).status).toBe(403);
    expect((await origin("http://localhost:7070")).status).toBe(200);
  });

  test("health needs no token, metrics do", async () => {
    expect(await call("GET", "/healthz", { token: "" })).toMatchObject({
      status: 200,
      body: { status: "ok" },
    });
    expect((await call("GET", "/readyz", { token: "" })).status).toBe(200);
    cluster.isReady = false;
    expect(await call("GET", "/readyz", { token: "" })).toMatchObject({
      status: 503,
      body: { ready: false, reason: "still joining" },
    });
    expect((await call("GET", "/metrics", { token: "" })).status).toBe(401);
    expect((await call("GET", "/metrics")).body).toContain("jobx_up 1");
  });
});

describe("apply", () => {
  test("steps and jobs are read as in a workflow file", async () => {
    const answer = await call("PUT", "/v1/workflows/text?dryRun&force=false", {
      payload: { description: "Counts.", steps: STEPS, jobs: JOBS },
    });
    expect(answer).toMatchObject({
      status: 200,
      body: { created: true, steps: { changed: ["words"] } },
    });
    expect(cluster.calls[0]?.input).toMatchObject({
      dryRun: true,
      force: false,
      definition: {
        workflow: "text",
        description: "Counts.",
        handlers: undefined,
        steps: { words: { timeoutMs: 60_000, retries: 3, onFailure: "fail" } },
      },
    });
  });

  test.each([
    [{ steps: { words: { map: "m", reduce: "r", retry: 1 } } }, "WORKFLOW_KEY_UNKNOWN"],
    [{ steps: STEPS, jobs: { j: { step: "word" } } }, "WORKFLOW_STEP_UNDEFINED"],
    [{ steps: [] }, "API_INPUT_INVALID"],
    [{ step: {} }, "API_INPUT_INVALID"],
    [{ workflow: "other" }, "API_INPUT_INVALID"],
    [{ description: 7 }, "API_INPUT_INVALID"],
    [{ description: "d".repeat(5000) }, "API_INPUT_INVALID"],
    [[], "API_INPUT_INVALID"],
    [
      { handlers: [{ name: "a", path: "a.js", language: "ruby", source: "" }] },
      "API_INPUT_INVALID",
    ],
    [
      { handlers: [{ name: "a-b", path: "a-b.js", language: "python", source: "" }] },
      "HANDLER_NAME_INVALID",
    ],
  ] as const)("%j is refused with %s", async (payload, code) => {
    const answer = await call("PUT", "/v1/workflows/text", { payload });
    expect(answer).toMatchObject({ status: 400, body: { code } });
    expect(cluster.calls).toEqual([]);
  });

  test("handlers with one name are refused with both files", async () => {
    const file = (path: string) => ({ name: "a", path, language: "python", source: "" });
    const answer = await call("PUT", "/v1/workflows/text", {
      payload: { handlers: [file("a.py"), file("a.js")] },
    });
    expect(answer.body).toMatchObject({
      code: "HANDLER_NAME_DUPLICATE",
      details: { files: ["a.py", "a.js"] },
    });
  });

  test("sources may be larger than other bodies, up to a bound", async () => {
    const source = (count: number) => ({
      handlers: Array.from({ length: count }, (_, index) => ({
        name: `h${index}`,
        path: "h.py",
        language: "python",
        source: "#".repeat(1 << 20),
      })),
    });
    expect((await call("PUT", "/v1/workflows/w", { payload: source(3) })).status).toBe(200);
    expect(await call("PUT", "/v1/workflows/w", { payload: source(8) })).toMatchObject({
      status: 413,
      body: { code: "API_BODY_TOO_LARGE", details: { bytesMax: APPLY_BODY_BYTES_MAX } },
    });
  });

  test("a name that is none and a workflow that is not there are told apart", async () => {
    expect((await call("GET", "/v1/workflows/my-flow")).body).toMatchObject({
      code: "API_INPUT_INVALID",
    });
    expect(await call("GET", "/v1/workflows/none")).toMatchObject({
      status: 404,
      body: { code: "WORKFLOW_UNKNOWN", details: { workflow: "none" } },
    });
    await applyText();
    expect((await call("GET", "/v1/workflows/text")).body).toMatchObject({
      term: 3,
      scheduler: "12D3KooWfirst",
    });
    expect((await call("DELETE", "/v1/workflows/text")).body).toEqual({ workflow: "text" });
    expect((await call("GET", "/v1/workflows")).body).toEqual({ workflows: [] });
  });

  test("the longest name is found", async () => {
    const name = "w".repeat(128);
    expect((await call("PUT", `/v1/workflows/${name}`, { payload: {} })).status).toBe(200);
    expect((await call("GET", `/v1/workflows/${name}`)).status).toBe(200);
    expect((await call("GET", `/v1/workflows/${name}w`)).status).toBe(400);
    expect((await call("GET", `/v1/workflows/${"w".repeat(600)}`)).status).toBe(400);
  });
});

describe("submit", () => {
  beforeEach(applyText);

  const submitted = () => cluster.calls.find(({ method }) => method === "submit")?.input;

  test("an object's members become pairs in the order of the text, each of them", async () => {
    const payload =
      '{"arguments": {"b": 1, "10": [2], "9": {"x": null}, "b": "again", "__proto__": true}}';
    const answer = await call("POST", SUBMIT, { payload, headers: JSON_TYPE });
    expect(answer).toMatchObject({
      status: 202,
      body: { request: "r1", workflow: "text", job: "wordcount", duplicate: false },
    });
    expect(answer.headers["location"]).toBe("/v1/requests/r1");
    expect(submitted()).toMatchObject({
      arguments: [
        ["b", 1],
        ["10", [2]],
        ["9", { x: null }],
        ["b", "again"],
        ["__proto__", true],
      ],
    });
  });

  test("pairs are taken as they are", async () => {
    await call("POST", SUBMIT, {
      payload: {
        arguments: [
          [1, "a"],
          [["x", 2], null],
        ],
      },
    });
    expect(submitted()).toMatchObject({
      arguments: [
        [1, "a"],
        [["x", 2], null],
      ],
    });
  });

  const refused: readonly (readonly [string, string])[] = [
    ['{"arguments": {"a": 9007199254740993}}', "HANDLER_VALUE_NOT_EXACT"],
    ['{"arguments": {"a": [{"b": -9007199254740992}]}}', "HANDLER_VALUE_NOT_EXACT"],
    ['{"arguments": {"a": 1e400}}', "HANDLER_VALUE_NOT_EXACT"],
    ['{"arguments": [[9007199254740993, 1]]}', "HANDLER_VALUE_NOT_EXACT"],
    ['{"arguments": {"a": "\\ud800"}}', "HANDLER_VALUE_NOT_EXACT"],
    ['{"arguments": {"\\udc00": 1}}', "HANDLER_VALUE_NOT_EXACT"],
    ['{"arguments": [[{"a": 1}, 1]]}', "API_INPUT_INVALID"],
    ['{"arguments": [[1]]}', "API_INPUT_INVALID"],
    ['{"arguments": [[1, 2, 3]]}', "API_INPUT_INVALID"],
    ['{"arguments": ["ab"]}', "API_INPUT_INVALID"],
    ['{"arguments": "ab"}', "API_INPUT_INVALID"],
    ['{"arguments": {}, "more": 1}', "API_INPUT_INVALID"],
    ["{}", "API_INPUT_INVALID"],
    ["null", "API_INPUT_INVALID"],
    ["", "API_JSON_INVALID"],
    ['{"arguments": {"a": 1}', "API_JSON_INVALID"],
    ['{"arguments": {"a": 01}}', "API_JSON_INVALID"],
    [`{"arguments": {"a": ${"[".repeat(300)}${"]".repeat(300)}}}`, "API_INPUT_INVALID"],
    [`{"arguments": {"a": ${"[".repeat(400_000)}${"]".repeat(400_000)}}}`, "API_INPUT_INVALID"],
  ];
  const cases = refused.map(([payload, code]) => [payload.slice(0, 60), code, payload] as const);
  test.each(cases)("%s is refused with %s", async (_start, code, payload) => {
    const answer = await call("POST", SUBMIT, { payload, headers: JSON_TYPE });
    expect(answer).toMatchObject({ status: 400, body: { code } });
    expect(submitted()).toBeUndefined();
  });

  test("the largest exact integers and other numbers pass", async () => {
    const payload =
      '{"arguments": {"a": 9007199254740991, "b": -9007199254740991, "c": 0.1, "d": 1e-300}}';
    expect((await call("POST", SUBMIT, { payload, headers: JSON_TYPE })).status).toBe(202);
  });

  test("bytes that are not UTF-8 are refused, not replaced", async () => {
    const payload = Buffer.from('{"arguments": {"a": "\xff"}}', "latin1");
    expect((await call("POST", SUBMIT, { payload, headers: JSON_TYPE })).body).toMatchObject({
      code: "API_JSON_INVALID",
    });
  });

  test("a body above the bound and one of another type are refused", async () => {
    const payload = JSON.stringify({ arguments: { a: "x".repeat(BODY_BYTES_MAX) } });
    expect(await call("POST", SUBMIT, { payload, headers: JSON_TYPE })).toMatchObject({
      status: 413,
      body: { code: "API_BODY_TOO_LARGE", details: { bytesMax: BODY_BYTES_MAX } },
    });
    const text = { payload: "a=1", headers: { "content-type": "text/plain" } };
    expect(await call("POST", SUBMIT, text)).toMatchObject({
      status: 415,
      body: { code: "API_MEDIA_TYPE_UNKNOWN" },
    });
  });

  test("the same key gives the same request, and a conflict with another body", async () => {
    const headers = { "idempotency-key": "k1" };
    const send = (value: number) =>
      call("POST", SUBMIT, { payload: { arguments: { a: value } }, headers });
    expect((await send(1)).body).toMatchObject({ request: "r1", duplicate: false });
    expect((await send(1)).body).toMatchObject({ request: "r1", duplicate: true });
    expect(await send(2)).toMatchObject({ status: 409, body: { code: "IDEMPOTENCY_CONFLICT" } });
    const long = await call("POST", SUBMIT, {
      payload: { arguments: {} },
      headers: { "idempotency-key": "k".repeat(129) },
    });
    expect(long.body).toMatchObject({ code: "API_INPUT_INVALID" });
  });

  test("with wait the answer is the ended request with its result", async () => {
    const answer = call("POST", `${SUBMIT}?wait=20000`, { payload: { arguments: {} } });
    await expect.poll(() => cluster.waits).toBe(1);
    cluster.succeed("r1", [["a", 1]]);
    expect(await answer).toMatchObject({
      status: 200,
      body: { request: "r1", state: "succeeded", duplicate: false, result: { pairs: [["a", 1]] } },
    });
  });

  test("a wait that is over answers with the state so far", async () => {
    const answer = await call("POST", `${SUBMIT}?wait=1`, { payload: { arguments: {} } });
    expect(answer).toMatchObject({ status: 202, body: { request: "r1", state: "running" } });
  });

  test("an acknowledged submission is told even when the wait fails", async () => {
    cluster.failNextWait = clusterFailure("NO_MAJORITY");
    const answer = await call("POST", `${SUBMIT}?wait=100`, { payload: { arguments: {} } });
    expect(answer).toMatchObject({ status: 202, body: { request: "r1", duplicate: false } });
  });
});

describe("requests", () => {
  beforeEach(async () => {
    await applyText();
    await call("POST", SUBMIT, { payload: { arguments: {} } });
    cluster.calls.length = 0;
  });

  test("a result is sent only where it was asked for", async () => {
    cluster.succeed("r1", [["a", 1]]);
    expect((await call("GET", "/v1/requests/r1")).body).toMatchObject({
      state: "succeeded",
      result: null,
    });
    expect((await call("GET", "/v1/requests/r1?result=true")).body).toMatchObject({
      result: { pairs: [["a", 1]] },
    });
  });

  test("a wait longer than the bound, a wrong one and a list page of none are refused", async () => {
    for (const query of [
      "wait=60001",
      "wait=-1",
      "wait=1.5",
      "wait=1&wait=2",
      "result=maybe",
      "more=1",
    ]) {
      const answer = await call("GET", `/v1/requests/r1?${query}`);
      expect([query, answer.status]).toEqual([query, 400]);
    }
    expect((await call("GET", "/v1/workflows/text/requests?limit=0")).status).toBe(400);
    expect(cluster.calls).toEqual([]);
  });

  test("the caller's deadline is passed on, and a wait adds to it", async () => {
    const headers = { "jobx-deadline-ms": "2500" };
    await call("GET", "/v1/requests/r1?wait=5", { headers });
    expect(cluster.calls[0]).toMatchObject({ deadlineMs: 2505, input: { waitMs: 5 } });
    const wrong = await call("GET", "/v1/requests/r1", { headers: { "jobx-deadline-ms": "0" } });
    expect(wrong.body).toMatchObject({ code: "API_INPUT_INVALID" });
  });

  test("cancel, resume, list and attempts answer", async () => {
    expect((await call("POST", "/v1/requests/r1/resume")).status).toBe(409);
    cluster.change("r1", { state: "paused" });
    expect(
      (await call("POST", "/v1/requests/r1/resume", { headers: JSON_TYPE, payload: "" })).body,
    ).toMatchObject({
      state: "running",
    });
    expect((await call("POST", "/v1/requests/r1/cancel")).body).toMatchObject({
      state: "cancelled",
    });
    expect((await call("GET", "/v1/workflows/text/requests?limit=5")).body).toMatchObject({
      requests: [{ request: "r1" }],
    });
    expect((await call("GET", "/v1/requests/r1/attempts?limit=5")).body).toEqual({
      attempts: [],
      truncated: false,
    });
    expect((await call("GET", "/v1/requests/nope")).body).toMatchObject({
      code: "REQUEST_UNKNOWN",
    });
  });
});

describe("what goes wrong", () => {
  test.each([
    ["COMMAND_NOT_ACCEPTED", 503],
    ["NO_MAJORITY", 503],
    ["COMMAND_OUTCOME_UNKNOWN", 504],
    ["COMMAND_QUEUE_FULL", 429],
  ])("%s is %d and says when to come back", async (code, status) => {
    cluster.failures.push(clusterFailure(code, { why: "a reason" }));
    const answer = await call("GET", "/v1/nodes");
    expect(answer).toMatchObject({ status, body: { code, details: { why: "a reason" } } });
    expect(answer.headers["retry-after"]).toBe("1");
  });

  test("an error that nobody expected is logged and not shown", async () => {
    cluster.failures.push(new TypeError("secret inside"));
    const answer = await call("GET", "/v1/nodes");
    expect(answer).toMatchObject({ status: 500, body: { code: "API_INTERNAL", details: {} } });
    expect(JSON.stringify(answer.body)).not.toContain("secret");
    expect(logged).toHaveLength(1);
  });

  test("an operating error without a status keeps its code and is logged", async () => {
    cluster.failures.push(clusterFailure("SOMETHING_NEW"));
    expect(await call("GET", "/v1/nodes")).toMatchObject({
      status: 500,
      body: { code: "SOMETHING_NEW" },
    });
    expect(logged).toHaveLength(1);
  });

  test.each(["/", "/v1", "/v1/none", "/v2/nodes", "/v1/nodes/"])("%s is not there", async (url) => {
    expect(await call("GET", url)).toMatchObject({
      status: 404,
      body: { code: "API_ROUTE_UNKNOWN" },
    });
  });

  test("a malformed URL is a coded error", async () => {
    expect(await call("GET", "/v1/workflows/%zz")).toMatchObject({
      status: 400,
      body: { code: "API_URL_INVALID" },
    });
  });

  test("more calls than the bound are refused, and places are given back", async () => {
    const small = await buildApi({
      cluster,
      log: silentLog,
      rules: { listenHost: "127.0.0.1", hostNames: [] },
      inFlightMax: 1,
    });
    await applyText();
    await call("POST", SUBMIT, { payload: { arguments: {} } });
    const headers = { host: "localhost", authorization: `Bearer ${TOKENS.admin}` };
    const waiting = small.inject({ url: "/v1/requests/r1?wait=20000", headers });
    await expect.poll(() => cluster.waits).toBe(1);
    const refused = await small.inject({ url: "/healthz", headers });
    expect([refused.statusCode, refused.json()]).toMatchObject([503, { code: "API_BUSY" }]);
    cluster.succeed("r1", []);
    expect((await waiting).statusCode).toBe(200);
    expect((await small.inject({ url: "/healthz", headers })).statusCode).toBe(200);
    await small.close();
  });
});
